//! A graceful stop of an ffmpeg that can finish: the file plays afterwards.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, Exit, GLOBAL_ARGS, StopStep};

use super::crowd::Crowd;
use super::kit::{
    CLIP, ENDLESS, Folder, Running, exited_with, ffmpeg, frames_of, stat, state, stopped_by, tools, until,
};

#[tokio::test]
async fn a_cancel_becomes_q_and_exit_code_0_is_not_finished() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let running = Running::start(ffmpeg(ENDLESS).arg(&path)).await;
    running.has_output().await;
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert!(!report.succeeded(), "{report:#?}");
    assert!(frames_of(&path) > 0);
}

#[tokio::test]
async fn an_encoder_that_flushes_for_long_is_given_the_time() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    // One thread, a long look-ahead and the slowest settings: the frames that were read take long to be written.
    let running = Running::start(ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25,noise=alls=20:allf=t",
        "-c:v",
        "libx264",
        "-preset",
        "veryslow",
        "-threads",
        "1",
        "-x264-params",
        "rc-lookahead=120:bframes=8",
        &path,
    ]))
    .await;
    running.progress(|progress| progress.frame > Some(2)).await;
    running.token.cancel();
    stopped_by(&running.patient_report().await, StopStep::Quit);
    assert!(frames_of(&path) > 100);
}

#[tokio::test]
async fn one_that_is_at_work_is_given_more_time_than_one_that_stands_still() {
    // It reads its `q` and is then busy for longer than any step of the ladder waits for one that does nothing.
    let script = "echo frame=1; echo progress=continue; head -c 1 >/dev/null; end=$(( $(date +%s) + 7 ));
        while [ $(date +%s) -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; done; exit 0";
    let running = Running::start(Command::new("/bin/sh").args(["-c", script])).await;
    running.has_output().await;
    let report = running.cancel().await;
    let took = stopped_by(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert!(took > Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn nothing_encoded_yet_is_ended_by_one_terminate() {
    // A real one tells of frames that its encoder has only taken in, depending on version and machine; this one says
    // that there are none yet.
    let script = r"printf 'frame=0\nout_time_us=N/A\nspeed=N/A\nprogress=continue\n'; read -r _";
    let running = Running::start(Command::new("/bin/sh").args(["-c", script, "sh", "-progress", "pipe:1"])).await;
    running.progress(|_| true).await;
    let crowd = Crowd::watch();
    let took = stopped_by(&running.cancel().await, StopStep::Terminate);
    assert!(took < crowd.stretch(Duration::from_secs(3)), "{took:?}");
}

#[tokio::test]
async fn an_output_that_has_begun_is_worth_the_wait_before_the_first_progress() {
    // ffmpeg is silent about its progress until the last of its outputs has begun. This one then flushes for long.
    let script = "trap 'end=$(( $(date +%s) + 4 )); while [ $(date +%s) -lt $end ]; do :; done; exit 0' TERM
        echo \"[info] Output #0, mp4, to 'first.mp4':\" >&2; while :; do :; done";
    let mut running = Running::start(Command::new("/bin/sh").args(["-c", script, "sh", "-progress", "pipe:1"])).await;
    running.output.next_line().await.expect("word of the output");
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Terminate);
    exited_with(&report, Exit::Code(0));
}

#[tokio::test]
async fn an_ffmpeg_that_is_busy_before_it_encodes_is_not_waited_for() {
    // It looks for a first frame that never comes, and no signal reaches it meanwhile.
    let source = "testsrc2=size=320x240:rate=25,select=gt(n\\,100000000)";
    let running = Running::start(ffmpeg(&["-f", "lavfi", "-i", source, "-f", "null", "-"])).await;
    let pid = running.pid;
    // By then it has long set up its handlers, and is in the middle of the search.
    until("half a second of work", || {
        stat(pid)
            .is_some_and(|stat| stat[11].parse::<u32>().expect("ticks") + stat[12].parse::<u32>().expect("ticks") > 50)
    })
    .await;
    let crowd = Crowd::watch();
    let took = stopped_by(&running.cancel().await, StopStep::Kill);
    assert!(took < crowd.stretch(Duration::from_secs(5)), "{took:?}");
}

#[tokio::test]
async fn a_paused_process_is_woken_and_finishes() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let running = Running::start(ffmpeg(ENDLESS).arg(&path)).await;
    running.has_output().await;
    let (pid, id) = (running.pid, rustix::process::Pid::from_raw(running.pid).expect("an id"));
    rustix::process::kill_process(id, rustix::process::Signal::STOP).expect("paused");
    until("the pause", || state(pid) == Some('T')).await;
    stopped_by(&running.cancel().await, StopStep::Quit);
    assert!(frames_of(&path) > 0);
}

#[tokio::test]
async fn an_ffmpeg_that_never_reads_q_is_terminated_once_and_finishes() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let running = Running::start(ffmpeg(&["-nostdin"]).args(ENDLESS).arg(&path)).await;
    running.has_output().await;
    stopped_by(&running.cancel().await, StopStep::Terminate);
    assert!(frames_of(&path) > 0);
}

#[tokio::test]
async fn a_wrapper_passes_q_on() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    let wrapper = folder.script("wrapper", &format!("{} \"$@\"\necho wrapped >&2", tools().ffmpeg.display()));
    let running = Running::start(Command::new(wrapper).args(GLOBAL_ARGS).args(ENDLESS).arg(&path)).await;
    running.has_output().await;
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Quit);
    assert!(report.stderr_tail.iter().any(|line| line == "wrapped"), "{report:#?}");
    assert!(report.cpu > Duration::from_millis(20) && frames_of(&path) > 0);
}

