//! Jobs whose inputs are elsewhere, with the real server and the real ffmpeg.

use serde_json::{Value, json};

use super::web::{Reply, Web};
use crate::harness::{Options, Server, clip, eventually, media_root};

fn here() -> Server {
    Server::start_with(Options::with(&["--allow-network", "127.0.0.0/8", "--retry-delay-ms", "1"]))
}

fn bytes() -> Vec<u8> {
    std::fs::read(media_root().join(clip())).unwrap()
}

fn job(web: &Web) -> Value {
    json!({"input": web.url("/clips/a.mp4"), "outputs": [{"name": "a.mp4"}]})
}

/// Waits until some of the input is here.
async fn fetching(server: &Server, id: &str) {
    let mut events = server.events(&format!("/v1/jobs/{id}/events")).await;
    loop {
        let event = events.next_of("progress").await;
        if event.data["phase"] == "fetching" && event.data["size_bytes"].as_u64() > Some(0) {
            assert_eq!(event.data["percent"], Value::Null);
            return;
        }
    }
}

fn nothing_is_left(server: &Server) {
    let left: Vec<_> = std::fs::read_dir(server.data_dir().join("work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Half of the file, and then nothing more; the rest to whoever comes later.
fn stuck_at_first() -> Web {
    Web::serve(|number, asked| match (number, asked.from()) {
        (0, _) => Reply::whole(&bytes()).without_last(bytes().len() / 2).then_silence(),
        (_, Some(from)) => Reply::rest(&bytes(), from),
        (_, None) => Reply::whole(&bytes()),
    })
}

#[tokio::test]
async fn a_job_with_an_input_elsewhere_succeeds_and_says_where_it_came_from() {
    let web = Web::serve(|_, _| Reply::whole(&bytes()));
    let server = here();
    let id = server.submit(&job(&web)).await;
    let over = server.over(&id).await;
    assert_eq!(over["state"], "succeeded", "{over:#}");
    assert_eq!(over["outputs"][0]["playable"], true);
    let log = server.request(reqwest::Method::GET, &format!("/v1/jobs/{id}/log")).send().await.unwrap();
    let (log, url) = (log.text().await.unwrap(), web.url("/clips/a.mp4"));
    assert!(log.contains(&format!("fetched {} bytes from {url}", bytes().len())), "{log}");
    assert_eq!(web.asked().len(), 1);
    nothing_is_left(&server);
}

#[tokio::test]
async fn a_transfer_that_breaks_off_goes_on_within_the_attempt() {
    let web = Web::serve(|_, asked| match asked.from() {
        None => Reply::whole(&bytes()).without_last(bytes().len() / 2),
        Some(from) => Reply::rest(&bytes(), from),
    });
    let server = here();
    let over = server.over(&server.submit(&job(&web)).await).await;
    assert_eq!((&over["state"], over["attempts"].as_array().unwrap().len()), (&json!("succeeded"), 1), "{over:#}");
    let ranges: Vec<_> = web.asked().iter().map(super::web::Asked::from).collect();
    assert!(ranges.len() == 2 && ranges[0].is_none() && ranges[1] > Some(0), "{ranges:?}");
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again_by_the_next_attempt() {
    let web = Web::serve(|number, _| if number == 0 { Reply::status("503 Busy") } else { Reply::whole(&bytes()) });
    let server = here();
    let over = server.over(&server.submit(&job(&web)).await).await;
    assert_eq!((&over["state"], over["attempts"].as_array().unwrap().len()), (&json!("succeeded"), 2), "{over:#}");
    assert_eq!(over["attempts"][0]["error"]["code"], "io_error", "{over:#}");
}

#[tokio::test]
async fn what_its_server_does_not_have_is_missing() {
    let server = here();
    for (status, code) in [("404 No", "input_missing"), ("403 No", "input_unreadable"), ("400 No", "input_invalid")] {
        let web = Web::serve(move |_, _| Reply::status(status));
        let over = server.over(&server.submit(&job(&web)).await).await;
        assert_eq!((&over["state"], &over["error"]["code"]), (&json!("failed"), &json!(code)), "{over:#}");
        assert_eq!(web.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_job_that_is_cancelled_while_it_fetches_stops_at_once_and_keeps_nothing() {
    for mode in ["slim", "standard", "graceful"] {
        let (server, web) = (here(), stuck_at_first());
        let mut body = job(&web);
        body["mode"] = json!(mode);
        let id = server.submit(&body).await;
        fetching(&server, &id).await;
        let (status, _) = server.delete(&format!("/v1/jobs/{id}")).await;
        assert!(status == 200 || status == 202, "{status}");
        let over = server.over(&id).await;
        assert_eq!((&over["state"], &over["outputs"][0]["url"]), (&json!("cancelled"), &Value::Null), "{over:#}");
        eventually("the connection to close", || async { (web.left() == 1).then_some(()) }).await;
        nothing_is_left(&server);
    }
}

#[tokio::test]
async fn the_time_of_an_attempt_bounds_the_transfer_too() {
    let (server, web) = (here(), stuck_at_first());
    let mut body = job(&web);
    body["timeout_seconds"] = json!(1);
    let over = server.over(&server.submit(&body).await).await;
    assert_eq!((&over["state"], &over["cancellation"]["reason"]), (&json!("cancelled"), &json!("timeout")), "{over:#}");
    assert_eq!(web.asked().len(), 1);
    nothing_is_left(&server);
}

#[tokio::test]
async fn a_job_that_is_paused_while_it_fetches_waits_and_ends_well() {
    let (server, web) = (here(), stuck_at_first());
    let id = server.submit(&job(&web)).await;
    fetching(&server, &id).await;
    let (status, paused) = server.post(&format!("/v1/jobs/{id}/pause"), &json!({})).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")), "{paused:#}");
    let (status, _) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert!(status == 200 || status == 202, "{status}");
    assert_eq!(server.over(&id).await["state"], "cancelled");
    eventually("the connection to close", || async { (web.left() == 1).then_some(()) }).await;
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_fetches_does_the_job_after_it() {
    let (server, web) = (here(), stuck_at_first());
    let id = server.submit(&job(&web)).await;
    fetching(&server, &id).await;
    let server = server.kill_and_restart();
    let over = server.over(&id).await;
    assert_eq!(over["state"], "succeeded", "{over:#}");
    assert_eq!(web.asked().len(), 2);
    assert_eq!(web.asked()[1].from(), None, "what a dead server has left is not used");
    nothing_is_left(&server);
}
