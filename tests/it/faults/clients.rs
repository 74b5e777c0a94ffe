//! Clients that don't behave.

use std::collections::HashSet;
use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{a_neighbour_is_unharmed, neighbour};
use crate::harness::{Options, Server, blip, memory_kib, victim};

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap()
}

fn post(body: &str, key: &str, length: usize) -> String {
    format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn short_job() -> Value {
    json!({"input": blip(), "outputs": [{"name": "a.wav"}]})
}

async fn all(server: &Server) -> Vec<Value> {
    server.get("/v1/jobs?limit=500").await.1["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_its_body_has_submitted_nothing() {
    let server = Server::start();
    for number in 0..20 {
        let mut connection = connect(&server);
        let body = short_job().to_string();
        connection.write_all(post(&body[..body.len() / 2], &number.to_string(), body.len()).as_bytes()).unwrap();
    }
    a_neighbour_is_unharmed(&server).await;
    assert_eq!(all(&server).await.len(), 1, "nothing but the neighbour");
}

#[tokio::test]
async fn a_client_that_never_reads_its_answer_has_submitted_one_job_at_most() {
    let server = Server::start();
    for number in 0..30 {
        let body = short_job().to_string();
        // Gone at once, before or after the job is in the database.
        connect(&server).write_all(post(&body, &number.to_string(), body.len()).as_bytes()).unwrap();
    }
    for number in 0..30 {
        let again = server.client.post(format!("{}/v1/jobs", server.url)).header("idempotency-key", number.to_string());
        let status = again.json(&short_job()).send().await.unwrap().status();
        assert!(status == 200 || status == 201, "{status}");
    }
    let jobs = all(&server).await;
    assert_eq!(jobs.len(), 30, "a job for each key");
    for job in jobs {
        assert_eq!(server.over(job["id"].as_str().unwrap()).await["state"], "succeeded");
    }
}

#[tokio::test]
async fn fifty_submits_with_one_key_at_once_make_one_job() {
    let server = Server::start();
    let submits = (0..50).map(|_| {
        let request = server.client.post(format!("{}/v1/jobs", server.url)).header("idempotency-key", "one");
        async { request.json(&short_job()).send().await.unwrap() }
    });
    let mut ids = HashSet::new();
    let (mut made, mut replayed) = (0, 0);
    for answer in futures_util::future::join_all(submits).await {
        match (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed")) {
            (201, false) => made += 1,
            (200, true) => replayed += 1,
            other => panic!("{other:?}"),
        }
        ids.insert(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned());
    }
    assert_eq!((made, replayed, ids.len(), all(&server).await.len()), (1, 49, 1, 1));
    server.over(ids.iter().next().unwrap()).await;
}

#[tokio::test]
async fn clients_that_never_read_their_event_stream_cost_neither_time_nor_memory() {
    let script = r#"yes '[info] one of many lines that nobody takes' | head -c 3000000 >&2; exec "$real" "$@""#;
    let server = Server::start_with(Options::default().faking(script));
    a_neighbour_is_unharmed(&server).await;
    let before = memory_kib(server.pid(), "VmHWM");
    let idle: Vec<_> = (0..50)
        .map(|_| {
            let mut connection = connect(&server);
            connection.write_all(b"GET /v1/events?log=true HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
            connection
        })
        .collect();
    let mut reader = server.events("/v1/events").await;
    for body in [victim(), neighbour(), victim()] {
        let id = server.submit(&body).await;
        assert_eq!(server.over(&id).await["state"], "succeeded");
        loop {
            let event = reader.until_state("succeeded").await;
            if event.data["id"] == *id {
                break;
            }
        }
    }
    let grown = memory_kib(server.pid(), "VmHWM") - before;
    assert!(grown < 64 * 1024, "6 MB of lines for each of 50 readers, and the server grew by {grown} KiB");
    drop(idle);
}
