use serde_json::json;

use crate::harness::{Options, Server, clip, eventually, processes_naming};

#[tokio::test]
async fn jobs_survive_kill_9_and_no_ffmpeg_does() {
    let server = Server::start_with(Options { args: vec!["--slots".into(), "1".into()], ..Options::default() });
    let running = server.submit_slow("graceful").await;
    let queued = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    let ffmpegs = processes_naming(&running);
    assert!(!ffmpegs.is_empty());
    let server = server.kill_and_restart();
    eventually("the ffmpeg of the killed server to be gone", || async {
        let left: Vec<_> =
            ffmpegs.iter().filter(|(id, line)| processes_naming(line).iter().any(|(other, _)| other == id)).collect();
        left.is_empty().then_some(())
    })
    .await;
    let job = server.job(&running).await;
    assert_eq!(job["attempts"][0]["outcome"], "lost", "{job:#}");
    assert!(["queued", "running"].contains(&job["state"].as_str().unwrap()));
    server.encoding(&running).await;
    assert_eq!(server.job(&running).await["attempts"].as_array().unwrap().len(), 2);
    server.delete(&format!("/v1/jobs/{running}")).await;
    assert_eq!(server.over(&running).await["state"], "cancelled");
    assert_eq!(server.over(&queued).await["state"], "succeeded");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::start();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_transcoded"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(server.data_dir())
        .args(["--media-root".as_ref(), crate::harness::media_root()])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another server"));
    assert_eq!(server.get("/readyz").await.0, 200);
}
