use reqwest::Method;
use serde_json::json;

use crate::harness::{Server, clip};

#[tokio::test]
async fn a_result_is_downloaded_whole_or_in_ranges_and_only_once() {
    let server = Server::start();
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "Ein Lied (1).mp3"}]})).await;
    let job = server.over(&id).await;
    let output = &job["outputs"][0];
    let path = output["url"].as_str().unwrap();
    let whole = server.request(Method::GET, path).send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "audio/mpeg");
    assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
    let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(output["size_bytes"].as_u64().unwrap(), bytes.len() as u64);

    let part = server.request(Method::GET, path).header("range", "bytes=100-199").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-199/{}", bytes.len()));
    assert_eq!(part.bytes().await.unwrap(), bytes.slice(100..200));
    let beyond = server.request(Method::GET, path).header("range", "bytes=99999999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    assert_eq!(beyond.headers()["content-type"], "application/problem+json");
    let known = server.request(Method::GET, path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(known.status(), 304);
    let ask = |headers: &[(&str, &str)]| {
        let request = server.request(Method::GET, path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(ask(&[("if-none-match", &format!("\"other\", W/{tag}"))]).await, 304);
    assert_eq!(ask(&[("if-match", &tag)]).await, 200);
    assert_eq!(ask(&[("if-match", "\"other\"")]).await, 412);
    assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", &tag)]).await, 206);
    assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await, 200, "the rest of another file");
    for ignored in ["bytes=0-1,4-5", "pages=1-2", "bytes=5-2"] {
        assert_eq!(ask(&[("range", ignored)]).await, 200, "{ignored}");
    }
    let head = server.request(Method::HEAD, path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], bytes.len().to_string());
}

#[tokio::test]
async fn nothing_but_results_can_be_downloaded() {
    let server = Server::start();
    let id = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    server.over(&id).await;
    for name in ["b.wav", "..%2F..%2Ftranscoded.db", "%2e%2e", "a.wav%00", "A.WAV"] {
        assert_eq!(server.get(&format!("/v1/jobs/{id}/outputs/{name}")).await.0, 404, "{name}");
    }
}
