use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Server, clip, processes_naming};

/// No process that works for the job is left.
fn assert_stopped(id: &str) {
    assert_eq!(processes_naming(id), [], "DELETE means stopped");
}

#[tokio::test]
async fn a_graceful_job_leaves_a_file_that_plays() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    let request = server.request(Method::DELETE, &format!("/v1/jobs/{id}")).header("prefer", "wait=60");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["preference-applied"], "wait=60");
    let job: Value = response.json().await.unwrap();
    assert_stopped(&id);
    assert_eq!(job["state"], "cancelled", "{job:#}");
    assert_eq!(
        (job["cancellation"]["reason"].as_str(), job["cancellation"]["method"].as_str()),
        (Some("client"), Some("quit"))
    );
    let output = &job["outputs"][0];
    assert_eq!((output["partial"].as_bool(), output["playable"].as_bool()), (Some(true), Some(true)), "{job:#}");
    let bytes = server
        .client
        .get(format!("{}{}", server.url, output["url"].as_str().unwrap()))
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let file = server.data_dir().join("downloaded.mp4");
    std::fs::write(&file, bytes).unwrap();
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(&file)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    assert!(decoded.status.success() && decoded.stderr.is_empty(), "{}", String::from_utf8_lossy(&decoded.stderr));
}

#[tokio::test]
async fn slim_and_standard_jobs_are_gone_at_once_and_leave_nothing() {
    let server = Server::start();
    for mode in ["slim", "standard"] {
        let id = server.submit_slow(mode).await;
        let (status, job) = server.delete(&format!("/v1/jobs/{id}")).await;
        assert_eq!((status, job["state"].as_str()), (202, Some("cancelling")));
        let job = server.over(&id).await;
        assert_stopped(&id);
        assert_eq!((job["state"].as_str(), job["cancellation"]["method"].as_str()), (Some("cancelled"), Some("kill")));
        assert_eq!(
            (job["outputs"][0]["url"].clone(), job["outputs"][0]["playable"].clone()),
            (Value::Null, Value::Null)
        );
        assert!(!server.data_dir().join("jobs").join(&id).join("1/outputs").exists());
        assert_eq!(std::fs::read_dir(server.data_dir().join("work")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_never_runs() {
    let options = crate::harness::Options { args: vec!["--slots".into(), "1".into()], ..Default::default() };
    let server = Server::start_with(options);
    let blocker = server.submit_slow("slim").await;
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.mp4"}]})).await;
    let (status, job) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!((status, job["state"].as_str()), (200, Some("cancelled")));
    assert_eq!(job["cancellation"]["method"], "not_started");
    assert_eq!(job["attempts"], json!([]));
    let (status, again) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!((status, &again), (200, &job));
    server.delete(&format!("/v1/jobs/{blocker}")).await;
    server.over(&blocker).await;
}

#[tokio::test]
async fn no_grace_kills_at_once_in_any_mode() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    let (status, _) = server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    assert_eq!(status, 202);
    let job = server.over(&id).await;
    assert_stopped(&id);
    assert_eq!(
        (job["state"].as_str(), job["cancellation"]["method"].as_str()),
        (Some("cancelled"), Some("kill")),
        "{job:#}"
    );
    assert!(job["error"]["message"].is_string(), "it says why there is no file: {job:#}");
}

#[tokio::test]
async fn cancelling_twice_asks_once_and_a_finished_job_says_so() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    let path = format!("/v1/jobs/{id}");
    let answers = futures_util::future::join_all((0..8).map(|_| server.delete(&path))).await;
    assert!(answers.iter().all(|(status, _)| [200, 202].contains(status)), "{answers:?}");
    let job = server.over(&id).await;
    assert_eq!(job["state"], "cancelled");
    let done = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.over(&done).await["state"], "succeeded");
    let (status, problem) = server.delete(&format!("/v1/jobs/{done}")).await;
    assert_eq!((status, problem["type"].as_str()), (409, Some("urn:transcoded:problem:conflict")));
}

#[tokio::test]
async fn a_wait_that_is_over_first_answers_with_what_is() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    let request = server.request(Method::DELETE, &format!("/v1/jobs/{id}")).header("prefer", "wait=0");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(server.over(&id).await["state"], "cancelled");
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_stopped_in_its_mode() {
    let server = Server::start();
    let mut body = crate::harness::slow_job("graceful");
    body["timeout_seconds"] = json!(1);
    let id = server.submit(&body).await;
    let job = server.over(&id).await;
    assert_stopped(&id);
    assert_eq!(
        (job["state"].as_str(), job["cancellation"]["reason"].as_str()),
        (Some("cancelled"), Some("timeout")),
        "{job:#}"
    );
    assert_eq!(job["error"]["code"], "timeout");
}

#[tokio::test]
async fn only_what_is_over_can_be_purged_and_then_it_is_gone() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    let path = format!("/v1/jobs/{id}");
    assert_eq!(server.delete(&format!("{path}?purge=true")).await.0, 409);
    server.delete(&path).await;
    server.over(&id).await;
    assert!(server.data_dir().join("jobs").join(&id).exists());
    assert_eq!(server.delete(&format!("{path}?purge=true")).await.0, 204);
    assert_eq!(server.get(&path).await.0, 404);
    assert_eq!(server.delete(&format!("{path}?purge=true")).await.0, 404);
    assert!(!server.data_dir().join("jobs").join(&id).join("1/outputs").exists());
}
