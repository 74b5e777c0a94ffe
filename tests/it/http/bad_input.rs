//! Bad input gets a clear answer and loses nothing.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Options, Server, clip};

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused() {
    let server = Server::start();
    let send = |body: Vec<u8>, kind: &'static str| {
        let request = server.request(Method::POST, "/v1/jobs").header("content-type", kind).body(body);
        async move {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            (status, response.json::<Value>().await.unwrap())
        }
    };
    let json_kind = "application/json";
    for (body, kind, status) in [
        (b"{".to_vec(), json_kind, 400),
        (Vec::new(), json_kind, 400),
        (vec![0xff, 0xfe], json_kind, 400),
        (b"[1,2]".to_vec(), json_kind, 422),
        (b"null".to_vec(), json_kind, 422),
        (b"input=a".to_vec(), "application/x-www-form-urlencoded", 415),
        (vec![b' '; 2 * 1024 * 1024], json_kind, 413),
        (vec![b'['; 100_000], json_kind, 400),
    ] {
        let (found, problem) = send(body.clone(), kind).await;
        assert_eq!(found, status, "{:.20}: {problem:#}", String::from_utf8_lossy(&body));
        assert_eq!(problem["status"], status);
    }
    assert_eq!(server.get("/v1/jobs").await.1["items"], json!([]));
}

#[tokio::test]
async fn requests_that_can_not_be_carried_out_name_the_field() {
    let server = Server::start();
    let long = "x".repeat(296) + ".mp4";
    let output = |output: Value| json!({"input": clip(), "outputs": [output]});
    let mut cases = vec![
        (json!({"input": clip(), "outputs": [], "frobnicate": 1}), "/frobnicate"),
        (json!({"input": 7, "outputs": []}), "/input"),
        (json!({"input": clip(), "outputs": []}), "/outputs"),
        (json!({"input": clip(), "outputs": [["a.mp4"]]}), "/outputs/0"),
        (json!({"input": clip(), "outputs": [{"name": "a.mp4"}], "priority": i32::MIN}), "/priority"),
        (output(json!({"name": "a.mp4", "preset": "h265-16k"})), "/outputs/0/preset"),
        (output(json!({"name": "a.mp4", "video": {"codec": "divx"}})), "/outputs/0/video/codec"),
        (output(json!({"name": "a.webm", "audio": {"codec": "mp3"}})), "/outputs/0/audio/codec"),
        (output(json!({"name": "a.mp4", "video": {"width": 0}})), "/outputs/0/video/width"),
        (output(json!({"name": "a.mp4", "video": {"width": 1_000_000}})), "/outputs/0/video/width"),
    ];
    for name in ["a/b.mp4", "../a.mp4", "..", "-a.mp4", "%03d.mp4", "a\nb.mp4", &long] {
        cases.push((output(json!({"name": name, "container": "mp4"})), "/outputs/0/name"));
    }
    for (body, pointer) in cases {
        let (status, problem) = server.post("/v1/jobs", &body).await;
        assert_eq!(status, 422, "{body}");
        let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
        assert!(pointers.contains(&&json!(pointer)), "{body}: {problem:#}");
    }
}

/// A media root with all that can be wrong with a file.
fn traps() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("folder")).unwrap();
    std::fs::write(at("empty.mp4"), []).unwrap();
    std::fs::write(at("text.mp4"), "This is no film.\n".repeat(100)).unwrap();
    let whole = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("media/bigbuckbunny.mp4")).unwrap();
    std::fs::write(at("truncated.mp4"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(at("good.mp4"), &whole).unwrap();
    assert!(Command::new("mkfifo").arg(at("fifo.mp4")).status().unwrap().success());
    std::os::unix::fs::symlink("/etc/hostname", at("escape.mp4")).unwrap();
    std::os::unix::fs::symlink("good.mp4", at("link.mp4")).unwrap();
    folder
}

#[tokio::test]
async fn inputs_that_are_no_files_in_a_media_root_are_refused_at_once() {
    let traps = traps();
    let options = Options { media_root: Some(traps.path().to_owned()), ..Options::default() };
    let server = Server::start_with(options);
    for input in [
        "missing.mp4",
        "folder",
        "fifo.mp4",
        "escape.mp4",
        "../good.mp4",
        "folder/../../etc/hostname",
        "/etc/hostname",
        "",
        "file:///etc/hostname",
        "http://127.0.0.1/a.mp4",
        "concat:good.mp4|good.mp4",
        "pipe:0",
        "s3://a/b",
        "good.mp4\0",
        "a\nb",
    ] {
        let (status, problem) = server.post("/v1/jobs", &json!({"input": input, "outputs": [{"name": "a.mp4"}]})).await;
        assert_eq!((status, problem["errors"][0]["pointer"].as_str()), (422, Some("/input")), "{input:?}: {problem:#}");
        assert!(!problem.to_string().contains(traps.path().to_str().unwrap()), "no path of the server: {problem:#}");
    }
    let link = server.submit(&json!({"input": "link.mp4", "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.over(&link).await["state"], "succeeded", "a link that stays inside is fine");
    let url = format!("file://{}/good.mp4", traps.path().canonicalize().unwrap().display());
    let by_url = server.submit(&json!({"input": url, "outputs": [{"name": "a.wav"}]})).await;
    assert_eq!(server.over(&by_url).await["state"], "succeeded");
}

#[tokio::test]
async fn files_that_are_no_media_fail_with_a_stable_code_and_words_for_people() {
    let traps = traps();
    let options = Options { media_root: Some(traps.path().to_owned()), ..Options::default() };
    let server = Server::start_with(options);
    for input in ["empty.mp4", "text.mp4", "truncated.mp4"] {
        let id = server
            .submit(&json!({"input": input, "outputs": [{"name": "a.mp4", "video": {"speed": "ultrafast"}}]}))
            .await;
        let job = server.over(&id).await;
        assert_eq!(
            (job["state"].as_str(), job["error"]["code"].as_str()),
            (Some("failed"), Some("input_invalid")),
            "{input}: {job:#}"
        );
        assert_eq!(job["error"]["retryable"], false);
        let message = job["error"]["message"].as_str().unwrap();
        assert!(!message.contains("moov") && !message.contains('@') && !message.contains('/'), "{message}");
        assert_eq!(job["attempts"].as_array().unwrap().len(), 1);
        assert!(!server.data_dir().join("outputs").join(&id).exists());
    }
    let (status, _) = server.post("/v1/probe", &json!({"input": "text.mp4"})).await;
    assert_eq!(status, 422);
}
