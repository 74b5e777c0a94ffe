//! Following a job against a peer that breaks off, goes away and comes back.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::events::News;
use super::follow::{Follow, Patience, Update};
use super::screen::{Lines, Screen};
use super::session::{outcome, to_the_end};
use crate::cli::args::Connection;
use crate::cli::client::Client;
use crate::cli::error::Error;
use crate::cli::interrupts::Interrupts;
use crate::cli::outcome::Outcome;
use crate::domain::id::JobId;

const ID: &str = "019234ab-5678-7def-8123-456789abcdef";
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn job(state: &str) -> Value {
    json!({
        "id": ID, "state": state, "mode": "graceful", "priority": 0, "labels": {}, "input": "a.mov", "timeout_seconds": 1,
        "grace_seconds": 1, "max_attempts": 1, "progress": null, "outputs": [], "attempts": [], "cancellation": null,
        "error": null, "created_at": "2026-01-31T12:00:00.000Z", "started_at": null, "finished_at": null,
    })
}

fn event(kind: &str, id: u64, state: &str) -> String {
    format!("id: {id}\nevent: {kind}\ndata: {}\n\n", job(state))
}

fn answer(status: &str, kind: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn id() -> JobId {
    ID.parse().unwrap()
}

/// Short pauses, so that the tests take no time, and long patience unless the test is about it.
fn patience() -> Patience {
    let short = Duration::from_millis(5);
    Patience { first_pause: short, longest_pause: short, in_all: Duration::from_secs(30), ..Patience::default() }
}

async fn peer() -> (TcpListener, Client) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Some(format!("http://{}", listener.local_addr().unwrap()));
    (listener, Client::new(&Connection { server }).unwrap())
}

/// Takes the next request and returns its head.
async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("waited too long")
}

async fn next(follow: &mut Follow) -> Update {
    within(follow.next()).await.expect("an update").expect("no error")
}

