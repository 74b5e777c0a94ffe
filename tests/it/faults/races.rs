//! A DELETE at every moment of a job: there is exactly one outcome, and the answer, the events, the record and the disk
//! agree on it.

use std::time::Duration;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;

use super::{Random, attempts, endings, is, nothing_is_left_of, runs};
use crate::harness::{Options, Server, eventually, let_go, processes_naming, victim};

/// Checks the job, which is over, against the answer to a DELETE.
async fn agree(server: &Server, id: &str, status: u16) {
    let job = server.job(id).await;
    let expected = match status {
        200 | 202 => "cancelled",
        409 => "succeeded",
        other => panic!("{other}: {job:#}"),
    };
    assert_eq!(job["state"], expected, "the answer was {status}: {job:#}");
    let events = server.events(&format!("/v1/jobs/{id}/events?last_event_id=0")).await.rest().await;
    let told: Vec<_> = events.iter().filter(|event| event.kind == "state").collect();
    let terminal = |state: &str| ["succeeded", "failed", "cancelled"].contains(&state);
    assert_eq!(told.iter().filter(|event| terminal(event.state())).count(), 1);
    assert_eq!(told.last().unwrap().data, job, "the last event is the record");
    assert!(endings(&job).iter().all(|ending| ending != "open"), "{job:#}");
    match job["outputs"][0]["url"].as_str() {
        // Cancelled when all was done: a graceful job keeps it.
        Some(url) => assert_eq!(server.client.get(format!("{}{url}", server.url)).send().await.unwrap().status(), 200),
        None => nothing_is_left_of(server, id).await,
    }
    assert_eq!(processes_naming(id), []);
}

#[tokio::test]
async fn whatever_moment_a_delete_comes_there_is_one_outcome() {
    let server = Server::start_with(Options::with(&["--slots", "4"]).faking(r#"sleep 0.02; exec cp "$ready" "$out""#));
    let rounds = (0..6).map(|task| {
        let server = &server;
        async move {
            let mut random = Random(task);
            for round in 0..12 {
                let mut body = victim();
                body["mode"] = ["graceful", "standard", "slim"][round % 3].into();
                let id = server.submit(&body).await;
                // No moment is waited for: every one is meant to be hit.
                tokio::time::sleep(Duration::from_millis(random.below(80))).await;
                let path = format!("/v1/jobs/{id}");
                let (first, second) = tokio::join!(server.delete(&path), server.delete(&path));
                server.over(&id).await;
                agree(server, &id, first.0).await;
                agree(server, &id, second.0).await;
                let third = server.delete(&path).await.0;
                assert_eq!(third, if first.0 == 409 { 409 } else { 200 });
            }
        }
    });
    futures_util::future::join_all(rounds).await;
}

#[tokio::test]
async fn a_delete_while_a_retry_waits_is_final() {
    let server = Server::start_with(Options::with(&["--retry-delay-ms", "600000"]).faking("kill -KILL $$"));
    let id = server.submit(&victim()).await;
    eventually("the first try to fail", || async { (endings(&server.job(&id).await) == ["killed"]).then_some(()) })
        .await;
    assert_eq!(server.job(&id).await["state"], "queued");
    let (status, job) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!((status, job["state"].as_str(), attempts(&job)), (200, Some("cancelled"), 1));
    agree(&server, &id, status).await;
}

/// Answers `q`, and nothing else ends it.
const PATIENT: &str = r#"[ -e "$here/go" ] && exec cp "$ready" "$out"; progress; head -c 1 >/dev/null; exit 0"#;

#[tokio::test]
async fn a_delete_during_a_shutdown_holds_after_it_or_was_not_answered() {
    let mut server = Server::start_with(Options::with(&["--slots", "20"]).faking(PATIENT));
    let ids = futures_util::future::join_all((0..20).map(|_| async { server.submit(&victim()).await })).await;
    for id in &ids {
        runs(&server, id).await;
    }
    let deletes = ids.iter().enumerate().map(|(number, id)| {
        let request = server.request(Method::DELETE, &format!("/v1/jobs/{id}"));
        if number == ids.len() / 2 {
            server.signal(Signal::TERM);
        }
        async { request.send().await.map_or(0, |response| response.status().as_u16()) }
    });
    // A pair at a time, so that the signal comes in their midst.
    let answers: Vec<u16> =
        futures_util::StreamExt::collect(futures_util::StreamExt::buffered(futures_util::stream::iter(deletes), 2))
            .await;
    assert!(server.ended().await.success());
    let_go(&server);
    let server = server.restart();
    for (id, answer) in ids.iter().zip(answers) {
        let job = server.over(id).await;
        match answer {
            200 | 202 => assert_eq!(job["state"], "cancelled", "{job:#}"),
            // Refused or never answered: it may have been taken all the same.
            0 | 503 => assert!(["cancelled", "succeeded"].contains(&job["state"].as_str().unwrap()), "{job:#}"),
            other => panic!("{other}: {job:#}"),
        }
        assert_eq!(processes_naming(id), []);
    }
}

#[tokio::test]
async fn a_delete_that_was_answered_holds_after_kill_9() {
    let script = "trap '' TERM INT; progress; while :; do sleep 0.2; done";
    let server = Server::start_with(Options::default().faking(script));
    let id = server.submit(&victim()).await;
    server.encoding(&id).await;
    assert_eq!(server.delete(&format!("/v1/jobs/{id}")).await.0, 202);
    let server = server.kill_and_restart();
    let job: Value = is(&server, &id, "cancelled").await;
    assert_eq!((attempts(&job), job["cancellation"]["reason"].as_str()), (1, Some("client")), "{job:#}");
    eventually("its ffmpeg to be gone", || async { processes_naming(&id).is_empty().then_some(()) }).await;
    assert_eq!(server.delete(&format!("/v1/jobs/{id}")).await.0, 200);
}
