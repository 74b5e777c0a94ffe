//! A paused run is stopped as a group and loses nothing, and while it is paused no clock runs against it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, Ending, Exit, GLOBAL_ARGS, Report, StopStep, monitor, slim, standard};

use super::kit::{
    ENDLESS, Folder, Running, TWO_SECONDS, children, exists, exited_with, ffmpeg, frames_of, group, state, stopped,
    stopped_by, tools, until,
};
use super::modes::{MODES, run, sh};

/// A limit that is soon over.
const LIMIT: Duration = Duration::from_millis(300);

#[track_caller]
fn finished_after_a_pause(report: &Report) {
    assert!(report.succeeded() && report.stop.is_none(), "{report:#?}");
    assert!(report.paused > Duration::ZERO && report.paused < report.wall, "{report:#?}");
}

#[tokio::test]
async fn a_pause_stops_the_whole_group_and_costs_no_frame() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let wrapper = folder.script("wrapper", &format!("{} \"$@\"\nexit $?", tools().ffmpeg.display()));
    let (pause, paused) = watch::channel(false);
    let command = Command::new(wrapper).args(GLOBAL_ARGS).args(TWO_SECONDS).arg(&path).pause_when(paused);
    let running = Running::start(command).await;
    running.has_output().await;
    pause.send_replace(true);
    stopped(running.pid, 2).await;
    pause.send_replace(false);
    finished_after_a_pause(&running.report().await);
    assert_eq!(frames_of(&path), 50);
}

#[tokio::test]
async fn every_mode_can_be_paused() {
    for mode in MODES {
        let folder = Folder::new();
        let (started, go) = (folder.path("started"), folder.path("go"));
        // It starts nothing while it waits: a shell whose child is stopped before its exec is not stopped but stuck.
        let script = format!("echo $$ > {started}.new; mv {started}.new {started}; while [ ! -e {go} ]; do :; done");
        let (pause, paused) = watch::channel(false);
        let steer = async {
            until("the start", || exists(&started)).await;
            let pid = std::fs::read_to_string(&started).expect("an id").trim().parse().expect("a number");
            pause.send_replace(true);
            stopped(pid, 1).await;
            std::fs::write(&go, "").expect("written");
            pause.send_replace(false);
        };
        let token = CancellationToken::new();
        let (report, ()) = tokio::join!(run(mode, &token, sh(&script).pause_when(paused)), steer);
        finished_after_a_pause(&report);
    }
}

#[tokio::test]
async fn a_pause_from_before_the_start_holds_the_first_output_back() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let (pause, paused) = watch::channel(true);
    let running = Running::start(ffmpeg(TWO_SECONDS).arg(&path).pause_when(paused)).await;
    stopped(running.pid, 1).await;
    assert!(running.output.progress().borrow().is_none() && !exists(&path));
    pause.send_replace(false);
    finished_after_a_pause(&running.report().await);
    assert_eq!(frames_of(&path), 50);
}

#[tokio::test]
async fn no_limit_counts_the_time_of_a_pause() {
    let timed = |command: Command| command.timeout(LIMIT);
    let watched = |command: Command| command.stall_after(LIMIT);
    let limits: [&dyn Fn(Command) -> Command; 2] = [&timed, &watched];
    for limit in limits {
        let (pause, paused) = watch::channel(true);
        let running = Running::start(limit(sh("exec sleep 600").pause_when(paused))).await;
        stopped(running.pid, 1).await;
        // A twin that isn't paused comes to its end.
        let twin = slim(&CancellationToken::new(), limit(sh("exec sleep 600"))).await;
        assert!(matches!(twin.ending, Ending::TimedOut | Ending::Stalled), "{twin:#?}");
        assert_eq!(state(running.pid), Some('T'));
        pause.send_replace(false);
        let report = running.report().await;
        assert_eq!(format!("{:?}", report.ending), format!("{:?}", twin.ending), "{report:#?}");
        assert!(report.paused >= twin.wall && report.wall >= report.paused + LIMIT, "{report:#?} {twin:#?}");
    }
}

#[tokio::test]
async fn a_pause_that_comes_together_with_the_time_limit_wins() {
    let (pause, paused) = watch::channel(false);
    let (watched, output) = monitor();
    let token = CancellationToken::new();
    let run = standard(&token, sh("exec sleep 600").timeout(LIMIT).pause_when(paused), watched);
    tokio::pin!(run);
    assert!(futures_util::poll!(&mut run).is_pending());
    let pid = output.pid().borrow().expect("an id").cast_signed();
    // Nobody polls the run meanwhile. A twin that was started later tells that its time is over.
    assert!(matches!(slim(&token, sh("exec sleep 600").timeout(LIMIT)).await.ending, Ending::TimedOut));
    pause.send_replace(true);
    assert!(futures_util::poll!(&mut run).is_pending());
    stopped(pid, 1).await;
    pause.send_replace(false);
    let report = run.await;
    assert!(matches!(report.ending, Ending::TimedOut) && report.paused > Duration::ZERO, "{report:#?}");
}

#[tokio::test]
async fn a_graceful_stop_of_a_paused_run_gives_a_playable_file() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let (pause, paused) = watch::channel(false);
    let running = Running::start(ffmpeg(ENDLESS).arg(&path).pause_when(paused)).await;
    running.has_output().await;
    pause.send_replace(true);
    stopped(running.pid, 1).await;
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert!(report.paused > Duration::ZERO && frames_of(&path) > 0, "{report:#?}");
}

