use serde_json::json;

use crate::harness::{Server, clip};

#[tokio::test]
async fn pages_are_newest_first_and_filters_hold() {
    let server = Server::start();
    let mut ids = Vec::new();
    for number in 0..5 {
        let body =
            json!({"input": clip(), "labels": {"n": number.to_string(), "all": "x"}, "outputs": [{"name": "a.wav"}]});
        ids.push(server.submit(&body).await);
    }
    for id in &ids {
        server.over(id).await;
    }
    let listed = |page: &serde_json::Value| {
        page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (_, first) = server.get("/v1/jobs?limit=2").await;
    let late = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = server.get(&format!("/v1/jobs?limit=3&cursor={cursor}")).await;
    let found = [listed(&first), listed(&second)].concat();
    assert_eq!(found, ids.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(second["next_cursor"], json!(null));
    server.over(&late).await;
    let (_, labelled) = server.get("/v1/jobs?label=n:3&label=all:x").await;
    assert_eq!(listed(&labelled), [ids[3].clone()]);
    let (_, none) = server.get("/v1/jobs?state=failed").await;
    assert_eq!(none, json!({"items": [], "next_cursor": null}));
    assert_eq!(listed(&server.get("/v1/jobs?state=succeeded&limit=500").await.1).len(), 6);
}

#[tokio::test]
async fn what_a_client_makes_up_is_refused_by_name() {
    let server = Server::start();
    for (query, parameter) in [
        ("cursor=abc", "?cursor"),
        ("cursor=c1-zz", "?cursor"),
        ("limit=0", "?limit"),
        ("limit=501", "?limit"),
        ("limit=many", "?limit"),
        ("state=lost", "?state"),
        ("label=x", "?label"),
        ("colour=red", "?colour"),
    ] {
        let (status, problem) = server.get(&format!("/v1/jobs?{query}")).await;
        assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some(parameter)), "{query}: {problem:#}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_or_unknown_is_not_found() {
    let server = Server::start();
    for id in ["1", "not-a-uuid", "019234ab-5678-7def-8123-456789abcdef", "..%2F..%2Fetc", "%00"] {
        for path in ["", "/log", "/events", "/outputs/a.mp4"] {
            let (status, problem) = server.get(&format!("/v1/jobs/{id}{path}")).await;
            assert_eq!((status, problem["status"].as_u64()), (404, Some(404)), "{id}{path}: {problem:#}");
        }
        assert_eq!(server.delete(&format!("/v1/jobs/{id}")).await.0, 404, "{id}");
    }
}
