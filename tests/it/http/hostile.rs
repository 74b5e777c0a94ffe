//! Clients that come from the pages of other sites or ask for a server of another name.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Options, Server, clip, slow_job};

/// Sends bytes on a connection of their own.
fn send(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The status in the answer to a request that is sent as it is.
fn status(server: &Server, request: &str) -> u16 {
    let mut answer = String::new();
    send(server, request).read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn pages_of_other_sites_can_neither_submit_nor_cancel() {
    let server = Server::start();
    let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
    let id = server.submit(&slow_job("slim")).await;
    let other_site = [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    for header in other_site {
        let submit = server.request(Method::POST, "/v1/jobs").json(&body).header(header.0, header.1);
        let cancel = server.request(Method::DELETE, &format!("/v1/jobs/{id}")).header(header.0, header.1);
        for request in [submit, cancel] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 403);
            assert_eq!(response.json::<Value>().await.unwrap()["type"], "urn:transcoded:problem:cross-site");
        }
    }
    // What a form or a simple script can send without asking first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = server.request(Method::POST, "/v1/jobs").header("content-type", kind).body(body.to_string());
        assert_eq!(request.send().await.unwrap().status(), 415, "{kind}");
    }
    let asked =
        server.request(Method::OPTIONS, "/v1/jobs").header("origin", "http://evil.example").send().await.unwrap();
    assert!(!asked.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{:?}", asked.headers());
    let own = server.request(Method::DELETE, &format!("/v1/jobs/{id}")).header("origin", &server.url);
    assert!(own.send().await.unwrap().status().is_success(), "the dashboard's own button");
    server.over(&id).await;
}

#[tokio::test]
async fn a_name_that_was_pointed_at_this_machine_is_not_answered() {
    let server = Server::start();
    for (host, expected) in [("127.0.0.1:9", 200), ("localhost", 200), ("evil.example:8080", 421), ("a b", 400)] {
        for path in ["/", "/v1/jobs", "/v1/node"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            assert_eq!(status(&server, &request), expected, "{host}{path}");
        }
    }
    assert_eq!(status(&server, "GET /v1/node HTTP/1.1\r\nConnection: close\r\n\r\n"), 400, "no Host");
    drop(server);
    let args = vec!["--allow-host".to_owned(), "video.example.org".to_owned()];
    let server = Server::start_with(Options { args, ..Options::default() });
    for (host, expected) in [("video.example.org", 200), ("evil.example", 421)] {
        let request = format!("GET /v1/node HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&server, &request), expected, "{host}");
    }
}
