use serde_json::json;

use crate::harness::{Options, Server, clip, eventually, processes_naming, slow_job};

fn one_slot() -> Server {
    Server::start_with(Options { args: vec!["--slots".into(), "1".into()], ..Options::default() })
}

/// The states of the processes that work for a job: `R`, `S`, `T`, `Z` ….
fn states(id: &str) -> Vec<char> {
    let ids = processes_naming(id).into_iter().map(|(pid, _)| pid);
    let stat = |pid| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    ids.filter_map(|pid| stat(pid)?.rsplit_once(") ")?.1.chars().next()).collect()
}

async fn stands_still(id: &str) {
    eventually("ffmpeg to stand still", || async {
        let states = states(id);
        (!states.is_empty() && states.iter().all(|state| *state == 'T')).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_paused_job_stands_still_frees_its_slot_and_goes_on_where_it_was() {
    let server = one_slot();
    let id = server.submit_slow("graceful").await;
    let (status, job) = server.post(&format!("/v1/jobs/{id}/pause"), &json!({})).await;
    assert_eq!((status, job["state"].as_str()), (200, Some("paused")), "{job:#}");
    stands_still(&id).await;
    // Its slot is free for another, from start to end.
    let other = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.over(&other).await["state"], "succeeded");
    let before = server.job(&id).await;
    assert_eq!((before["state"].as_str(), before["attempts"][0]["finished_at"].clone()), (Some("paused"), json!(null)));
    let (status, job) = server.post(&format!("/v1/jobs/{id}/resume"), &json!({})).await;
    assert_eq!(status, 200, "{job:#}");
    let frame = before["progress"]["frame"].as_u64().unwrap();
    eventually("it to go on", || async {
        let job = server.job(&id).await;
        (job["progress"]["frame"].as_u64() > Some(frame)).then_some(())
    })
    .await;
    let job = server.job(&id).await;
    assert_eq!((job["state"].as_str(), job["attempts"].as_array().unwrap().len()), (Some("running"), 1));
    server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    assert_eq!(server.over(&id).await["state"], "cancelled");
}

#[tokio::test]
async fn a_paused_job_can_be_cancelled_and_keeps_a_file_that_plays() {
    let server = Server::start();
    let id = server.submit_slow("graceful").await;
    server.post(&format!("/v1/jobs/{id}/pause"), &json!({})).await;
    stands_still(&id).await;
    let (status, _) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!(status, 202);
    let job = server.over(&id).await;
    assert_eq!(
        (job["state"].as_str(), job["outputs"][0]["playable"].as_bool()),
        (Some("cancelled"), Some(true)),
        "{job:#}"
    );
    assert_eq!(processes_naming(&id), []);
    for what in ["pause", "resume"] {
        let (status, problem) = server.post(&format!("/v1/jobs/{id}/{what}"), &json!({})).await;
        assert_eq!((status, problem["type"].as_str()), (409, Some("urn:transcoded:problem:conflict")));
    }
}

#[tokio::test]
async fn a_resumed_job_waits_for_a_slot() {
    let server = one_slot();
    let id = server.submit_slow("standard").await;
    server.post(&format!("/v1/jobs/{id}/pause"), &json!({})).await;
    let other = server.submit_slow("standard").await;
    let (_, job) = server.post(&format!("/v1/jobs/{id}/resume"), &json!({})).await;
    assert_eq!(job["state"], "queued");
    stands_still(&id).await;
    server.delete(&format!("/v1/jobs/{other}")).await;
    let mut events = server.events(&format!("/v1/jobs/{id}/events")).await;
    if events.next_of("snapshot").await.state() != "running" {
        events.until_state("running").await;
    }
    server.delete(&format!("/v1/jobs/{id}")).await;
    let job = server.over(&id).await;
    assert_eq!(job["attempts"].as_array().unwrap().len(), 1, "the same attempt went on: {job:#}");
}

#[tokio::test]
async fn a_pause_survives_kill_9_and_its_process_does_not() {
    let server = Server::start();
    let running = server.submit_slow("graceful").await;
    server.post(&format!("/v1/jobs/{running}/pause"), &json!({})).await;
    stands_still(&running).await;
    let server = server.kill_and_restart();
    eventually("the stopped ffmpeg to be gone", || async { processes_naming(&running).is_empty().then_some(()) }).await;
    let job = server.job(&running).await;
    assert_eq!((job["state"].as_str(), job["attempts"][0]["outcome"].as_str()), (Some("paused"), Some("lost")));
    server.post(&format!("/v1/jobs/{running}/resume"), &json!({})).await;
    server.encoding(&running).await;
    server.delete(&format!("/v1/jobs/{running}")).await;
    assert_eq!(server.over(&running).await["state"], "cancelled");
}

#[tokio::test]
async fn a_job_waits_for_its_time_and_starts_then_by_itself() {
    let server = Server::start();
    let at = |seconds: i64| jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let job = |at: jiff::Timestamp| json!({"input": clip(), "outputs": [{"name": "a.wav"}], "run_at": at.to_string()});
    let later = server.submit(&job(at(3600))).await;
    let soon = at(1);
    let soon_id = server.submit(&job(soon)).await;
    let over = server.over(&soon_id).await;
    assert_eq!(over["state"], "succeeded");
    let started: jiff::Timestamp = over["started_at"].as_str().unwrap().parse().unwrap();
    assert!(started >= soon - jiff::SignedDuration::from_millis(1), "{started} {soon}");
    assert_eq!(server.job(&later).await["state"], "queued");
    server.delete(&format!("/v1/jobs/{later}")).await;
}

#[tokio::test]
async fn a_job_that_is_over_can_be_tried_again_with_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late.mp4");
    std::fs::write(&file, "no media").unwrap();
    let server = Server::start_with(Options { media_root: Some(folder.path().to_owned()), ..Options::default() });
    let id = server.submit(&json!({"input": "late.mp4", "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.over(&id).await["error"]["code"], "input_invalid");
    std::fs::copy(crate::harness::media_root().join(clip()), &file).unwrap();
    let (status, job) = server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await;
    assert_eq!((status, job["state"].as_str(), job["error"].clone()), (200, Some("queued"), json!(null)), "{job:#}");
    let over = eventually("the second try to end", || async {
        Some(server.job(&id).await).filter(|job| job["state"] == "succeeded")
    })
    .await;
    let outcomes: Vec<_> =
        over["attempts"].as_array().unwrap().iter().map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "succeeded"]);
    let url = format!("{}{}", server.url, over["outputs"][0]["url"].as_str().unwrap());
    assert_eq!(server.client.get(url).send().await.unwrap().status(), 200);
    // Again, though it succeeded: what the second try made goes with the third.
    server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await;
    eventually("the third try to end", || async { (server.job(&id).await["state"] == "succeeded").then_some(()) })
        .await;
    let published = |attempt: u32| server.data_dir().join(format!("jobs/{id}/{attempt}/outputs")).exists();
    eventually("the old outputs to go", || async { (!published(2) && published(3)).then_some(()) }).await;
}

#[tokio::test]
async fn a_job_that_is_not_over_is_not_tried_again() {
    let server = Server::start();
    let id = server.submit(&slow_job("slim")).await;
    assert_eq!(server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await.0, 409);
    server.delete(&format!("/v1/jobs/{id}")).await;
    server.over(&id).await;
    let unknown = "019234ab-5678-7def-8123-456789abcdef";
    for what in ["retry", "pause", "resume"] {
        assert_eq!(server.post(&format!("/v1/jobs/{unknown}/{what}"), &json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn a_drained_server_finishes_what_runs_starts_nothing_and_says_so() {
    let server = one_slot();
    let running = server.submit_slow("standard").await;
    let (status, node) = server.post("/v1/node/drain", &json!({})).await;
    assert_eq!((status, node["state"].as_str()), (200, Some("draining")));
    let (status, problem) = server.get("/readyz").await;
    assert_eq!((status, problem["type"].as_str()), (503, Some("urn:transcoded:problem:draining")));
    // What is submitted is kept, and waits.
    let waiting = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.job(&running).await["state"], "running");
    server.delete(&format!("/v1/jobs/{running}")).await;
    server.over(&running).await;
    assert_eq!(server.job(&waiting).await["state"], "queued");
    let (status, node) = server.post("/v1/node/resume", &json!({})).await;
    assert_eq!((status, node["state"].as_str()), (200, Some("accepting")));
    assert_eq!(server.over(&waiting).await["state"], "succeeded");
    assert_eq!(server.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn a_full_queue_answers_429_and_loses_nothing() {
    let args = ["--slots", "1", "--max-queued", "2"].map(String::from).to_vec();
    let server = Server::start_with(Options { args, ..Options::default() });
    let running = server.submit_slow("slim").await;
    let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
    let waiting = [server.submit(&body).await, server.submit(&body).await];
    let refused = server.client.post(format!("{}/v1/jobs", server.url)).json(&body).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    server.delete(&format!("/v1/jobs/{running}")).await;
    for id in &waiting {
        assert_eq!(server.over(id).await["state"], "succeeded");
    }
    server.submit(&body).await;
}
