//! A shutdown with a full house.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{endings, runs};
use crate::harness::{Options, Server, eventually, let_go, processes_naming, victim};

/// Runs until it is asked to quit; once it may go, it is done at once.
const PATIENT: &str = r#"[ -e "$here/go" ] && exec cp "$ready" "$out"; progress; head -c 1 >/dev/null; exit 0"#;

const EACH: usize = 100;

#[tokio::test]
async fn sigterm_with_a_hundred_jobs_running_and_a_hundred_queued_loses_none() {
    let mut server = Server::start_with(Options::with(&["--slots", "100"]).faking(PATIENT));
    let mut body = victim();
    // Whatever a shutdown cost would be one attempt too many.
    body["max_attempts"] = json!(1);
    let ids = futures_util::future::join_all((0..2 * EACH).map(|_| server.submit(&body))).await;
    eventually("a hundred ffmpegs", || async { (busy(&server).await == EACH).then_some(()) }).await;
    let all = server.events("/v1/events").await;
    let running = server.get("/v1/jobs?state=running&limit=500").await.1;
    let running: Vec<_> =
        running["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    let one = server.events(&format!("/v1/jobs/{}/events", running[0])).await;
    let since = Instant::now();
    server.signal(Signal::TERM);
    let (all, one) = tokio::join!(all.rest(), one.rest());
    assert!(server.ended().await.success());
    assert!(since.elapsed() < Duration::from_secs(25), "it took {:?}", since.elapsed());
    assert_eq!(one.last().unwrap().state(), "queued", "a stream ends with where the job is");
    for id in &running {
        assert_eq!(processes_naming(id), []);
        let last = all.iter().rfind(|event| event.data["id"] == **id).expect("an event");
        assert_eq!(last.state(), "queued");
    }
    let_go(&server);
    let server = server.restart();
    eventually("all of them to succeed", || async {
        let (_, page) = server.get("/v1/jobs?state=succeeded&limit=500").await;
        (page["items"].as_array().unwrap().len() == 2 * EACH).then_some(())
    })
    .await;
    let mut interrupted = 0;
    for id in &ids {
        match endings(&server.job(id).await).as_slice() {
            [first, second] if first == "interrupted" && second == "succeeded" => interrupted += 1,
            endings => assert_eq!(endings, ["succeeded"]),
        }
    }
    assert_eq!(interrupted, EACH);
}

async fn busy(server: &Server) -> usize {
    usize::try_from(server.get("/v1/node").await.1["slots"]["busy"].as_u64().unwrap()).unwrap()
}

/// ffmpeg ends within the time for a shutdown, whatever it does.
#[tokio::test]
async fn a_shutdown_does_not_wait_for_an_ffmpeg_that_hears_nothing() {
    let script = r#"[ -e "$here/go" ] && exec "$real" "$@"; trap '' TERM INT; progress; while :; do sleep 0.2; done"#;
    let mut server = Server::start_with(Options::with(&["--shutdown-timeout", "8"]).faking(script));
    let id = server.submit(&victim()).await;
    runs(&server, &id).await;
    let since = Instant::now();
    server.signal(Signal::TERM);
    assert!(server.ended().await.success());
    assert!(since.elapsed() < Duration::from_secs(8), "it took {:?}", since.elapsed());
    assert_eq!(processes_naming(&id), []);
    let_go(&server);
    let server = server.restart();
    assert_eq!(endings(&server.over(&id).await), ["interrupted", "succeeded"]);
}
