//! What can happen to a running ffmpeg.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{a_neighbour_is_unharmed, attempts, endings, nothing_is_left_of, runs};
use crate::harness::{Options, Server, eventually, memory_kib, processes_naming, slow_clip, victim};

fn signal_all(id: &str, signal: Signal) {
    for (pid, _) in processes_naming(id) {
        // One may have ended meanwhile.
        let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
    }
}

fn quick(script: &str) -> Server {
    Server::start_with(Options::with(&["--retry-delay-ms", "50"]).faking(script))
}

#[tokio::test]
async fn ffmpeg_that_is_killed_from_outside_is_run_again() {
    let server = quick(r#"[ -e "$here/go" ] && exec "$real" "$@"; touch "$here/go"; sleep 600; exit 1"#);
    let id = server.submit(&victim()).await;
    runs(&server, &id).await;
    let begun = server.data_dir().join("go");
    eventually("ffmpeg to have begun", || async { begun.exists().then_some(()) }).await;
    signal_all(&id, Signal::KILL);
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), endings(&job)), (Some("succeeded"), vec!["killed".into(), "succeeded".into()]));
    assert_eq!(job["attempts"][0]["signal"], 9);
    assert!(!server.data_dir().join("jobs").join(&id).join("1/outputs").exists());
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn ffmpeg_that_is_ended_politely_by_somebody_else_is_run_again() {
    let server = Server::start_with(Options::with(&["--retry-delay-ms", "50"]));
    let id = server.submit_slow("graceful").await;
    signal_all(&id, Signal::TERM);
    let mut events = server.events(&format!("/v1/jobs/{id}/events?last_event_id=0")).await;
    events.until_state("queued").await;
    let job = events.until_state("queued").await.data;
    assert_eq!(endings(&job), ["killed"], "{job:#}");
    server.encoding(&id).await;
    assert_eq!(attempts(&server.job(&id).await), 2);
    server.delete(&format!("/v1/jobs/{id}?grace_seconds=0")).await;
    server.over(&id).await;
}

#[tokio::test]
async fn ffmpeg_that_is_killed_every_time_fails_the_job_after_growing_waits() {
    let options = Options::with(&["--retry-delay-ms", "100"]).faking("kill -KILL $$");
    let server = Server::start_with(options);
    let mut body = victim();
    body["max_attempts"] = json!(4);
    let id = server.submit(&body).await;
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("failed"), Some("killed")), "{job:#}");
    assert_eq!((attempts(&job), job["error"]["retryable"].as_bool()), (4, Some(true)));
    let events = server.events(&format!("/v1/jobs/{id}/events?last_event_id=0")).await.rest().await;
    let again =
        events.iter().filter(|event| event.kind == "state" && event.state() == "queued" && attempts(&event.data) > 0);
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let waits: Vec<_> = again
        .map(|event| {
            time(&event.data["run_at"])
                - time(&event.data["attempts"].as_array().unwrap().last().unwrap()["finished_at"])
        })
        .collect();
    assert_eq!(waits.len(), 3, "{waits:?}");
    for (wait, middle) in waits.iter().zip([100, 200, 400]) {
        assert!((middle * 3 / 4..=middle * 5 / 4 + 1).contains(wait), "{waits:?}");
    }
    for (before, after) in waits.iter().zip(job["attempts"].as_array().unwrap().windows(2)) {
        assert!(time(&after[1]["started_at"]) - time(&after[0]["finished_at"]) >= *before, "{job:#}");
    }
    nothing_is_left_of(&server, &id).await;
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_lasting_ones_fail_at_once() {
    let server = quick(r#". "$here/fault""#);
    for (fault, code, tries) in [
        ("echo '[error] malloc of size 4096 failed' >&2; exit 1", "out_of_memory", 2),
        ("exit 244", "out_of_memory", 2),
        ("echo '[error] av_interleaved_write_frame(): No space left on device' >&2; exit 1", "disk_full", 2),
        ("echo '[error] Error opening input: Input/output error' >&2; exit 251", "io_error", 2),
        ("exit 127", "ffmpeg_missing", 2),
        ("kill -TERM $$", "killed", 2),
        ("echo '[error] Invalid data found when processing input' >&2; exit 183", "input_invalid", 1),
        ("echo '[error] odd' >&2; exit 1", "ffmpeg_failed", 1),
        ("kill -SEGV $$", "ffmpeg_crashed", 1),
    ] {
        std::fs::write(server.data_dir().join("fault"), fault).unwrap();
        let mut body = victim();
        body["max_attempts"] = json!(2);
        let id = server.submit(&body).await;
        let job = server.over(&id).await;
        assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("failed"), Some(code)), "{job:#}");
        assert_eq!((attempts(&job), job["error"]["retryable"].as_bool()), (tries, Some(tries > 1)), "{fault}");
        nothing_is_left_of(&server, &id).await;
    }
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn ffmpeg_that_is_stopped_from_outside_ends_as_stalled_with_a_file_that_plays() {
    let server = Server::start_with(Options::with(&["--stall-timeout", "2"]));
    let id = server.submit_slow("graceful").await;
    signal_all(&id, Signal::STOP);
    a_neighbour_is_unharmed(&server).await;
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("cancelled"), Some("stalled")), "{job:#}");
    assert_eq!((job["cancellation"]["reason"].as_str(), attempts(&job)), (Some("stalled"), 1));
    let output = &job["outputs"][0];
    assert_eq!((output["partial"].as_bool(), output["playable"].as_bool()), (Some(true), Some(true)), "{job:#}");
    assert_eq!(processes_naming(&id), []);
}

