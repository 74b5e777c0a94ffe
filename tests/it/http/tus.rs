//! Resumable uploads as the official client of tus makes them.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::harness::{Options, Server, clip, media_root, node};

/// Bytes that look like no others.
fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(size).collect()
}

/// The client, at work.
struct Client {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Client {
    fn start(url: &str, bytes: &[u8], how: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, bytes).unwrap();
        let mut command = node("tus.mjs");
        command.arg(format!("{url}/v1/uploads")).arg(file).arg(how).arg(folder.path().join("urls.json"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, _folder: folder }
    }

    /// The next line that it prints.
    fn says(&mut self) -> Value {
        let line = self.lines.next().expect("it says something").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The last line, once it has ended well.
    fn last(mut self) -> Value {
        let mut last = Value::Null;
        for line in self.lines.by_ref() {
            last = serde_json::from_str(&line.unwrap()).unwrap();
        }
        assert!(self.child.wait().unwrap().success(), "{last}");
        last
    }
}

/// The upload as the server knows it; its bytes must be these.
async fn upload_of(server: &Server, said: &Value, bytes: &[u8]) -> Value {
    let id = said["url"].as_str().unwrap_or_else(|| panic!("{said}")).rsplit_once('/').unwrap().1;
    let (status, upload) = server.get(&format!("/v1/uploads/{id}")).await;
    assert_eq!((status, &upload["complete"]), (200, &json!(true)), "{upload}");
    assert!(std::fs::read(server.data_dir().join("uploads").join(id)).unwrap() == bytes, "the bytes are the same");
    upload
}

#[tokio::test]
async fn the_official_client_uploads_a_file_that_a_job_then_reads() {
    let server = Server::start();
    let bytes = std::fs::read(media_root().join(clip())).unwrap();
    let said = Client::start(&server.url, &bytes, "whole").last();
    let upload = upload_of(&server, &said, &bytes).await;
    assert_eq!((&upload["filename"], &said["retries"]), (&json!("ü.mp4"), &json!(0)));
    let id = server.submit(&json!({"input": upload["input"], "outputs": [{"name": "a.mp3"}]})).await;
    let job = server.over(&id).await;
    assert_eq!((&job["state"], &job["input"]), (&json!("succeeded"), &upload["input"]), "{job:#}");
}

#[tokio::test]
async fn the_official_client_may_tell_the_length_last() {
    let (server, bytes) = (Server::start(), noise(1_000_000));
    let said = Client::start(&server.url, &bytes, "deferred").last();
    upload_of(&server, &said, &bytes).await;
}

#[tokio::test]
async fn the_official_client_goes_on_where_another_was_left() {
    let (server, bytes) = (Server::start(), noise(5_000_000));
    let mut client = Client::start(&server.url, &bytes, "abort");
    assert_eq!(client.says(), json!({"found": false}));
    assert_eq!(client.says(), json!({"left": true}));
    assert_eq!(client.says(), json!({"found": true}));
    let said = client.last();
    upload_of(&server, &said, &bytes).await;
}

#[tokio::test]
async fn the_official_client_removes_what_it_has_begun() {
    let (server, bytes) = (Server::start(), noise(5_000_000));
    let said = Client::start(&server.url, &bytes, "terminate").last();
    let id = said["url"].as_str().unwrap().rsplit_once('/').unwrap().1;
    assert_eq!(server.get(&format!("/v1/uploads/{id}")).await.0, 404);
    assert_eq!(std::fs::read_dir(server.data_dir().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_official_client_goes_on_after_the_server_was_killed() {
    // A port of its own, which the next server has again.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = vec![("TRANSCODED_LISTEN".to_owned(), address.to_string())];
    let (server, bytes) = (Server::start_with(Options { env, ..Options::default() }), noise(40_000_000));
    let mut client = Client::start(&server.url, &bytes, "patient");
    let accepted = client.says()["accepted"].as_u64().unwrap();
    let server = server.kill_and_restart();
    let said = client.last();
    assert!(accepted < 40_000_000 && said["retries"].as_u64() > Some(0), "{accepted} {said}");
    upload_of(&server, &said, &bytes).await;
}