#[tokio::test]
async fn the_other_modes_kill_a_paused_group_as_it_is() {
    for mode in ["slim", "standard"] {
        let folder = Folder::new();
        let started = folder.path("started");
        let script = format!("sleep 600 & sleep 600 & echo $$ > {started}.new; mv {started}.new {started}; wait");
        let (pause, paused) = watch::channel(false);
        let token = CancellationToken::new();
        let cancel = async {
            until("the wrapper", || exists(&started)).await;
            let pid = std::fs::read_to_string(&started).expect("an id").trim().parse().expect("a number");
            pause.send_replace(true);
            stopped(pid, 3).await;
            token.cancel();
            pid
        };
        let (report, pid) = tokio::join!(run(mode, &token, sh(&script).pause_when(paused)), cancel);
        stopped_by(&report, StopStep::Kill);
        exited_with(&report, Exit::Signal(9));
        until("the children's end", || group(pid).is_empty()).await;
    }
}

#[tokio::test]
async fn a_kill_needs_no_end_of_the_pause() {
    let (_pause, paused) = watch::channel(true);
    let kill = CancellationToken::new();
    let running = Running::start(sh("exec sleep 600").pause_when(paused).kill_when(kill.clone())).await;
    stopped(running.pid, 1).await;
    kill.cancel();
    let report = running.report().await;
    stopped_by(&report, StopStep::Kill);
    assert!(report.paused > Duration::ZERO, "{report:#?}");
}

#[tokio::test]
async fn a_pause_after_the_request_to_stop_is_not_heard() {
    let folder = Folder::new();
    let go = folder.path("go");
    // It reads its `q` and is busy until it is told that it may go.
    let script = format!(
        "echo frame=1; echo progress=continue; head -c 1 > /dev/null; echo asked; while [ ! -e {go} ]; do :; done"
    );
    let (pause, paused) = watch::channel(false);
    let mut running = Running::start(sh(&script).pause_when(paused)).await;
    running.has_output().await;
    running.token.cancel();
    assert_eq!(running.output.next_line().await.expect("a line").text, "asked");
    pause.send_replace(true);
    for _ in 0..10 {
        tokio::task::yield_now().await;
        assert_ne!(state(running.pid), Some('T'));
    }
    std::fs::write(&go, "").expect("written");
    let report = running.report().await;
    stopped_by(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert_eq!(report.paused, Duration::ZERO);
}

#[tokio::test]
async fn a_switch_that_flutters_ends_up_where_it_was_put_last() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let (pause, paused) = watch::channel(false);
    let running = Running::start(ffmpeg(TWO_SECONDS).arg(&path).pause_when(paused)).await;
    running.has_output().await;
    for turn in 0..=50 {
        pause.send_replace(turn % 2 == 0);
        // The run sees some of the turns and misses others.
        if turn % 3 != 0 {
            tokio::task::yield_now().await;
        }
    }
    stopped(running.pid, 1).await;
    for turn in 0..=50 {
        pause.send_replace(turn % 2 != 0);
        tokio::task::yield_now().await;
    }
    finished_after_a_pause(&running.report().await);
    assert_eq!(frames_of(&path), 50);
}

#[tokio::test]
async fn a_pause_of_what_has_ended_does_nothing() {
    let (pause, paused) = watch::channel(false);
    let token = CancellationToken::new();
    {
        let run = slim(&token, sh("exit 0").pause_when(paused));
        tokio::pin!(run);
        assert!(futures_util::poll!(&mut run).is_pending());
        // Nobody polls the run meanwhile, so exit and pause are both there when it looks again.
        until("the exit", || children().iter().any(|child| state(*child) == Some('Z'))).await;
        pause.send_replace(true);
        let report = run.await;
        assert!(report.succeeded() && report.stop.is_none(), "{report:#?}");
    }
    assert!(pause.is_closed(), "nobody listens any more");
}

#[tokio::test]
async fn a_paused_process_may_be_killed_by_somebody_else() {
    let (_pause, paused) = watch::channel(true);
    let running = Running::start(sh("exec sleep 600").pause_when(paused)).await;
    stopped(running.pid, 1).await;
    kill_process(Pid::from_raw(running.pid).expect("an id"), Signal::KILL).expect("killed");
    let report = running.report().await;
    assert!(matches!(report.ending, Ending::Killed) && report.stop.is_none(), "{report:#?}");
    assert!(report.paused > Duration::ZERO && report.paused <= report.wall, "{report:#?}");
}

#[tokio::test]
async fn a_run_whose_switch_is_gone_goes_on() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let (pause, paused) = watch::channel(true);
    let running = Running::start(ffmpeg(TWO_SECONDS).arg(&path).pause_when(paused)).await;
    stopped(running.pid, 1).await;
    drop(pause);
    finished_after_a_pause(&running.report().await);
    assert_eq!(frames_of(&path), 50);
    // Gone before the start: its last word isn't anybody's wish any more.
    let (_, paused) = watch::channel(true);
    let report = slim(&CancellationToken::new(), sh("exit 0").pause_when(paused)).await;
    assert!(report.succeeded() && report.paused == Duration::ZERO, "{report:#?}");
}

#[tokio::test]
async fn a_paused_run_that_is_dropped_leaves_neither_process_nor_zombie() {
    let (_pause, paused) = watch::channel(true);
    let running = Running::start(sh("sleep 600 & wait").pause_when(paused)).await;
    let pid = running.pid;
    stopped(pid, 1).await;
    running.abort();
    until("the process's end", || state(pid).is_none() && group(pid).is_empty()).await;
}