async fn next_error(follow: &mut Follow) -> Error {
    loop {
        if let Err(error) = within(follow.next()).await.expect("an update") {
            return error;
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_resumed_after_the_last_whole_event() {
    let (listener, client) = peer().await;
    let mut follow = Follow::start(client, id(), patience(), false);
    let (mut stream, head) = within(accept(&listener)).await;
    assert!(head.starts_with(&format!("GET /v1/jobs/{ID}/events ")) && !head.contains("last-event-id"), "{head}");
    send(&mut stream, &format!("{STREAM}{}id: 6\nevent: state\ndata: {{", event("snapshot", 5, "running"))).await;
    drop(stream);
    assert!(matches!(next(&mut follow).await, Update::Event(event) if event.id.as_deref() == Some("5")));
    assert!(matches!(next(&mut follow).await, Update::Lost(_)));

    let (mut stream, head) = within(accept(&listener)).await;
    assert!(head.contains("last-event-id: 5\r\n"), "{head}");
    send(&mut stream, &format!("{STREAM}{}{}", event("snapshot", 5, "succeeded"), event("state", 6, "succeeded")))
        .await;
    assert!(matches!(next(&mut follow).await, Update::Back));
    assert!(matches!(next(&mut follow).await, Update::Event(event) if matches!(event.news, News::Snapshot(_))));
    assert!(matches!(next(&mut follow).await, Update::Event(event) if event.id.as_deref() == Some("6")));
    assert!(within(follow.next()).await.is_none(), "nothing comes after the end");
}

#[tokio::test]
async fn a_server_that_starts_again_is_waited_for() {
    let (listener, client) = peer().await;
    let mut follow = Follow::start(client, id(), patience(), true);
    let problem = json!({"type": "x", "title": "The server can't do it now", "status": 503, "detail": "shutting down"});
    for _ in 0..3 {
        let (mut stream, _) = within(accept(&listener)).await;
        send(&mut stream, &answer("503 Service Unavailable", "application/problem+json", &problem)).await;
    }
    let (mut stream, _) = within(accept(&listener)).await;
    send(&mut stream, &format!("{STREAM}{}", event("state", 1, "failed"))).await;
    assert!(matches!(next(&mut follow).await, Update::Lost(Error::Problem(_))));
    assert!(matches!(next(&mut follow).await, Update::Back));
    assert!(matches!(next(&mut follow).await, Update::Event(_)));
    assert!(within(follow.next()).await.is_none());
}

#[tokio::test]
async fn a_job_that_was_over_before_ends_even_without_its_last_event() {
    let (listener, client) = peer().await;
    let mut follow = Follow::start(client, id(), patience(), true);
    let (mut stream, _) = within(accept(&listener)).await;
    send(&mut stream, &format!("{STREAM}{}", event("snapshot", 9, "failed"))).await;
    drop(stream);
    assert!(matches!(next(&mut follow).await, Update::Event(_)));
    assert!(within(follow.next()).await.is_none());
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_with_a_hint() {
    let (listener, client) = peer().await;
    let impatient = Patience { in_all: Duration::from_millis(100), ..patience() };
    let mut follow = Follow::start(client, id(), impatient, false);
    let (mut stream, _) = within(accept(&listener)).await;
    send(&mut stream, &format!("{STREAM}{}", event("snapshot", 5, "running"))).await;
    drop((stream, listener));
    let error = next_error(&mut follow).await;
    assert_eq!(error.outcome(), Outcome::Unreachable);
    assert!(error.to_string().contains(&format!("`transcoded watch {ID}` follows it again")), "{error}");
    assert!(within(follow.next()).await.is_none());
}

#[tokio::test]
async fn a_server_that_never_lived_is_given_up_at_once() {
    let (listener, client) = peer().await;
    drop(listener);
    let error = next_error(&mut Follow::start(client, id(), patience(), false)).await;
    assert!(error.to_string().starts_with("no server answers at http://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_silent_connection_is_dead() {
    let (listener, client) = peer().await;
    let mut follow = Follow::start(client, id(), Patience { silence: Duration::from_millis(50), ..patience() }, false);
    let (mut stream, _) = within(accept(&listener)).await;
    send(&mut stream, &format!("{STREAM}{}", event("snapshot", 5, "running"))).await;
    assert!(matches!(next(&mut follow).await, Update::Event(_)));
    assert!(matches!(next(&mut follow).await, Update::Lost(error) if error.to_string().contains("fallen silent")));
    // Held open until here: only the silence can have ended it.
    drop(stream);
}

#[tokio::test]
async fn an_unknown_job_or_a_foreign_server_is_not_tried_again() {
    let problem = json!({"title": "There is no such thing", "status": 404, "detail": "no job has this id"});
    for (reply, code) in [
        (answer("404 Not Found", "application/problem+json", &problem), Outcome::Refused),
        (answer("200 OK", "text/html", &json!("<html>")), Outcome::Unreachable),
        (format!("{STREAM}event: state\ndata: {{\"id\": 1}}\n\n"), Outcome::Unreachable),
    ] {
        let (listener, client) = peer().await;
        let mut follow = Follow::start(client, id(), patience(), true);
        let (mut stream, _) = within(accept(&listener)).await;
        send(&mut stream, &reply).await;
        assert_eq!(next_error(&mut follow).await.outcome(), code, "{reply}");
    }
}

#[tokio::test]
async fn the_first_interrupt_cancels_and_follows_on_to_the_end() {
    let (listener, client) = peer().await;
    let (pressed, interrupts) = Interrupts::counted();
    let follow = Follow::start(client.clone(), id(), patience(), true);
    let mut screen = Screen::Lines(Lines::default());
    let server = async {
        let (mut stream, _) = accept(&listener).await;
        send(&mut stream, &format!("{STREAM}{}", event("snapshot", 1, "running"))).await;
        pressed.send_replace(1);
        // The cancel is sent again until it gets through.
        drop(accept(&listener).await);
        let (mut cancel, head) = accept(&listener).await;
        assert!(head.starts_with(&format!("DELETE /v1/jobs/{ID} ")), "{head}");
        send(&mut cancel, &answer("202 Accepted", "application/json", &job("cancelling"))).await;
        send(&mut stream, &event("state", 2, "cancelling")).await;
        send(&mut stream, &event("state", 3, "cancelled")).await;
    };
    let (ended, ()) =
        within(async { tokio::join!(to_the_end(&client, follow, id(), &interrupts, &mut screen), server) }).await;
    let job = ended.unwrap().expect("the job was followed to its end");
    assert_eq!(outcome(&job, true), Outcome::Interrupted);
    assert_eq!(outcome(&job, false), Outcome::Failed, "cancelled by somebody else");
}

#[tokio::test]
async fn the_second_interrupt_leaves_at_once() {
    let (listener, client) = peer().await;
    let (pressed, interrupts) = Interrupts::counted();
    let follow = Follow::start(client.clone(), id(), patience(), true);
    let mut screen = Screen::Lines(Lines::default());
    let server = async {
        let (mut stream, _) = accept(&listener).await;
        send(&mut stream, &format!("{STREAM}{}", event("snapshot", 1, "running"))).await;
        pressed.send_replace(1);
        // Neither the cancel nor the stream is ever answered.
        let unanswered = accept(&listener).await;
        pressed.send_replace(2);
        (stream, unanswered)
    };
    let (ended, _held) =
        within(async { tokio::join!(to_the_end(&client, follow, id(), &interrupts, &mut screen), server) }).await;
    assert!(ended.unwrap().is_none());
}