#[tokio::test]
async fn a_wrapper_that_swallows_q_keeps_its_ffmpeg_until_the_file_is_whole() {
    let folder = Folder::new();
    let path = folder.path("out.mp4");
    // It hands a SIGTERM on: if it got one as well as ffmpeg, ffmpeg would have two and drop the file.
    let script =
        "trap 'kill $child' TERM; FFMPEG \"$@\" </dev/null & child=$!; while kill -0 $child; do wait; done; exit 7";
    let wrapper = folder.script("wrapper", &script.replace("FFMPEG", &tools().ffmpeg.display().to_string()));
    let running = Running::start(Command::new(wrapper).args(GLOBAL_ARGS).args(ENDLESS).arg(&path)).await;
    running.has_output().await;
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Terminate);
    exited_with(&report, Exit::Code(7));
    assert!(frames_of(&path) > 0);
}

#[tokio::test]
async fn media_on_standard_input_is_ended_instead_of_q() {
    let folder = Folder::new();
    let path = folder.path("out.mkv");
    let source = folder
        .make("source.mkv", &["-i", CLIP, "-vf", "scale=160:-2", "-an", "-c:v", "libx264", "-preset", "ultrafast"]);
    let bytes = std::fs::read(source).expect("a clip");
    // Endless copies of half a clip that stalls: the writing end stays open, and nothing comes any more.
    let (mut feeder, fed) = tokio::io::duplex(1 << 20);
    tokio::io::AsyncWriteExt::write_all(&mut feeder, &bytes[..bytes.len() / 2]).await.expect("fed");
    let command = ffmpeg(&["-i", "pipe:0", "-c:v", "libx264", "-preset", "ultrafast", &path]).feed(fed);
    let running = Running::start(command).await;
    running.has_output().await;
    let report = running.cancel().await;
    stopped_by(&report, StopStep::Quit);
    exited_with(&report, Exit::Code(0));
    assert!(report.feed_error.is_none() && frames_of(&path) > 10);
    drop(feeder);
}

