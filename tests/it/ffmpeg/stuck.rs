//! A graceful stop of processes that stand still: what can be saved is saved, and all are gone within 5 s.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transcoded::ffmpeg::{Command, Exit, StopStep};

use super::kit::{CLIP, Folder, Running, exited_with, ffmpeg, frames_of, group, stopped_by, until};

/// Nothing may take longer than this to stop when it answers nothing.
const LIMIT: Duration = Duration::from_secs(5);

/// Serves the first `length` of `bytes` to everybody and then leaves the connection open; returns its address.
pub(super) async fn stalling_server(bytes: Vec<u8>, length: usize) -> String {
    async fn serve(mut connection: TcpStream, total: usize, part: Vec<u8>) -> std::io::Result<()> {
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).await?;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\nContent-Type: video/x-matroska\r\n\r\n");
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(&part).await?;
        // Waits until the client goes away.
        let _ = connection.read(&mut request).await?;
        Ok(())
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, bytes.len(), bytes[..length].to_vec()));
        }
    });
    format!("http://{address}/clip.mkv")
}

/// Waits until no more frames come.
async fn stands_still(running: &Running) {
    let mut progress = running.output.progress();
    loop {
        let frame = progress.borrow_and_update().as_ref().and_then(|progress| progress.frame);
        let more = progress.wait_for(|latest| latest.as_ref().and_then(|latest| latest.frame) != frame);
        if tokio::time::timeout(Duration::from_millis(700), more).await.is_err() {
            return;
        }
    }
}

pub(super) fn small_clip(folder: &Folder) -> Vec<u8> {
    let args = ["-i", CLIP, "-vf", "scale=320:-2", "-an", "-c:v", "libx264", "-g", "25", "-preset", "ultrafast"];
    std::fs::read(folder.make("source.mkv", &args)).expect("a clip")
}

#[tokio::test]
async fn an_http_source_that_stalls_in_mid_transfer_still_gives_a_playable_file() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let bytes = small_clip(&folder);
    let half = bytes.len() / 2;
    let address = stalling_server(bytes, half).await;
    let args = ["-stats_period", "0.02", "-i", &address, "-c:v", "libx264", "-preset", "ultrafast", &path];
    let running = Running::start(ffmpeg(&args)).await;
    running.has_output().await;
    stands_still(&running).await;
    let took = stopped_by(&running.cancel().await, StopStep::Quit);
    assert!(took < LIMIT, "{took:?}");
    assert!(frames_of(&path) > 30);
}

#[tokio::test]
async fn an_http_source_that_never_answers_is_left_at_once() {
    let folder = Folder::new();
    let address = stalling_server(small_clip(&folder), 0).await;
    let running = Running::start(ffmpeg(&["-i", &address, "-c", "copy", &folder.path("out.mp4")])).await;
    let pid = running.pid;
    until("the connection", || {
        std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|fds| {
            fds.flatten().any(|fd| {
                std::fs::read_link(fd.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
            })
        })
    })
    .await;
    let took = stopped_by(&running.cancel().await, StopStep::Terminate);
    assert!(took < LIMIT, "{took:?}");
}

#[tokio::test]
async fn a_named_pipe_without_a_writer_is_let_go() {
    let folder = Folder::new();
    let pipe = folder.path("in put.ts");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let args = ["-i", &format!("file:{pipe}"), "-c", "copy", &folder.path("out.mp4")];
    let mut running = Running::start(ffmpeg(&args)).await;
    // ffmpeg prints nothing while it waits, so the wait itself shows that it has come so far.
    let pid = running.pid;
    until("ffmpeg waits for a writer", || {
        std::fs::read_to_string(format!("/proc/{pid}/wchan"))
            .is_ok_and(|place| place.contains("partner") || place.contains("fifo"))
            || std::fs::read_to_string(format!("/proc/{pid}/syscall")).is_ok_and(|call| call.starts_with("257 "))
    })
    .await;
    running.token.cancel();
    while running.output.next_line().await.is_some() {}
    let report = running.report().await;
    let took = stopped_by(&report, StopStep::Terminate);
    // It ends by itself, with an error: the pipe was opened and closed.
    assert!(took < LIMIT && matches!(report.exit, Some(Exit::Code(_))), "{report:#?}");
}

#[tokio::test]
async fn one_that_is_deaf_is_dead_within_five_seconds() {
    for script in [
        "trap '' TERM INT HUP; echo frame=1; echo progress=continue; sleep 600 & wait; sleep 600",
        // It never ends what it started, and starts something new all the time.
        "trap '' TERM INT HUP; echo frame=1; echo progress=continue; while :; do sleep 0.3; done",
        // Like a stalled ffmpeg 7 or later: the same block again and again.
        "trap '' TERM INT HUP; while :; do echo frame=1; echo speed=1x; echo progress=continue; sleep 0.25; done",
    ] {
        let running = Running::start(Command::new("/bin/sh").args(["-c", script])).await;
        running.has_output().await;
        let pid = running.pid;
        let report = running.cancel().await;
        let took = stopped_by(&report, StopStep::Kill);
        assert!(took < LIMIT, "{script}: {took:?}");
        exited_with(&report, Exit::Signal(9));
        until("the group's end", || group(pid).is_empty()).await;
    }
}