/// Raw arguments are the one way to an input that is no plain file.
#[tokio::test]
async fn an_input_that_never_comes_ends_as_stalled() {
    let server = Server::start_with(Options::with(&["--stall-timeout", "1", "--allow-raw-args"]));
    let pipe = server.data_dir().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let args = ["-f", "wav", "-i", pipe.to_str().unwrap(), "{output}/a.wav"];
    let id = server.submit(&json!({"input": crate::harness::blip(), "args": args})).await;
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), job["error"]["code"].as_str()), (Some("cancelled"), Some("stalled")), "{job:#}");
    nothing_is_left_of(&server, &id).await;
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn ffmpeg_that_hears_nothing_is_gone_within_five_seconds_of_a_delete() {
    let server = quick("trap '' TERM INT HUP; progress; while :; do sleep 0.2; done");
    let id = server.submit(&victim()).await;
    server.encoding(&id).await;
    let (status, _) = server.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!(status, 202);
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), job["cancellation"]["method"].as_str()), (Some("cancelled"), Some("kill")));
    assert!(job["cancellation"]["drain_ms"].as_u64() < Some(5000), "{job:#}");
    assert_eq!((job["attempts"][0]["signal"].as_u64(), job["outputs"][0]["url"].clone()), (Some(9), Value::Null));
    nothing_is_left_of(&server, &id).await;
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn whatever_ffmpeg_prints_is_read_and_not_kept() {
    let server = quick(
        "head -c 20000000 /dev/zero | tr '\\0' x >&2; yes '[error] flood' | head -c 4000000 >&2; \
         yes frame=1 | head -c 4000000; head -c 8000000 /dev/zero | tr '\\0' x; exec \"$real\" \"$@\"",
    );
    a_neighbour_is_unharmed(&server).await;
    let before = memory_kib(server.pid(), "VmHWM");
    for mode in ["graceful", "standard", "slim"] {
        let mut body = victim();
        body["mode"] = json!(mode);
        let id = server.submit(&body).await;
        let job = server.over(&id).await;
        assert_eq!(job["state"], "succeeded", "{job:#}");
        let log = server.client.get(format!("{}/v1/jobs/{id}/log", server.url)).send().await.unwrap();
        let length = log.text().await.unwrap().len();
        assert!(length < 512 * 1024, "{mode}: a log of {length} bytes");
    }
    let grown = memory_kib(server.pid(), "VmHWM") - before;
    assert!(grown < 32 * 1024, "36 MB were printed three times, and the server grew by {grown} KiB");
}

#[tokio::test]
async fn a_timeout_is_a_cancel_in_the_jobs_mode() {
    let server = Server::start();
    let output = json!({"name": "a.mp4", "video": {"codec": "h264", "speed": "veryslow"}});
    let body = |mode| json!({"input": slow_clip(), "mode": mode, "timeout_seconds": 3, "outputs": [output]});
    let [kept, gone] = [server.submit(&body("graceful")).await, server.submit(&body("standard")).await];
    for (id, keeps) in [(kept, true), (gone, false)] {
        let job = server.over(&id).await;
        assert_eq!(
            (job["state"].as_str(), job["error"]["code"].as_str()),
            (Some("cancelled"), Some("timeout")),
            "{job:#}"
        );
        assert_eq!(job["cancellation"]["reason"], "timeout");
        assert_eq!(job["outputs"][0]["playable"] == true, keeps, "{job:#}");
        assert_eq!(processes_naming(&id), []);
    }
}
