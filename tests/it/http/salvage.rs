//! `POST /v1/jobs/{id}/salvage`: what a killed attempt had written becomes a file that plays.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Server, slow_job};

fn crash_safe(mode: &str) -> Value {
    let mut job = slow_job(mode);
    job["crash_safe"] = json!(true);
    // Fragments come with key frames.
    job["outputs"][0]["video"] = json!({ "codec": "h264", "speed": "medium", "keyframe_interval_ms": 500 });
    job
}

/// Waits until some fragments of a file are on the disk.
async fn written(server: &Server, id: &str, file: &str, least: u64) {
    let work = server.data_dir().join("work");
    crate::harness::eventually("fragments to be written", || async {
        let folders = std::fs::read_dir(&work).ok()?.flatten();
        let mine = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(id));
        let size = |path: &Path| std::fs::metadata(path.join("outputs").join(file)).map_or(0, |meta| meta.len());
        mine.map(|entry| size(&entry.path())).any(|size| size > least).then_some(())
    })
    .await;
}

async fn saved(server: &Server, id: &str) {
    let (status, job) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
    assert_eq!(status, 200, "{job:#}");
    let output = &job["outputs"][0];
    assert_eq!((&output["partial"], &output["playable"]), (&json!(true), &json!(true)), "{job:#}");
    assert!(output["media"]["duration_ms"].as_u64().unwrap() > 500, "{output:#}");
    let file = server.request(reqwest::Method::GET, output["url"].as_str().unwrap()).send().await.unwrap();
    let bytes = file.bytes().await.unwrap();
    // An index at the beginning, and no fragments any more.
    let place = |name: &[u8]| bytes.windows(4).position(|window| window == name);
    assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none());
    let events = server.events(&format!("/v1/jobs/{id}/events")).await.rest().await;
    assert_eq!(events.last().unwrap().data["outputs"][0]["url"], output["url"], "and an event tells of it");
    let (status, _) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
    assert_eq!(status, 409, "nothing is left to be saved");
}

#[tokio::test]
async fn a_job_that_was_killed_at_once_can_be_saved() {
    let server = Server::start();
    for mode in ["standard", "graceful"] {
        let id = server.submit(&crash_safe(mode)).await;
        written(&server, &id, ".0.mp4", 300_000).await;
        let (status, problem) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
        assert_eq!(status, 409, "it runs: {problem}");
        server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
        let job = server.over(&id).await;
        assert_eq!((&job["state"], &job["outputs"][0]["url"]), (&json!("cancelled"), &Value::Null), "{mode}");
        saved(&server, &id).await;
    }
}

#[tokio::test]
async fn sound_can_be_saved_without_pictures_beside_it() {
    let server = Server::start();
    let mut job = crash_safe("standard");
    // Its pace is that of the other one.
    job["outputs"].as_array_mut().unwrap().push(json!({ "name": "sound.m4a" }));
    let id = server.submit(&job).await;
    written(&server, &id, ".1.m4a", 30_000).await;
    server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    server.over(&id).await;
    let (status, job) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
    assert_eq!(status, 200, "{job:#}");
    let sound = &job["outputs"][1];
    assert_eq!((&sound["name"], &sound["playable"]), (&json!("sound.m4a"), &json!(true)), "{job:#}");
    assert!(sound["media"]["duration_ms"].as_u64().unwrap() > 1000, "{sound:#}");
}

#[tokio::test]
async fn a_job_whose_server_was_killed_can_be_saved_after_the_next_start() {
    let server = Server::start();
    let id = server.submit(&crash_safe("slim")).await;
    written(&server, &id, ".0.mp4", 300_000).await;
    let server = server.kill_and_restart();
    // It runs again by itself; that one is killed before it has written anything.
    server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    assert_eq!(server.over(&id).await["state"], "cancelled");
    saved(&server, &id).await;
}

#[tokio::test]
async fn a_crash_safe_job_that_succeeds_is_a_plain_file_and_leaves_nothing() {
    let server = Server::start();
    let mut body = crash_safe("graceful");
    body["input"] = json!(crate::harness::clip());
    body["outputs"] = json!([{ "name": "a.mp4", "video": { "height": 90, "speed": "ultrafast" } }, { "name": "b.mkv" }, { "name": "c.m4a" }]);
    let id = server.submit(&body).await;
    let job = server.over(&id).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    assert_eq!(job["crash_safe"], true);
    let kept = server.data_dir().join("jobs").join(&id).join("1");
    assert!(!kept.join("remains").exists());
    let bytes = std::fs::read(kept.join("outputs/a.mp4")).unwrap();
    assert!(!bytes.windows(4).any(|window| window == b"moof"), "it was put together");
    let (status, problem) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
    assert_eq!(status, 409, "{problem}");
}

#[tokio::test]
async fn without_crash_safe_there_is_nothing_to_be_saved_and_it_says_why() {
    let server = Server::start();
    let id = server.submit_slow("standard").await;
    server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    server.over(&id).await;
    let (status, problem) = server.post(&format!("/v1/jobs/{id}/salvage"), &json!({})).await;
    assert_eq!(status, 409);
    assert!(problem["detail"].as_str().unwrap().contains("crash_safe"), "{problem}");
    let unknown = "/v1/jobs/01890000-0000-7000-8000-000000000000/salvage";
    assert_eq!(server.post(unknown, &json!({})).await.0, 404);
}
