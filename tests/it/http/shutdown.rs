use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Server, clip, processes_naming, slow_job};

#[tokio::test]
async fn sigterm_puts_running_jobs_back_and_ends_the_streams_properly() {
    let mut server = Server::start();
    let jobs = [server.submit_slow("graceful").await, server.submit_slow("standard").await];
    let waiting = server.submit(&slow_job("slim")).await;
    let stream = server.events("/v1/events").await;
    server.signal(Signal::TERM);
    let events = stream.rest().await;
    assert!(server.ended().await.success());
    for id in &jobs {
        assert_eq!(processes_naming(id), []);
        let last = events.iter().rfind(|event| event.data["id"] == **id).expect("an event of the job");
        assert_eq!((last.kind.as_str(), last.state()), ("state", "queued"), "told that it is queued again");
    }
    let server = server.restart();
    for id in &jobs {
        let job = server.job(id).await;
        assert_eq!(job["attempts"][0]["outcome"], "interrupted", "{job:#}");
        assert_eq!(job["cancellation"], json!(null));
    }
    for id in jobs.iter().chain([&waiting]) {
        server.delete(&format!("/v1/jobs/{id}")).await;
        assert_eq!(server.over(id).await["state"], "cancelled");
    }
}

#[tokio::test]
async fn a_server_that_is_stopping_says_so_and_takes_nothing() {
    let mut server = Server::start();
    // veryslow needs its time to finish the file, in which the server can be asked.
    let id = server.submit_slow("graceful").await;
    server.signal(Signal::TERM);
    let refused = crate::harness::eventually("the server to say that it stops", || async {
        let answer = server.client.get(format!("{}/readyz", server.url)).send().await;
        // Once it is gone, it can't say so any more; that is an answer too.
        answer.map_or(Some(None), |response| (response.status() == 503).then_some(Some(response)))
    })
    .await;
    if let Some(response) = refused {
        assert!(response.headers().contains_key("retry-after"));
        let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
        if let Ok(answer) = server.client.post(format!("{}/v1/jobs", server.url)).json(&body).send().await {
            assert_eq!(answer.status(), 503);
        }
    }
    assert!(server.ended().await.success());
    let server = server.restart();
    server.delete(&format!("/v1/jobs/{id}")).await;
    server.over(&id).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_leaves_no_ffmpeg() {
    let mut server = Server::start();
    let id = server.submit_slow("graceful").await;
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    server.ended().await;
    crate::harness::eventually("ffmpeg to be gone", || async { processes_naming(&id).is_empty().then_some(()) }).await;
    let server = server.restart();
    assert_eq!(server.job(&id).await["attempts"][0]["outcome"], "lost");
    server.delete(&format!("/v1/jobs/{id}")).await;
    server.over(&id).await;
}
