//! The program's own signals.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, cancel_on_signals, graceful, monitor};

use super::crowd::Crowd;
use super::kit::{group, until};

/// A program of its own: it runs a process that takes long to stop and tells what happens.
#[tokio::test]
#[ignore = "run as a program of its own by the tests here"]
async fn program() {
    let token = CancellationToken::new();
    cancel_on_signals(token.clone()).expect("handlers");
    let (watched, output) = monitor();
    // Deaf and busy: a grace would last its two minutes.
    let command = Command::new("/bin/sh")
        .args(["-c", "trap '' TERM INT; echo frame=1; echo progress=continue; while :; do :; done"]);
    let mut progress = output.progress();
    let tell = async {
        progress.wait_for(Option::is_some).await.expect("it runs");
        println!("pid {}", output.pid().borrow().expect("an id"));
        token.cancelled().await;
        println!("cancelled");
        // A runtime that is busy must not keep the second signal from working.
        std::thread::park();
    };
    tokio::join!(graceful(&token, command, watched), tell);
}

fn start() -> (Child, Box<dyn Iterator<Item = String>>) {
    let mut program = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["ffmpeg::signals::program", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(program.stdout.take().expect("piped")).lines();
    (program, Box::new(lines.map_while(Result::ok)))
}

#[tokio::test]
async fn the_first_signal_cancels_and_the_second_ends_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (mut program, mut lines) = start();
        let id = Pid::from_raw(program.id().cast_signed()).expect("an id");
        let pid = lines.find_map(|line| line.split("pid ").nth(1)?.trim().parse().ok()).expect("it tells the id");
        kill_process(id, signal).expect("sent");
        assert!(lines.any(|line| line.ends_with("cancelled")));
        assert!(!group(pid).is_empty() && program.try_wait().expect("asked").is_none());
        let crowd = Crowd::watch();
        kill_process(id, signal).expect("sent");
        let sent = Instant::now();
        assert_eq!(program.wait().expect("reaped").code(), Some(code));
        let took = sent.elapsed();
        assert!(took < crowd.stretch(Duration::from_secs(1)), "{took:?}");
        until("the group's end", || group(pid).is_empty()).await;
    }
}
