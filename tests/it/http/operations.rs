use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::json;

use crate::harness::{Server, clip};

#[tokio::test]
async fn a_node_says_what_it_is_and_what_it_does() {
    let server = Server::start();
    assert_eq!(server.get("/healthz").await, (200, json!({"status": "ok"})));
    assert_eq!(server.get("/readyz").await.0, 200);
    let id = server.submit_slow("standard").await;
    let (_, node) = server.get("/v1/node").await;
    assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        node["ffmpeg_version"].as_str().unwrap().starts_with(|c: char| c.is_ascii_digit() || c == 'n' || c == 'N'),
        "{node:#}"
    );
    assert!(node["encoders"].as_array().unwrap().contains(&json!("libx264")), "{node:#}");
    assert_eq!(node["slots"], json!({"total": 2, "busy": 1}));
    assert_eq!(node["running"][0]["id"], *id);
    let metrics = server.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"transcoded_jobs{state="running"} 1"#), "{metrics}");
    assert!(metrics.contains("transcoded_http_requests_total{"), "{metrics}");
    server.delete(&format!("/v1/jobs/{id}")).await;
    server.over(&id).await;
}

#[tokio::test]
async fn an_input_can_be_looked_at() {
    let server = Server::start();
    let (status, found) = server.post("/v1/probe", &json!({"input": clip()})).await;
    assert_eq!(status, 200, "{found:#}");
    let video = &found["streams"][0];
    assert_eq!(
        (video["type"].as_str(), video["codec"].as_str(), video["width"].as_u64()),
        (Some("video"), Some("h264"), Some(1280))
    );
    assert_eq!(video["frame_rate"], json!({"numerator": 25, "denominator": 1}));
    assert_eq!(found["streams"][1]["channels"], 6);
    for (body, status) in [(json!({"input": "none.mp4"}), 422), (json!({"file": "a"}), 422), (json!([]), 422)] {
        assert_eq!(server.post("/v1/probe", &body).await.0, status, "{body}");
    }
}

#[tokio::test]
async fn presets_the_document_and_the_page_are_served() {
    let server = Server::start();
    let (_, presets) = server.get("/v1/presets").await;
    assert!(presets["items"].as_array().unwrap().iter().any(|preset| preset["name"] == "h264-720p"));
    let document = server.request(Method::GET, "/openapi.yaml").send().await.unwrap().text().await.unwrap();
    assert_eq!(document, include_str!("../../../openapi.yaml"));
    let page = server.request(Method::GET, "/").send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(page.text().await.unwrap().contains("<!doctype html>"));
}

#[tokio::test]
async fn every_error_is_a_problem_with_the_requests_id() {
    let server = Server::start();
    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::PUT, "/v1/jobs", 405),
        (Method::POST, "/healthz", 405),
        (Method::POST, "/v1/jobs", 415),
    ] {
        let response = server.request(method.clone(), path).header("x-request-id", "my-id-1").send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["x-request-id"], "my-id-1");
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{method} {path}");
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["request_id"], "my-id-1");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:transcoded:problem:"));
        assert_eq!(problem["status"], status);
    }
    let answer = server.request(Method::GET, "/healthz").header("x-request-id", "evil\tid").send().await.unwrap();
    assert_ne!(answer.headers()["x-request-id"], "evil\tid");
}

#[test]
fn more_connections_may_be_open_than_the_usual_limit_of_files() {
    let folder = tempfile::tempdir().unwrap();
    // With the limit that most systems give to a program.
    let mut server = Command::new("sh")
        .args(["-c", r#"ulimit -S -n 1024; exec "$0" "$@""#, env!("CARGO_BIN_EXE_transcoded"), "serve"])
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path().join("data"))
        .arg("--media-root")
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(log.any(|line| line.contains("ready: ")));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] > 1024 || numbers[1] <= 1024, "{line}");
}
