//! Addresses that may not be reached are not, however they are named.

use serde_json::json;

use super::web::{Reply, Web};
use crate::harness::{Options, Server};

fn job(input: &str) -> serde_json::Value {
    json!({"input": input, "outputs": [{"name": "a.mp4"}]})
}

#[tokio::test]
async fn a_closed_address_is_refused_when_the_job_is_submitted() {
    let server = Server::start();
    let web = Web::serve(|_, _| Reply::status("200 OK"));
    let port = web.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "localhost.",
        "127.0.0.1.",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "user:pass@127.0.0.1",
    ] {
        let url = format!("http://{host}:{port}/a.mp4");
        for path in ["/v1/jobs", "/v1/probe"] {
            let body = if path == "/v1/probe" { json!({"input": url}) } else { job(&url) };
            let (status, problem) = server.post(path, &body).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/input")), "{url}: {problem:#}");
            let detail = problem["errors"][0]["detail"].as_str().unwrap();
            assert!(detail.contains("allow_network"), "{detail}");
        }
        let (status, plan) = server.post("/v1/plan", &job(&url)).await;
        assert_eq!((status, &plan["feasible"], &plan["errors"][0]["pointer"]), (200, &json!(false), &json!("/input")));
    }
    assert!(web.asked().is_empty(), "{:?}", web.asked());
}

#[tokio::test]
async fn what_is_no_url_of_a_host_is_refused_when_the_job_is_submitted() {
    let server = Server::start();
    for input in ["http://", "https:///a", "http://a b/", "http://user:a/b@host/", "http://[::1", "ftp://a/b", "http:a"]
    {
        let (status, problem) = server.post("/v1/jobs", &job(input)).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/input")), "{input}: {problem:#}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_closed_address_is_not_followed() {
    let inside = Web::serve(|_, _| Reply::whole(b"secret"));
    let server = Server::start_with(Options::with(&["--allow-network", "127.0.0.1"]));
    for to in [
        format!("http://127.0.0.2:{}/", inside.port()),
        format!("http://[::ffff:127.0.0.2]:{}/", inside.port()),
        format!("http://0x7f.2:{}/", inside.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let web = Web::serve({
            let to = to.clone();
            move |_, _| Reply::redirect(&to)
        });
        let over = server.over(&server.submit(&job(&web.url("/a.mp4"))).await).await;
        let code = over["error"]["code"].as_str().unwrap();
        assert!(over["state"] == "failed" && code.starts_with("input_"), "{to}: {over:#}");
        assert_eq!(web.asked().len(), 1);
    }
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn a_name_is_only_reached_at_addresses_that_are_open() {
    // The one name that stands for a closed address on every machine; `localhost` itself is open where one of its addresses is.
    let web = Web::serve(|_, _| Reply::whole(b"secret"));
    let server = Server::start_with(Options::with(&["--allow-network", "::1", "--retry-delay-ms", "1"]));
    let url = format!("http://localhost:{}/a.mp4", web.port());
    let over = server.over(&server.submit(&job(&url)).await).await;
    assert_eq!(over["state"], "failed", "{over:#}");
    assert!(web.asked().is_empty());
}
