//! What the long run leaves out, since there nobody is ever set aside.

use serde_json::json;
use transcoded::failpoint::Point;

use super::clients::World;
use super::host::Host;
use super::{PATIENT, checks};
use crate::harness::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_runs_at_every_crash_is_set_aside_and_no_other() {
    let mut host = Host::new(&["--retry-delay-ms", "1"]);
    let world = World::new(host.url());
    host.start(None);
    let job = |input| json!({"input": input, "outputs": [{"name": "a.wav"}], "labels": {"kind": "good"}});
    let first = world.submit(&job("short.mp4"), None).await.expect("it is up");
    world.follow(&first).await;
    host.kill();
    // Its input is there when it is submitted, and each look at it is the server's end.
    host.start(Some((Point::ProcessStarted, 1)));
    let guilty = world.submit(&job("real.mp4"), None).await;
    for _ in 1..5 {
        assert!(host.dies_within(super::PATIENCE * 10).await, "{}", host.tail());
        host.kill();
        host.start(Some((Point::ProcessStarted, 1)));
    }
    assert!(host.dies_within(super::PATIENCE * 10).await, "{}", host.tail());
    host.kill();
    host.start(None);
    let innocent = world.submit(&job("short.mp4"), None).await.expect("it is up");
    checks::drain(&world).await;
    let jobs = checks::jobs(&world).await;
    let found = |id: &str| jobs.iter().find(|job| job["id"] == *id).expect("it is there");
    for id in [&first, &innocent] {
        assert_eq!(found(id)["state"], "succeeded", "{:#}", found(id));
    }
    // The answer to its submit may not have made it.
    let guilty = guilty.unwrap_or_else(|| {
        let other = jobs.iter().find(|job| ![&first, &innocent].iter().any(|id| job["id"] == ***id));
        other.expect("it was taken")["id"].as_str().unwrap_or_default().to_owned()
    });
    let set_aside = found(&guilty);
    assert_eq!(
        (&set_aside["state"], &set_aside["error"]["code"]),
        (&json!("failed"), &json!("crash_loop")),
        "{set_aside:#}"
    );
    let outcomes = set_aside["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]);
    assert_eq!(outcomes.collect::<Vec<_>>(), ["lost"; 5]);
    world.retry(&guilty).await;
    checks::drain(&world).await;
    assert_eq!(world.get(&format!("/v1/jobs/{guilty}")).await.1["state"], "succeeded");
}

/// The folders of outputs that are there for a job.
fn published(host: &Host, id: &str) -> usize {
    let attempts = std::fs::read_dir(host.data().join("jobs").join(id)).into_iter().flatten().flatten();
    attempts.filter(|attempt| attempt.path().join("outputs").exists()).count()
}

#[tokio::test]
async fn what_was_published_and_never_recorded_goes_before_the_job_is_over() {
    let mut host = Host::new(&PATIENT);
    let world = World::new(host.url());
    host.start(Some((Point::OutputsPublished, 1)));
    let body = json!({"input": "short.mp4", "outputs": [{"name": "a.wav"}]});
    let id = world.submit(&body, None).await.expect("it is up");
    assert!(host.dies_within(super::PATIENCE * 10).await, "{}", host.tail());
    host.kill();
    assert_eq!(published(&host, &id), 1);
    // Whether it is caught by the pause or makes the same once more: in the end nothing of it may lie about.
    host.start(Some((Point::OutputsPublished, 1)));
    assert!(host.ready().await, "{}", host.tail());
    world.post(&format!("/v1/jobs/{id}/pause")).await;
    if host.dies_within(super::PATIENCE).await {
        host.kill();
        host.start(None);
    }
    world.cancel(&id, None).await;
    world.follow(&id).await;
    eventually("the files to be gone", || async { (published(&host, &id) == 0).then_some(()) }).await;
}

#[tokio::test]
async fn a_retry_takes_away_what_was_made_before() {
    let mut host = Host::new(&PATIENT);
    let world = World::new(host.url());
    host.start(None);
    let body = json!({"input": "short.mp4", "outputs": [{"name": "a.wav"}]});
    let id = world.submit(&body, None).await.expect("it is up");
    world.follow(&id).await;
    assert_eq!(published(&host, &id), 1);
    world.post("/v1/node/drain").await;
    world.retry(&id).await;
    assert_eq!(published(&host, &id), 0);
    world.cancel(&id, None).await;
    assert_eq!(world.get(&format!("/v1/jobs/{id}")).await.1["state"], "cancelled");
    assert_eq!(published(&host, &id), 0);
}
