//! No process outlives its run, whatever becomes of the run or of this program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{Command, graceful, monitor, slim, standard};

use super::crowd::Crowd;
use super::kit::{ENDLESS, Folder, Running, children, ffmpeg, group, state, stopped, tools, until};

/// What the program below is told to run.
const MODE: &str = "TRANSCODED_TEST_MODE";
/// What the process is recognised by, where this program dies before it can tell its id.
const PLACE: &str = "TRANSCODED_TEST_PLACE";
/// How long a process may outlive this program.
const AFTER_DEATH: Duration = Duration::from_secs(2);

/// A program of its own: it runs an endless ffmpeg in the mode that it is told, and prints the process's id.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run as a program of its own by the tests here"]
async fn program() {
    let mode = std::env::var(MODE).expect("a mode");
    let folder = Folder::new();
    let token = CancellationToken::new();
    let (watched, output) = monitor();
    let mut pid = output.pid();
    let command = if mode == "early" {
        // Silent, since its broken pipes would end an ffmpeg that says something; recognised by its last argument.
        let place = std::env::var(PLACE).expect("a place");
        Command::new("/bin/sh").args(["-c", "sleep 600; :", &place])
    } else if mode == "wrapper" {
        let script = format!("{} \"$@\" &\nwait\nwait", tools().ffmpeg.display());
        Command::new(folder.script("wrapper", &script)).args(["-v", "error"]).args(ENDLESS)
    } else {
        ffmpeg(ENDLESS)
    };
    let (_pause, paused) = tokio::sync::watch::channel(mode == "paused");
    let command = command.args(["-f", "null", "-"]).pause_when(paused);
    let run = async {
        match mode.as_str() {
            "slim" | "early" => slim(&token, command).await,
            "standard" => standard(&token, command, watched).await,
            _ => graceful(&token, command, watched).await,
        }
    };
    let tell = async {
        if mode == "slim" {
            // Slim has no monitor: the process is the only child that leads a group and isn't the guardian.
            let found = || children().into_iter().find(|child| command_line(*child).contains("testsrc2"));
            until("the process", || found().is_some()).await;
            println!("pid {}", found().expect("it runs"));
        } else {
            println!("pid {}", pid.wait_for(Option::is_some).await.expect("it starts").expect("an id"));
        }
        assert!(mode != "panic", "as the test wants it");
    };
    tokio::join!(run, tell);
}

fn command_line(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Starts the program and returns it with the id of the process that it runs.
fn start(mode: &str) -> (Child, i32) {
    let mut program = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["ffmpeg::leftovers::program", "--exact", "--ignored", "--nocapture"])
        .env(MODE, mode)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(program.stdout.take().expect("piped")).lines();
    let pid = lines.map_while(Result::ok).find_map(|line| line.split("pid ").nth(1)?.trim().parse().ok());
    (program, pid.expect("it tells the id"))
}

#[tokio::test]
async fn sigkill_of_this_program_leaves_nothing_behind() {
    for mode in ["slim", "standard", "graceful", "wrapper", "paused"] {
        let (mut program, pid) = start(mode);
        let wanted = if mode == "wrapper" { 2 } else { 1 };
        until("the group", || group(pid).len() >= wanted).await;
        if mode == "paused" {
            stopped(pid, 1).await;
        }
        let crowd = Crowd::watch();
        program.kill().expect("killed");
        let killed = Instant::now();
        program.wait().expect("reaped");
        until("the group's end", || group(pid).is_empty()).await;
        let took = killed.elapsed();
        assert!(took < crowd.stretch(AFTER_DEATH), "{mode}: {took:?}");
    }
}

#[tokio::test]
async fn a_process_that_has_only_just_been_started_dies_as_well() {
    let folder = Folder::new();
    let place = folder.path("nowhere");
    // Neither the guardian nor anybody else knows the process's id by then.
    let mut program = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["ffmpeg::leftovers::program", "--exact", "--ignored", "--nocapture"])
        .envs([(MODE, "early"), (PLACE, &place), ("TRANSCODED_DIE_AT", "process-started:1")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let status = program.wait().expect("reaped");
    let killed = Instant::now();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    until("the process's end", || crate::harness::processes_naming(&place).is_empty()).await;
    assert!(killed.elapsed() < AFTER_DEATH, "{:?}", killed.elapsed());
}

#[tokio::test]
async fn a_guardian_that_was_killed_is_replaced() {
    let (mut program, pid) = start("graceful");
    let guardian = || {
        let parent = program.id().to_string();
        let all = std::fs::read_dir("/proc").expect("/proc").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut guardians = pids.filter(|pid| {
            super::kit::stat(*pid).is_some_and(|stat| stat[1] == parent && stat[0] != "Z")
                && command_line(*pid).contains("ffmpeg-guardian")
        });
        guardians.next()
    };
    until("the guardian", || guardian().is_some()).await;
    let first = guardian().expect("it is there");
    // One that dies right after its start is not replaced, lest that go round and round.
    tokio::time::sleep(Duration::from_millis(300)).await;
    kill_process(Pid::from_raw(first).expect("an id"), Signal::KILL).expect("killed");
    until("another guardian", || guardian().is_some_and(|second| second != first)).await;
    // The list stands in the pipe once the guardian is there, and it reads all of it before the end.
    let crowd = Crowd::watch();
    program.kill().expect("killed");
    let killed = Instant::now();
    program.wait().expect("reaped");
    until("the group's end", || group(pid).is_empty()).await;
    let took = killed.elapsed();
    assert!(took < crowd.stretch(AFTER_DEATH), "{took:?}");
}

#[tokio::test]
async fn a_panic_leaves_nothing_behind() {
    let (mut program, pid) = start("panic");
    program.wait().expect("reaped");
    until("the group's end", || group(pid).is_empty()).await;
}

#[tokio::test]
async fn a_dropped_run_leaves_neither_process_nor_zombie() {
    let running = Running::start(ffmpeg(ENDLESS).args(["-f", "null", "-"])).await;
    let pid = running.pid;
    running.abort();
    until("the process's end", || state(pid).is_none()).await;
}

#[tokio::test]
async fn a_runtime_that_ends_takes_its_processes_along() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let running = runtime.block_on(Running::start(ffmpeg(ENDLESS).args(["-f", "null", "-"])));
        sender.send(running.pid).expect("told");
    });
    let pid = receiver.recv().expect("told");
    thread.join().expect("ended");
    until("the process's end", || state(pid).is_none()).await;
}

#[tokio::test]
async fn many_runs_leave_no_zombies() {
    let token = CancellationToken::new();
    for _ in 0..50 {
        assert!(slim(&token, Command::new("/bin/true")).await.succeeded());
    }
    for _ in 0..20 {
        let run = slim(&token, Command::new("/bin/sleep").arg("600"));
        tokio::pin!(run);
        assert!(futures_util::poll!(&mut run).is_pending());
    }
    // What is left is the guardian.
    until("all to be reaped", || children().len() <= 1).await;
}
