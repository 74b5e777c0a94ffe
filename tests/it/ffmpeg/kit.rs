//! What these tests share: clips, fake programs, and a look at the processes of the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{
    Command, Ending, Exit, GLOBAL_ARGS, Output, Report, Stop, StopStep, Tools, graceful, locate_in_environment, monitor,
};

/// The clip of the project: 5.28 s of 1280×720 H.264 and AAC.
pub(crate) const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/media/bigbuckbunny.mp4");

/// More than anything here should ever take.
pub(crate) const SOON: Duration = Duration::from_mins(2);

pub(crate) fn tools() -> Tools {
    locate_in_environment().expect("ffmpeg is installed")
}

/// An ffmpeg command with the global arguments.
pub(crate) fn ffmpeg(args: &[&str]) -> Command {
    Command::new(tools().ffmpeg).args(GLOBAL_ARGS).args(args)
}

/// A source that never ends by itself, in real time, small enough to cost nothing.
pub(crate) const ENDLESS: &[&str] = &["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-c:v", "libx264"];

/// 50 frames in real time, of which each is told of at once.
pub(crate) const TWO_SECONDS: &[&str] = &[
    "-re",
    "-f",
    "lavfi",
    "-i",
    "testsrc2=size=320x240:rate=25:duration=2",
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
];

/// A folder for one test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("text").to_owned()
    }

    /// Writes an executable shell script.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        path
    }

    /// Makes a clip with ffmpeg.
    pub(crate) fn make(&self, name: &str, args: &[&str]) -> String {
        let path = self.path(name);
        let made = std::process::Command::new(tools().ffmpeg)
            .args(["-v", "error", "-y"])
            .args(args)
            .arg(&path)
            .status()
            .expect("ffmpeg runs");
        assert!(made.success(), "{args:?}");
        path
    }
}

/// A graceful run in a task of its own.
pub(crate) struct Running {
    pub(crate) token: CancellationToken,
    pub(crate) output: Output,
    pub(crate) pid: i32,
    task: JoinHandle<Report>,
}

impl Running {
    /// Starts `command` and waits until its process runs.
    pub(crate) async fn start(command: Command) -> Self {
        Self::start_under(CancellationToken::new(), command).await
    }

    /// The same with a token of the caller's.
    pub(crate) async fn start_under(token: CancellationToken, command: Command) -> Self {
        let (watched, output) = monitor();
        let child = token.clone();
        let task = tokio::spawn(async move { graceful(&child, command, watched).await });
        let mut pid = output.pid();
        let pid = pid.wait_for(Option::is_some).await.expect("it starts").expect("it has an id").cast_signed();
        Self { token, output, pid, task }
    }

    /// Waits until something is encoded.
    pub(crate) async fn has_output(&self) {
        self.progress(transcoded::ffmpeg::Progress::has_output).await;
    }

    /// Waits until a progress block tells what is wanted.
    pub(crate) async fn progress(&self, wanted: impl Fn(&transcoded::ffmpeg::Progress) -> bool) {
        let mut progress = self.output.progress();
        let reached = progress.wait_for(|latest| latest.as_ref().is_some_and(&wanted));
        tokio::time::timeout(SOON, reached).await.expect("in time").expect("it runs");
    }

    /// Drops the run's future.
    pub(crate) fn abort(self) {
        self.task.abort();
    }

    pub(crate) async fn cancel(self) -> Report {
        self.token.cancel();
        self.report().await
    }

    pub(crate) async fn report(self) -> Report {
        tokio::time::timeout(SOON, self.task).await.expect("in time").expect("no panic")
    }

    /// The same for a run whose end is real work, which takes as long as the machine needs.
    pub(crate) async fn patient_report(self) -> Report {
        tokio::time::timeout(SOON * 4, self.task).await.expect("in time").expect("no panic")
    }
}

/// Checks that a run was stopped, and by which step; returns how long that took.
#[track_caller]
pub(crate) fn stopped_by(report: &Report, step: StopStep) -> Duration {
    assert!(matches!(report.ending, Ending::Stopped), "{report:#?}");
    let Some(Stop { step: taken, took }) = report.stop else { panic!("{report:#?}") };
    assert_eq!(taken, step, "{report:#?}");
    took
}

#[track_caller]
pub(crate) fn exited_with(report: &Report, exit: Exit) {
    assert_eq!(report.exit, Some(exit), "{report:#?}");
}

/// Decodes a file and returns the number of its video frames. Fails where it doesn't decode cleanly.
#[track_caller]
pub(crate) fn frames_of(path: &str) -> u64 {
    let decoded = std::process::Command::new(tools().ffmpeg)
        .args(["-v", "error", "-xerror", "-i", path, "-map", "0:v", "-f", "null", "-progress", "pipe:1", "-"])
        .output()
        .expect("ffmpeg runs");
    let errors = String::from_utf8_lossy(&decoded.stderr);
    assert!(decoded.status.success() && errors.is_empty(), "{path}: {errors}");
    let printed = String::from_utf8_lossy(&decoded.stdout).into_owned();
    let last = printed.lines().rev().find_map(|line| line.strip_prefix("frame="));
    last.expect("a number of frames").trim().parse().expect("a number")
}

/// Waits until a group has at least `least` processes and all of them are stopped.
pub(crate) async fn stopped(leader: i32, least: usize) {
    until("the whole group's pause", || {
        let group = group(leader);
        group.len() >= least && group.iter().all(|pid| state(*pid) == Some('T'))
    })
    .await;
}

/// Waits for something to become true, and fails where it never does.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "still waiting for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The fields of `/proc/PID/stat` from the state on.
pub(crate) fn stat(pid: i32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}

/// The state of a process: `R`, `S`, `T`, `Z` …; `None` where there is none.
pub(crate) fn state(pid: i32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

/// Every process of a group that isn't a zombie.
pub(crate) fn group(group: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat[2] == group.to_string() && stat[0] != "Z")).collect()
}

/// The children of this process, zombies included.
pub(crate) fn children() -> Vec<i32> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat[1] == own)).collect()
}

pub(crate) fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().exists()
}
