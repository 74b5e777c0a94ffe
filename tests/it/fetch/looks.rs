//! Probe and plan fetch what they look at, and keep nothing of it.

use serde_json::json;

use super::web::{Reply, Web};
use crate::harness::{Options, Server, clip, media_root};

fn here() -> Server {
    Server::start_with(Options::with(&["--allow-network", "127.0.0.0/8"]))
}

fn nothing_is_left(server: &Server) {
    let left: Vec<_> = std::fs::read_dir(server.data_dir().join("work")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_input_elsewhere_is_probed_and_planned_like_one_here() {
    let bytes = std::fs::read(media_root().join(clip())).unwrap();
    let web = Web::serve(move |_, _| Reply::whole(&bytes));
    let server = here();
    let url = web.url("/clips/a.mp4");
    let (status, here) = server.post("/v1/probe", &json!({"input": clip()})).await;
    assert_eq!((status, server.post("/v1/probe", &json!({"input": url})).await), (200, (200, here.clone())));
    let (status, plan) = server.post("/v1/plan", &json!({"input": url, "outputs": [{"name": "a.mp4"}]})).await;
    assert_eq!((status, &plan["feasible"], &plan["input"]), (200, &json!(true), &here), "{plan:#}");
    assert!(plan["commands"][0]["argv"].as_array().unwrap().contains(&json!(format!("file:{url}"))), "{plan:#}");
    nothing_is_left(&server);
}

#[tokio::test]
async fn a_look_that_fails_says_why() {
    let web = Web::serve(|_, asked| Reply::status(if asked.target == "/gone" { "404 Not Found" } else { "503 Busy" }));
    let server = here();
    let (status, problem) = server.post("/v1/probe", &json!({"input": web.url("/gone")})).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/input")), "{problem:#}");
    let (status, plan) =
        server.post("/v1/plan", &json!({"input": web.url("/gone"), "outputs": [{"name": "a.mp4"}]})).await;
    assert_eq!((status, &plan["errors"][0]["pointer"]), (200, &json!("/input")), "{plan:#}");
    for path in ["/v1/probe", "/v1/plan"] {
        let mut body = json!({"input": web.url("/busy")});
        if path == "/v1/plan" {
            body["outputs"] = json!([{"name": "a.mp4"}]);
        }
        let (status, problem) = server.post(path, &body).await;
        assert_eq!(status, 503, "{problem:#}");
    }
    nothing_is_left(&server);
}

#[tokio::test]
async fn what_is_too_large_for_a_look_is_refused_at_once() {
    let web = Web::serve(|_, _| Reply::raw("200 OK\r\nContent-Length: 2147483649", b"").then_silence());
    let server = here();
    let (status, problem) = server.post("/v1/probe", &json!({"input": web.url("/a.mp4")})).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/input")), "{problem:#}");
    nothing_is_left(&server);
}
