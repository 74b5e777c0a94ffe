//! What the three modes share: the truth in the report, cancelling, timeouts, and the command's settings.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, Ending, Exit, Report, StartError, StopStep, graceful, monitor, slim, standard};

use super::crowd::Crowd;
use super::kit::{
    CLIP, ENDLESS, Folder, Running, SOON, exited_with, ffmpeg, frames_of, group, state, stopped_by, until,
};

/// The three modes by name.
pub(super) const MODES: [&str; 3] = ["slim", "standard", "graceful"];

/// Runs `command` to its end in the mode of this name.
pub(super) async fn run(mode: &str, token: &CancellationToken, command: Command) -> Report {
    let (watched, _unread) = monitor();
    match mode {
        "slim" => slim(token, command).await,
        "standard" => standard(token, command, watched).await,
        _ => graceful(token, command, watched).await,
    }
}

pub(super) fn sh(script: &str) -> Command {
    Command::new("/bin/sh").args(["-c", script])
}

#[tokio::test]
async fn a_transcode_finishes_in_every_mode_and_tells_its_cost() {
    let folder = Folder::new();
    for mode in MODES {
        let path = folder.path(&format!("{mode}.mp4"));
        let command = ffmpeg(&["-i", CLIP, "-an", "-vf", "scale=160:-2", "-c:v", "libx264", &path]);
        let report = run(mode, &CancellationToken::new(), command).await;
        assert!(report.succeeded() && report.stop.is_none() && report.errors.is_empty(), "{report:#?}");
        assert!(!report.cpu.is_zero() && !report.wall.is_zero(), "{report:#?}");
        assert!(report.peak_memory_bytes.is_some_and(|bytes| bytes > 10 << 20), "{report:#?}");
        assert_eq!(frames_of(&path), 132);
    }
}

#[tokio::test]
async fn a_failure_names_its_cause_first_in_every_mode() {
    let folder = Folder::new();
    let odd = folder.path("odd.mp4");
    for mode in MODES {
        let command = ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=321x240:duration=1",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            &odd,
        ]);
        let report = run(mode, &CancellationToken::new(), command).await;
        assert!(matches!(report.ending, Ending::Finished) && !report.succeeded(), "{report:#?}");
        assert!(report.errors[0].contains("width not divisible by 2 (321x240)"), "{report:#?}");
        assert!(!report.stderr_tail.is_empty());
    }
}

#[tokio::test]
async fn an_exit_code_is_not_a_failure_to_run() {
    for mode in MODES {
        let report = run(mode, &CancellationToken::new(), sh("echo lost >&2; exit 3")).await;
        assert!(matches!(report.ending, Ending::Finished), "{report:#?}");
        exited_with(&report, Exit::Code(3));
        assert_eq!(report.errors, ["lost"]);
    }
}

#[tokio::test]
async fn a_token_cancelled_before_the_start_starts_nothing() {
    let folder = Folder::new();
    let token = CancellationToken::new();
    token.cancel();
    for mode in MODES {
        let report = run(mode, &token, Command::new("/usr/bin/touch").arg(folder.path("started"))).await;
        assert!(matches!(report.ending, Ending::NotStarted(StartError::Cancelled)), "{report:#?}");
        assert!(!super::kit::exists(folder.path("started")));
    }
}

#[tokio::test]
async fn what_cannot_start_is_told_apart() {
    let token = CancellationToken::new();
    let report = slim(&token, Command::new("/nowhere/ffmpeg")).await;
    assert!(matches!(report.ending, Ending::NotStarted(StartError::NotFound { .. })), "{report:#?}");
    let report = slim(&token, Command::new("no-such-program")).await;
    assert!(matches!(report.ending, Ending::NotStarted(StartError::NotFound { .. })), "{report:#?}");
    let report = slim(&token, sh("true").current_dir("/nowhere")).await;
    assert!(matches!(report.ending, Ending::NotStarted(StartError::WorkingFolder { .. })), "{report:#?}");
    let report = slim(&token, Command::new(CLIP)).await;
    assert!(matches!(report.ending, Ending::NotStarted(StartError::Io(_))), "{report:#?}");
}

#[tokio::test]
async fn a_kill_by_somebody_else_is_told_as_such() {
    let running = Running::start(ffmpeg(ENDLESS).args(["-f", "null", "-"])).await;
    running.has_output().await;
    let pid = rustix::process::Pid::from_raw(running.pid).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    let report = running.report().await;
    assert!(matches!(report.ending, Ending::Killed) && report.stop.is_none(), "{report:#?}");
    exited_with(&report, Exit::Signal(9));
}

#[tokio::test]
async fn an_ffmpeg_that_somebody_else_asks_to_end_has_not_finished() {
    let folder = Folder::new();
    let path = folder.path("out.mkv");
    let running = Running::start(ffmpeg(ENDLESS).arg(&path)).await;
    running.has_output().await;
    let pid = rustix::process::Pid::from_raw(running.pid).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("asked");
    let report = running.report().await;
    assert!(matches!(report.ending, Ending::Killed) && report.stop.is_none(), "{report:#?}");
    exited_with(&report, Exit::Code(255));
}

