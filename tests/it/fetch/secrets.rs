//! Neither a user and password nor a signed query is ever told.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::web::{Reply, Web};
use crate::harness::{Options, Server, clip, eventually, media_root};

/// What is searched for: it is in both secrets.
const CANARY: &str = "c4n4ry";

fn secret(url: &str) -> String {
    format!("{}?token={CANARY}2&x=1#{CANARY}3", url.replace("http://", &format!("http://us{CANARY}:{CANARY}1@")))
}

fn job(input: &str) -> Value {
    json!({"input": input, "outputs": [{"name": "a.mp4", "copy": "never", "video": {"height": 90}}]})
}

async fn text(server: &Server, path: &str) -> String {
    server.request(Method::GET, path).send().await.unwrap().text().await.unwrap()
}

/// The command lines of all processes below the server.
fn command_lines() -> String {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.fold(String::new(), |text, line| text + &String::from_utf8_lossy(&line) + "\n")
}

/// Everything that is told of a job once it is over.
async fn told_of(server: &Server, id: &str) -> String {
    let mut told = String::new();
    let snapshot = server.events("/v1/events").await.next().await;
    writeln!(told, "{snapshot:?}").unwrap();
    for event in server.events(&format!("/v1/jobs/{id}/events")).await.rest().await {
        writeln!(told, "{event:?}").unwrap();
    }
    for path in [format!("/v1/jobs/{id}"), "/v1/jobs".to_owned(), format!("/v1/jobs/{id}/log"), "/metrics".to_owned()] {
        told += &text(server, &path).await;
    }
    told
}

#[tokio::test]
async fn no_secret_of_a_url_is_told_anywhere() {
    let bytes = std::fs::read(media_root().join(clip())).unwrap();
    let web = Web::serve(move |_, asked| match asked.target.split('?').next().unwrap() {
        "/a.mp4" if asked.target.contains("token=") && asked.header("authorization").is_some() => Reply::whole(&bytes),
        "/text" => Reply::whole(b"this is no media"),
        "/moved" => Reply::redirect(&format!("http://us{CANARY}:x@169.254.169.254/?sig={CANARY}4")),
        _ => Reply::status("503 Busy"),
    });
    let options = Options::with(&["--allow-network", "127.0.0.0/8", "--log-level", "trace", "--retry-delay-ms", "1"]);
    let server = Server::start_with(options);
    let mut told = String::new();
    for (path, state) in [("/a.mp4", "succeeded"), ("/text", "failed"), ("/moved", "failed"), ("/busy", "failed")] {
        let body = job(&secret(&web.url(path)));
        for look in ["/v1/plan", "/v1/probe"] {
            let body = if look == "/v1/probe" { json!({"input": body["input"]}) } else { body.clone() };
            told += &server.post(look, &body).await.1.to_string();
        }
        let id = server.submit(&body).await;
        // While ffmpeg may be running, too.
        let running = eventually("the job to be over", || async {
            let lines = command_lines();
            let over = server.job(&id).await["finished_at"].is_string();
            assert!(!lines.contains(CANARY), "{lines}");
            over.then_some(lines)
        });
        told += &running.await;
        let over = server.over(&id).await;
        assert_eq!(over["state"], state, "{path}: {over:#}");
        assert_eq!(over["input"], format!("{}?…", web.url(path)));
        told += &told_of(&server, &id).await;
    }
    for body in
        [job(&format!("http://us{CANARY}:{CANARY}@10.0.0.1/?{CANARY}")), job(&format!("http://{CANARY}:a/b@h/"))]
    {
        let (status, problem) = server.post("/v1/jobs", &body).await;
        assert_eq!(status, 422);
        told += &problem.to_string();
    }
    told += &server.said();
    let around = |at: usize| &told[told.floor_char_boundary(at.saturating_sub(300))..told.ceil_char_boundary(at + 50)];
    assert!(told.len() > 10_000);
    assert!(!told.contains(CANARY), "…{}…", around(told.find(CANARY).unwrap()));
}

#[tokio::test]
async fn a_job_is_tried_again_with_all_that_its_url_holds() {
    let bytes = std::fs::read(media_root().join(clip())).unwrap();
    let web = Web::serve(move |number, _| if number == 0 { Reply::status("404 No") } else { Reply::whole(&bytes) });
    let server = Server::start_with(Options::with(&["--allow-network", "127.0.0.0/8"]));
    let id = server.submit(&job(&secret(&web.url("/a.mp4")))).await;
    assert_eq!(server.over(&id).await["state"], "failed");
    let server = server.kill_and_restart();
    let (status, _) = server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(server.over(&id).await["state"], "succeeded");
    let [first, second] = &web.asked()[..] else { panic!("{:?}", web.asked()) };
    assert_eq!((first.target.as_str(), first.target.contains("token=")), (second.target.as_str(), true));
    assert!(second.header("authorization").is_some());
}

#[tokio::test]
async fn keys_of_requests_tell_urls_apart_by_their_secrets() {
    let server = Server::start();
    let post = |url: &str| {
        let request = server.request(Method::POST, "/v1/jobs").header("idempotency-key", "one");
        let mut body = job(url);
        body["run_at"] = json!("2999-01-01T00:00:00Z");
        request.json(&body).send()
    };
    let first = "https://example.org/a.mp4?token=1";
    for (url, status) in [(first, 201), (first, 200), ("https://example.org/a.mp4?token=2", 422)] {
        assert_eq!(post(url).await.unwrap().status(), status, "{url}");
    }
}
