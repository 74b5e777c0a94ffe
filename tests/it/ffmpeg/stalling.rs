//! A process that stands still is ended like one whose time is over; one that gets on, however slowly, is not.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, Ending, Exit, Report, StopStep, slim};

use super::kit::{CLIP, Folder, Running, TWO_SECONDS, exited_with, ffmpeg, frames_of, group, state, tools, until};
use super::modes::{MODES, run, sh};
use super::stuck::{small_clip, stalling_server};

/// How long a process may stand still here.
const LIMIT: Duration = Duration::from_secs(1);

/// Checks that a run was ended for standing still, and by which step.
#[track_caller]
fn stalled(report: &Report, step: StopStep) {
    assert!(matches!(report.ending, Ending::Stalled), "{report:#?}");
    assert_eq!(report.stop.expect("a stop").step, step, "{report:#?}");
    assert!(report.wall >= LIMIT && !report.succeeded(), "{report:#?}");
}

#[tokio::test]
async fn one_that_somebody_else_stopped_is_woken_and_finishes_its_file() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let running = Running::start(ffmpeg(TWO_SECONDS).arg(&path).stall_after(LIMIT)).await;
    running.has_output().await;
    kill_process(Pid::from_raw(running.pid).expect("an id"), Signal::STOP).expect("stopped");
    let report = running.report().await;
    stalled(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert_eq!(report.paused, Duration::ZERO, "that was no pause of ours");
    assert!(frames_of(&path) > 0);
}

#[tokio::test]
async fn an_http_source_that_stalls_ends_in_a_playable_file() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let bytes = small_clip(&folder);
    let half = bytes.len() / 2;
    let address = stalling_server(bytes, half).await;
    let args = ["-i", &address, "-c:v", "libx264", "-preset", "ultrafast", &path];
    let report = Running::start(ffmpeg(&args).stall_after(LIMIT)).await.report().await;
    stalled(&report, StopStep::Quit);
    assert!(frames_of(&path) > 30);
}

#[tokio::test]
async fn a_named_pipe_without_a_writer_is_a_stall_in_every_mode() {
    let folder = Folder::new();
    let pipe = folder.path("input.ts");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let steps = [StopStep::Kill, StopStep::Kill, StopStep::Terminate];
    for (mode, step) in MODES.into_iter().zip(steps) {
        let command = ffmpeg(&["-i", &format!("file:{pipe}"), "-c", "copy", &folder.path("out.mp4")]);
        stalled(&run(mode, &CancellationToken::new(), command.stall_after(LIMIT)).await, step);
    }
}

#[tokio::test]
async fn the_same_block_again_and_again_is_a_stall() {
    // Like a stalled ffmpeg 7 or later.
    let script = "while :; do echo frame=1; echo out_time_us=40000; echo speed=1x; echo progress=continue; sleep 0.2; \
                  done";
    for mode in MODES {
        let report = run(mode, &CancellationToken::new(), sh(script).stall_after(LIMIT)).await;
        assert!(matches!(report.ending, Ending::Stalled), "{mode}: {report:#?}");
    }
}

#[tokio::test]
async fn a_slow_process_whose_blocks_advance_is_left_alone() {
    let script = "for frame in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do \
                  echo frame=$frame; echo progress=continue; sleep 0.2; done";
    for mode in ["standard", "graceful"] {
        let report = run(mode, &CancellationToken::new(), sh(script).stall_after(LIMIT)).await;
        assert!(report.succeeded() && report.wall > LIMIT * 2, "{mode}: {report:#?}");
    }
}

#[tokio::test]
async fn a_copy_in_real_time_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let args = ["-re", "-i", CLIP, "-map", "0:v", "-c", "copy", &path];
    let report = Running::start(ffmpeg(&args).stall_after(LIMIT)).await.report().await;
    assert!(report.succeeded() && report.wall > LIMIT * 2, "{report:#?}");
    assert_eq!(frames_of(&path), 132);
}

#[tokio::test]
async fn a_busy_process_that_says_nothing_is_left_alone() {
    let wait_for = |child: &str| sh(&format!("{child} & wait")).stall_after(LIMIT);
    let busy = Running::start(wait_for("while :; do :; done")).await;
    // Twins that wait for a child that does nothing come to their end.
    for _ in 0..2 {
        let twin = slim(&CancellationToken::new(), wait_for("sleep 600")).await;
        assert!(matches!(twin.ending, Ending::Stalled), "{twin:#?}");
    }
    assert!(state(busy.pid).is_some_and(|state| state != 'Z'));
    assert!(matches!(busy.cancel().await.ending, Ending::Stopped));
}

#[tokio::test]
async fn the_work_of_a_child_that_came_later_counts() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    // Silent, and slow by its settings; the wrapper starts it only when the first look is over.
    let body = format!("sleep 0.3\n{} \"$@\"\nexit $?", tools().ffmpeg.display());
    let args = ["-v", "error", "-y", "-i", CLIP, "-vf", "scale=480:-2", "-an", "-c:v", "libx264", "-threads", "1"];
    let command = Command::new(folder.script("wrapper", &body)).args(args).args(["-preset", "veryslow", &path]);
    let report = slim(&CancellationToken::new(), command.stall_after(LIMIT)).await;
    assert!(report.succeeded() && report.wall > LIMIT, "{report:#?}");
    assert_eq!(frames_of(&path), 132);
}

#[tokio::test]
async fn a_stall_takes_the_whole_group_along() {
    let mut running =
        Running::start(sh("trap '' TERM; sleep 600 & sleep 600 & echo here; wait").stall_after(LIMIT)).await;
    assert_eq!(running.output.next_line().await.expect("a line").text, "here");
    let pid = running.pid;
    let report = running.report().await;
    assert!(matches!(report.ending, Ending::Stalled), "{report:#?}");
    until("the group's end", || group(pid).is_empty()).await;
}