#[tokio::test]
async fn slim_and_standard_kill_the_whole_group_at_once() {
    for mode in ["slim", "standard"] {
        let token = CancellationToken::new();
        let folder = Folder::new();
        let started = folder.path("started");
        let script = format!("sleep 600 & sleep 600 & echo $$ > {started}.new; mv {started}.new {started}; wait");
        let cancel = async {
            until("the wrapper", || super::kit::exists(&started)).await;
            token.cancel();
        };
        let crowd = Crowd::watch();
        let (report, ()) = tokio::join!(run(mode, &token, sh(&script)), cancel);
        let took = stopped_by(&report, StopStep::Kill);
        assert!(took < crowd.stretch(Duration::from_millis(500)), "{took:?}");
        exited_with(&report, Exit::Signal(9));
        let pid = std::fs::read_to_string(&started).expect("an id").trim().parse().expect("a number");
        until("the children's end", || group(pid).is_empty()).await;
        assert_eq!(state(pid), None, "reaped");
    }
}

#[tokio::test]
async fn a_timeout_ends_each_mode_in_its_own_way() {
    let folder = Folder::new();
    // A graceful one must have come to encode by then, on a busy machine, too.
    let (soon, later) = (Duration::from_millis(300), Duration::from_secs(6));
    for (mode, step, timeout) in
        [("slim", StopStep::Kill, soon), ("standard", StopStep::Kill, soon), ("graceful", StopStep::Quit, later)]
    {
        let path = folder.path(&format!("{mode}.mp4"));
        let command = ffmpeg(ENDLESS).arg(&path).timeout(timeout);
        let report = run(mode, &CancellationToken::new(), command).await;
        assert!(matches!(report.ending, Ending::TimedOut), "{report:#?}");
        assert_eq!(report.stop.expect("a stop").step, step, "{report:#?}");
        assert!(report.wall >= timeout, "{report:#?}");
        if mode == "graceful" {
            assert!(frames_of(&path) > 5);
        }
    }
}

#[tokio::test]
async fn a_process_that_ended_before_the_request_has_finished() {
    for mode in MODES {
        let token = CancellationToken::new();
        let command = sh("exit 0").timeout(Duration::from_millis(1));
        let (watched, output) = monitor();
        let future = async {
            match mode {
                "slim" => slim(&token, command).await,
                "standard" => standard(&token, command, watched).await,
                _ => graceful(&token, command, watched).await,
            }
        };
        tokio::pin!(future);
        assert!(futures_util::poll!(&mut future).is_pending());
        let zombie = || super::kit::children().iter().any(|child| state(*child) == Some('Z'));
        // Nobody polls the run meanwhile, so exit, cancel and timeout are all there when it looks again.
        until("the exit", zombie).await;
        drop(output);
        token.cancel();
        let report = future.await;
        assert!(report.succeeded() && report.stop.is_none(), "{mode}: {report:#?}");
    }
}

#[tokio::test]
async fn a_parent_token_stops_all_below_it_and_a_child_only_its_own() {
    let root = CancellationToken::new();
    let first = Running::start_under(root.child_token(), sh("sleep 600")).await;
    let second = Running::start_under(root.child_token(), sh("sleep 600")).await;
    let third = Running::start_under(root.child_token(), sh("sleep 600")).await;
    stopped_by(&first.cancel().await, StopStep::Terminate);
    assert!(!second.token.is_cancelled() && state(second.pid).is_some());
    root.cancel();
    stopped_by(&second.report().await, StopStep::Terminate);
    stopped_by(&third.report().await, StopStep::Terminate);
}

#[tokio::test]
async fn environment_folder_and_niceness_reach_the_process() {
    let folder = Folder::new();
    let here = folder.path("");
    let own: i32 = super::kit::stat(std::process::id().cast_signed()).expect("stat")[16].parse().expect("a number");
    let nice = (own + 7).min(19).to_string();
    // The niceness is set right after the start, so the script may be ahead of it.
    let script = "until [ $(cut -d' ' -f19 /proc/$$/stat) = $NICE ]; do :; done; echo \"$ONE|$HOME|$(pwd)\"";
    let command = sh(script).env_clear().env("ONE", "1").env("NICE", nice).current_dir(&here).nice(7);
    let mut running = Running::start(command).await;
    let line = tokio::time::timeout(SOON, running.output.next_line()).await.expect("in time").expect("a line").text;
    assert!(running.report().await.succeeded());
    assert_eq!(line, format!("1||{}", here.trim_end_matches('/')));
}

#[tokio::test]
async fn the_wrapper_that_leaves_its_child_behind_takes_it_along() {
    let mut running = Running::start(sh("sleep 600 & echo $!")).await;
    let child: i32 = running.output.next_line().await.expect("a line").text.parse().expect("an id");
    assert!(running.report().await.succeeded());
    until("the child's end", || state(child).is_none_or(|state| state == 'Z')).await;
}
