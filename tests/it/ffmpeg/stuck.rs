//! A graceful stop of processes that stand still: what can be saved is saved, and all are gone within 5 s.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use transcoded::ffmpeg::{Command, Exit, StopStep};

use super::crowd::Crowd;
use super::kit::{CLIP, Folder, Running, SOON, exited_with, ffmpeg, frames_of, group, stat, stopped_by, until};

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

/// Waits until none of its threads runs or wants to, and none has worked for a while: it waits for its input then,
/// however busy the machine is. Progress doesn't tell, as ffmpeg 5.1 sends none while it waits.
async fn stands_still(running: &Running) {
    let pid = running.pid;
    let mut quiet = (None, 0);
    let begun = std::time::Instant::now();
    while quiet.1 < 20 {
        assert!(begun.elapsed() < SOON, "it is still at work");
        let worked = stat(pid).map(|stat| (stat[11].clone(), stat[12].clone()));
        quiet = if asleep(pid) && worked == quiet.0 { (worked, quiet.1 + 1) } else { (worked, 0) };
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether none of the process's threads runs, or waits for a processor or a disk.
fn asleep(pid: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let states = threads.filter_map(|thread| {
        let line = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        line.rsplit_once(')')?.1.trim_start().chars().next()
    });
    states.into_iter().all(|state| !matches!(state, 'R' | 'D'))
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
    let crowd = Crowd::watch();
    let took = stopped_by(&running.cancel().await, StopStep::Quit);
    assert!(took < crowd.stretch(LIMIT), "{took:?}");
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
    let crowd = Crowd::watch();
    let took = stopped_by(&running.cancel().await, StopStep::Terminate);
    assert!(took < crowd.stretch(LIMIT), "{took:?}");
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
    let crowd = Crowd::watch();
    running.token.cancel();
    while running.output.next_line().await.is_some() {}
    let report = running.report().await;
    let took = stopped_by(&report, StopStep::Terminate);
    // It ends by itself, with an error: the pipe was opened and closed.
    assert!(took < crowd.stretch(LIMIT) && matches!(report.exit, Some(Exit::Code(_))), "{report:#?}");
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
        let crowd = Crowd::watch();
        let report = running.cancel().await;
        let took = stopped_by(&report, StopStep::Kill);
        assert!(took < crowd.stretch(LIMIT), "{script}: {took:?}");
        exited_with(&report, Exit::Signal(9));
        until("the group's end", || group(pid).is_empty()).await;
    }
}