#[tokio::test]
async fn media_on_standard_input_is_read_to_its_end() {
    let folder = Folder::new();
    let source = folder.make("source.mkv", &["-i", CLIP, "-c", "copy", "-map", "0:v"]);
    let path = folder.path("out.mkv");
    let file = tokio::fs::File::open(source).await.expect("a clip");
    let report = Running::start(ffmpeg(&["-i", "pipe:0", "-c", "copy", &path]).feed(file)).await.report().await;
    assert!(report.succeeded(), "{report:#?}");
    assert_eq!(frames_of(&path), 132);
}

#[tokio::test]
async fn media_whose_source_fails_is_no_success() {
    let folder = Folder::new();
    let source = std::fs::read(folder.make("source.mkv", &["-i", CLIP, "-c", "copy", "-map", "0:v"])).expect("a clip");
    let half = std::io::Cursor::new(source[..source.len() / 2].to_vec());
    let broken = tokio::io::AsyncReadExt::chain(half, Broken);
    let path = folder.path("out.mkv");
    let report = Running::start(ffmpeg(&["-i", "pipe:0", "-c", "copy", &path]).feed(broken)).await.report().await;
    exited_with(&report, Exit::Code(0));
    assert!(!report.succeeded());
    assert_eq!(report.feed_error.as_deref(), Some("the source broke off"));
}

/// A source that fails.
struct Broken;

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::Error::other("the source broke off")))
    }
}

#[tokio::test]
async fn a_process_that_ends_without_reading_its_q_has_finished() {
    let folder = Folder::new();
    let go = folder.path("go");
    let script = format!("echo frame=1; echo progress=continue; while [ ! -e {go} ]; do sleep 0.05; done; exit 0");
    let running = Running::start(Command::new("/bin/sh").args(["-c", &script])).await;
    running.has_output().await;
    running.token.cancel();
    std::fs::write(&go, "").expect("written");
    let report = running.report().await;
    assert!(report.succeeded() && report.stop.is_none(), "{report:#?}");
}

#[tokio::test]
async fn a_kill_ends_a_grace_at_once() {
    let folder = Folder::new();
    let kill = CancellationToken::new();
    let args = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25,noise=alls=20:allf=t",
        "-c:v",
        "libx264",
        "-preset",
        "veryslow",
    ];
    let more = ["-threads", "1", "-x264-params", "rc-lookahead=120:bframes=8"];
    let command = ffmpeg(&args).args(more).arg(folder.path("out.mp4")).kill_when(kill.clone());
    let mut running = Running::start(command).await;
    running.progress(|progress| progress.frame > Some(2)).await;
    running.token.cancel();
    while !running.output.next_line().await.expect("a line").text.contains("[q] command received") {}
    let crowd = Crowd::watch();
    kill.cancel();
    let killed = std::time::Instant::now();
    let report = running.report().await;
    let took = killed.elapsed();
    stopped_by(&report, StopStep::Kill);
    exited_with(&report, Exit::Signal(9));
    assert!(took < crowd.stretch(Duration::from_secs(1)), "{took:?}");
}

/// The process may be dead before anybody has looked why it is to stop.
#[tokio::test]
async fn a_kill_that_comes_with_the_request_is_told_as_a_kill() {
    for _ in 0..50 {
        let kill = CancellationToken::new();
        let running = Running::start(Command::new("/bin/sleep").arg("600").kill_when(kill.clone())).await;
        running.token.cancel();
        kill.cancel();
        let report = running.report().await;
        stopped_by(&report, StopStep::Kill);
        exited_with(&report, Exit::Signal(9));
    }
}

#[tokio::test]
async fn a_grace_ends_at_its_limit() {
    let running = Running::start(
        Command::new("/bin/sh")
            .args(["-c", "echo frame=1; echo progress=continue; while :; do :; done"])
            .stop_within(Duration::from_millis(700)),
    )
    .await;
    running.has_output().await;
    let crowd = Crowd::watch();
    let took = stopped_by(&running.cancel().await, StopStep::Kill);
    assert!((Duration::from_millis(700)..crowd.stretch(Duration::from_secs(2))).contains(&took), "{took:?}");
}
