//! A disk for results that is full.

use serde_json::{Value, json};

use super::{a_neighbour_is_unharmed, attempts, endings, is, neighbour, nothing_is_left_of};
use crate::harness::{Options, Server, Tmpfs, clip, eventually, slow_clip};

/// Results on the small disk, the database elsewhere.
fn apart(disk: &Tmpfs, database: &std::path::Path, args: &[&str]) -> Server {
    let url = format!("sqlite:{}", database.join("jobs.db").display());
    let args = [&["--database-url", &url, "--retry-delay-ms", "50"], args].concat();
    Server::start_with(Options { disk: Some(disk.path().to_owned()), ..Options::with(&args) })
}

/// A job whose result is many times as large as anybody would expect.
fn large(name: &str) -> Value {
    let video = json!({"codec": "h264", "crf": 0, "speed": "ultrafast"});
    json!({"input": clip(), "outputs": [{"name": name, "video": video}], "max_attempts": 2})
}

fn assert_full(job: &Value) {
    assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("failed"), Some("disk_full")), "{job:#}");
    assert_eq!(job["error"]["retryable"], true);
    assert!(endings(job).iter().all(|ending| ending == "disk_full") && attempts(job) == 2, "{job:#}");
    assert_eq!(job["outputs"][0]["url"], Value::Null);
}

/// For mp4 ffmpeg says so with its exit code; for the others it ends with 0.
#[tokio::test]
async fn a_full_disk_fails_the_attempt_for_now_and_a_retry_succeeds_once_there_is_room() {
    let (Some(disk), database) = (Tmpfs::mount(6 * 1024), tempfile::tempdir().unwrap()) else { return };
    let server = apart(&disk, database.path(), &["--min-free-bytes", "0", "--slots", "1"]);
    let before = server.submit(&neighbour()).await;
    let before = server.over(&before).await;
    let free = disk.free();
    let mut full = Vec::new();
    for name in ["a.mp4", "a.mkv", "a.mov"] {
        let id = server.submit(&large(name)).await;
        assert_full(&server.over(&id).await);
        nothing_is_left_of(&server, &id).await;
        full.push(id);
    }
    // Two logs each, and nothing else.
    assert!(disk.free() + 512 * 1024 > free, "{} of {free} bytes are free", disk.free());
    a_neighbour_is_unharmed(&server).await;
    let url = format!("{}{}", server.url, before["outputs"][0]["url"].as_str().unwrap());
    let bytes = server.client.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(Some(bytes.len() as u64), before["outputs"][0]["size_bytes"].as_u64(), "what was there before is whole");
    disk.resize(128 * 1024);
    for id in &full {
        assert_eq!(server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await.0, 200);
        is(&server, id, "succeeded").await;
    }
}

/// Sound needs so little that the disk is full only when ffmpeg closes its file.
#[tokio::test]
async fn a_disk_that_is_full_when_the_file_is_closed_is_no_fault_of_the_job() {
    let (Some(disk), database) = (Tmpfs::mount(4 * 1024), tempfile::tempdir().unwrap()) else { return };
    let server = apart(&disk, database.path(), &["--min-free-bytes", "0", "--allow-raw-args"]);
    for name in ["a.m4a", "a.ogg", "a.mp3", "a.mkv"] {
        let filler = disk.fill(48 * 1024);
        // Raw arguments, so that nobody looks for room first.
        let args = ["-i", "{input}", "-vn", "-b:a", "256k", &format!("{{output}}/{name}")];
        let id = server.submit(&json!({"input": clip(), "args": args, "max_attempts": 2})).await;
        let job = server.over(&id).await;
        assert_eq!((job["error"]["code"].as_str(), attempts(&job)), (Some("disk_full"), 2), "{job:#}");
        drop(filler);
        nothing_is_left_of(&server, &id).await;
    }
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn a_job_that_is_not_expected_to_fit_is_not_begun() {
    let (Some(disk), database) = (Tmpfs::mount(4 * 1024), tempfile::tempdir().unwrap()) else { return };
    let server = apart(&disk, database.path(), &["--min-free-bytes", "0"]);
    let body = json!({"input": slow_clip(), "outputs": [{"name": "a.wav"}], "max_attempts": 2});
    let id = server.submit(&body).await;
    let job = server.over(&id).await;
    assert_full(&job);
    assert!(job["error"]["message"].as_str().unwrap().contains("likely to need"), "{job:#}");
    assert_eq!(
        (job["attempts"][0]["exit_code"].clone(), job["attempts"][0]["signal"].clone()),
        (Value::Null, Value::Null)
    );
    a_neighbour_is_unharmed(&server).await;
    disk.resize(128 * 1024);
    server.post(&format!("/v1/jobs/{id}/retry"), &json!({})).await;
    is(&server, &id, "succeeded").await;
}

#[tokio::test]
async fn the_queue_waits_while_the_disk_is_low_and_goes_on_by_itself() {
    let (Some(disk), database) = (Tmpfs::mount(16 * 1024), tempfile::tempdir().unwrap()) else { return };
    let server = apart(&disk, database.path(), &["--min-free-bytes", "8388608"]);
    let filler = disk.fill(4 * 1024 * 1024);
    let ids = [server.submit(&neighbour()).await, server.submit(&neighbour()).await];
    eventually("the server to say why nothing starts", || async {
        (server.get("/v1/node").await.1["state"] == "disk_low").then_some(())
    })
    .await;
    for id in &ids {
        let job = server.job(id).await;
        assert_eq!((job["state"].as_str(), attempts(&job)), (Some("queued"), 0), "{job:#}");
    }
    assert_eq!(server.get("/readyz").await.0, 200, "what is submitted is safe, and waits");
    drop(filler);
    for id in &ids {
        assert_eq!(server.over(id).await["state"], "succeeded");
    }
    eventually("the server to accept again", || async {
        (server.get("/v1/node").await.1["state"] == "accepting").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_under_results_and_database_loses_nothing() {
    let Some(disk) = Tmpfs::mount(8 * 1024) else { return };
    let args = ["--min-free-bytes", "0", "--retry-delay-ms", "50", "--slots", "1"];
    let server = Server::start_with(Options { disk: Some(disk.path().to_owned()), ..Options::with(&args) });
    let full = server.submit(&large("a.mp4")).await;
    let beside = server.submit(&neighbour()).await;
    assert_full(&server.over(&full).await);
    assert_eq!(server.over(&beside).await["state"], "succeeded");
    nothing_is_left_of(&server, &full).await;
    eventually("it to be ready", || async { (server.get("/readyz").await.0 == 200).then_some(()) }).await;
    disk.resize(128 * 1024);
    server.post(&format!("/v1/jobs/{full}/retry"), &json!({})).await;
    is(&server, &full, "succeeded").await;
}
