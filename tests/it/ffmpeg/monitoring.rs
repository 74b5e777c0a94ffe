//! Watching a run can't hurt it, and nothing at its end is lost.

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, Exit, Source, graceful, monitor, standard};

use super::kit::{CLIP, Folder, Running, exited_with, ffmpeg};

async fn lines(script: &str) -> Vec<String> {
    let mut running = Running::start(Command::new("/bin/sh").args(["-c", script])).await;
    let mut lines = Vec::new();
    while let Some(line) = running.output.next_line().await {
        lines.push(line.text);
    }
    assert!(running.report().await.succeeded());
    lines
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_cut_and_the_next_one_is_whole() {
    let lines = lines("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo next").await;
    assert_eq!(lines.len(), 2);
    assert!(lines[0].len() <= 8192 && lines[0].ends_with("[cut]"));
    assert_eq!(lines[1], "next");
}

#[tokio::test]
async fn latin_1_and_status_lines_are_read() {
    let lines = lines("printf 'caf\\351\\nframe 1\\rframe 2\\r\\nlast'").await;
    assert_eq!(lines, ["caf\u{fffd}", "frame 1", "frame 2", "last"]);
}

#[tokio::test]
async fn a_reader_that_never_reads_holds_up_nothing() {
    let folder = Folder::new();
    let (watched, mut output) = monitor();
    let args =
        ["-y", "-v", "debug", "-debug_ts", "-i", CLIP, "-c", "copy", "-progress", "pipe:1", "-stats_period", "0.01"];
    let command = Command::new(super::kit::tools().ffmpeg).args(args).arg(folder.path("copy.mkv"));
    let report = standard(&CancellationToken::new(), command, watched).await;
    assert!(report.succeeded(), "{report:#?}");
    assert!(output.dropped_lines() > 0 && report.stderr_tail.len() == 250);
    let mut last = None;
    while let Some(line) = output.next_line().await {
        last = Some(line);
    }
    let last = last.expect("the latest lines are kept");
    assert_eq!((last.source, Some(&last.text)), (Source::Stderr, report.stderr_tail.last()));
    assert!(output.progress().borrow().as_ref().is_some_and(|progress| progress.end));
}

#[tokio::test]
async fn a_reader_that_is_gone_holds_up_nothing() {
    let (watched, output) = monitor();
    drop(output);
    let script = "i=0; while [ $i -lt 20000 ]; do echo a line of text; echo more >&2; i=$((i+1)); done";
    let command = Command::new("/bin/sh").args(["-c", script]);
    assert!(standard(&CancellationToken::new(), command, watched).await.succeeded());
}

#[tokio::test]
async fn a_reader_that_is_slow_loses_only_the_oldest_lines() {
    let mut running = Running::start(Command::new("/usr/bin/seq").arg("20000")).await;
    let mut lines: Vec<u64> = Vec::new();
    let mut output = {
        let (_, other) = monitor();
        std::mem::replace(&mut running.output, other)
    };
    assert!(running.report().await.succeeded());
    while let Some(line) = output.next_line().await {
        lines.push(line.text.parse().expect("a number"));
    }
    assert_eq!(lines.last(), Some(&20_000));
    assert_eq!(output.dropped_lines() + lines.len() as u64, 20_000);
    assert!(lines.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[tokio::test]
async fn the_last_error_line_is_never_lost() {
    let script =
        "i=0; while [ $i -lt 300 ]; do echo noise >&2; i=$((i+1)); done; printf '[error] the cause' >&2; exit 1";
    for round in 0..50 {
        let (watched, mut output) = monitor();
        let command = Command::new("/bin/sh").args(["-c", script]);
        let report = graceful(&CancellationToken::new(), command, watched).await;
        exited_with(&report, Exit::Code(1));
        assert_eq!(report.errors, ["the cause"], "round {round}");
        assert_eq!(report.stderr_tail.last().map(String::as_str), Some("[error] the cause"), "round {round}");
        let mut last = None;
        while let Some(line) = output.next_line().await {
            last = Some(line.text);
        }
        assert_eq!(last.as_deref(), Some("[error] the cause"), "round {round}");
    }
}

#[tokio::test]
async fn progress_grows_and_ends_and_is_no_line() {
    let args =
        ["-stats_period", "0.02", "-i", CLIP, "-vf", "scale=320:-2", "-an", "-c:v", "libx264", "-f", "null", "-"];
    let mut running = Running::start(ffmpeg(&args)).await;
    let mut progress = running.output.progress();
    let mut seen = Vec::new();
    while progress.changed().await.is_ok() {
        seen.extend(progress.borrow_and_update().clone());
    }
    while let Some(line) = running.output.next_line().await {
        assert!(line.source == Source::Stderr, "{line:?}");
    }
    assert!(running.report().await.succeeded());
    let last = seen.last().expect("progress");
    assert!(last.end && last.frame == Some(132), "{last:?}");
    // Without an output file there is no size; newer versions begin with a size of 0 all the same.
    assert!(
        seen.iter().all(|progress| progress.size_bytes.unwrap_or(0) == 0 && progress.bitrate_bps.unwrap_or(0) == 0)
    );
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipes_open_does_not_keep_the_report() {
    let folder = Folder::new();
    let pid = folder.path("pid");
    let script =
        format!("setsid sh -c 'echo $$ > {pid}; exec sleep 600' & while [ ! -s {pid} ]; do :; done; echo done >&2");
    let running = Running::start(Command::new("/bin/sh").args(["-c", &script])).await;
    let report = running.report().await;
    assert!(report.succeeded() && report.stderr_tail == ["done"], "{report:#?}");
    let escaped = std::fs::read_to_string(&pid).expect("an id").trim().parse().expect("a number");
    let escaped = rustix::process::Pid::from_raw(escaped).expect("an id");
    rustix::process::kill_process(escaped, rustix::process::Signal::KILL).expect("cleaned up");
}
