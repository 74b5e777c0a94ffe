//! The command line: help, bad usage, nobody there, the doctor, and a job changed by hand on a real server.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::Server;

/// Runs the program with this environment only, so that the machine's own settings don't matter.
fn run_with(env: &[(&str, &str)], args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_transcoded"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(env.iter().copied())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn run(args: &[&str]) -> Output {
    run_with(&[], args)
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it exits by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn url_of(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("a bound listener"))
}

/// A URL at which nobody listens: the port was free a moment ago and its number isn't given out again soon.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    url_of(&listener)
}

const ID: &str = "019234ab-5678-7def-8123-456789abcdef";

#[test]
fn help_tells_the_exit_codes_and_what_ctrl_c_does() {
    for command in ["submit", "upload", "watch", "list", "cancel", "pause", "resume", "retry", "probe", "presets"] {
        let output = run(&[command, "--help"]);
        assert_eq!(code(&output), 0, "{command}");
        assert!(stdout(&output).contains("130  cancelled by Ctrl-C"), "{command}: {}", stdout(&output));
        assert!(stdout(&output).contains("TRANSCODED_SERVER"), "{command}");
    }
    for command in ["submit", "watch"] {
        let help = stdout(&run(&[command, "--help"]));
        let words: Vec<_> = help.split_whitespace().collect();
        assert!(words.join(" ").contains("a second Ctrl-C leaves at once"), "{command}: {help}");
    }
}

#[test]
fn bad_usage_is_exit_code_2() {
    for args in [
        &["fly"][..],
        &["watch", "not-an-id"],
        &["submit", "a.mov"],
        &["submit", "a.mov", "-o", "a.mp4", "--preset"],
        &["submit", "--spec", "/nowhere.json"],
        &["cancel", ID, "--wait", "0"],
        &["cancel", ID, "--grace-seconds", "4000"],
        &["list", "--state", "done"],
        &["list", "--server", "localhost:8080"],
    ] {
        let output = run(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn without_a_server_every_command_says_how_to_start_one() {
    let url = nobody();
    for args in [
        &["submit", "a.mov", "-o", "a.mp4"][..],
        &["submit", "a.mov", "-o", "a.mp4", "--watch"],
        &["watch", ID],
        &["watch", ID, "--json"],
        &["list"],
        &["cancel", ID],
        &["probe", "a.mov"],
        &["presets"],
    ] {
        // A proxy has no business on loopback.
        let output = run_with(&[("TRANSCODED_SERVER", &url), ("HTTP_PROXY", "http://127.0.0.1:1")], args);
        assert_eq!(code(&output), 3, "{args:?}: {}", stderr(&output));
        let expected = format!("error: no server answers at {url}; start one with `transcoded serve`");
        assert!(stderr(&output).starts_with(&expected), "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{args:?}");
    }
}

#[test]
fn a_reader_that_went_away_and_a_full_disk_are_no_reason_to_panic() {
    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_transcoded"));
        program.arg("openapi").stderr(Stdio::piped());
        program
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gone = program().stdout(writer).output().unwrap();
    assert_eq!((code(&gone), stderr(&gone).as_str()), (0, ""));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let full = program().stdout(full).output().unwrap();
    assert_eq!(code(&full), 1);
    assert!(stderr(&full).starts_with("error: the output can't be written: No space left"), "{}", stderr(&full));
}

#[test]
fn the_flag_wins_over_the_environment() {
    let url = nobody();
    let output = run_with(&[("TRANSCODED_SERVER", "http://192.0.2.1")], &["list", "--server", &url]);
    assert!(stderr(&output).contains(&url), "{}", stderr(&output));
}

fn finding<'a>(findings: &'a Value, subject: &str) -> &'a Value {
    let all = findings["findings"].as_array().expect("a list");
    all.iter().find(|finding| finding["subject"] == subject).unwrap_or_else(|| panic!("no {subject} in {findings:#}"))
}

#[test]
fn the_doctor_finds_what_this_machine_offers() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["doctor", "--json", "--data-dir", folder.path().to_str().unwrap()]);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    for subject in ["ffmpeg", "ffprobe", "encoders"] {
        assert_eq!(finding(&findings, subject)["level"], "ok", "{findings:#}");
    }
    assert!(finding(&findings, "encoders")["message"].as_str().unwrap().contains("libx264"));
    assert_ne!(finding(&findings, "data folder")["message"], "", "{findings:#}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_doctor_exits_1_on_a_problem_and_says_what_to_do() {
    let url = nobody();
    let env = [("TRANSCODED_FFMPEG", "/nowhere/ffmpeg"), ("TRANSCODED_SERVER", url.as_str())];
    let output = run_with(&env, &["doctor", "--json"]);
    assert_eq!(code(&output), 1);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings["level"], "problem");
    assert_eq!(finding(&findings, "ffmpeg")["level"], "problem");
    assert!(finding(&findings, "ffmpeg")["message"].as_str().unwrap().contains("/nowhere/ffmpeg"));
    assert!(finding(&findings, "ffmpeg")["advice"].as_str().unwrap().contains("apt install ffmpeg"));
    assert_eq!(finding(&findings, "server")["level"], "problem", "a server that was named has to answer");
    let output = run_with(&env, &["doctor"]);
    assert!(stdout(&output).contains("PROBLEM  ffmpeg"), "{}", stdout(&output));
}

/// Takes the next request and returns its first line.
fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (stream, _) = listener.accept().expect("a request");
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let first = lines.next().expect("a first line");
    assert!(lines.any(|line| line.is_empty()), "the head ends");
    (stream, first)
}

fn state_event(state: &str) -> String {
    let job = json!({
        "id": ID, "state": state, "mode": "graceful", "priority": 0, "labels": {}, "input": "a.mov", "timeout_seconds": 1,
        "grace_seconds": 1, "max_attempts": 1, "progress": null, "outputs": [], "attempts": [], "cancellation": null,
        "error": null, "created_at": "2026-01-31T12:00:00.000Z", "started_at": null, "finished_at": null,
    });
    format!("id: 1\nevent: state\ndata: {job}\n\n")
}

#[test]
fn a_real_ctrl_c_cancels_the_job_and_the_exit_code_is_130() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_transcoded"))
        .args(["watch", ID, "--server", &url_of(&listener)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut events, request) = accept(&listener);
    assert!(request.starts_with(&format!("GET /v1/jobs/{ID}/events ")), "{request}");
    write!(events, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{}", state_event("running")).unwrap();
    // The program listens for it from before its first request.
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (mut cancel, request) = accept(&listener);
    assert!(request.starts_with(&format!("DELETE /v1/jobs/{ID} ")), "{request}");
    let over = r#"{"title":"The job's state doesn't allow it","status":409}"#;
    write!(cancel, "HTTP/1.1 409 Conflict\r\ncontent-length: {}\r\n\r\n{over}", over.len()).unwrap();
    write!(events, "{}", state_event("cancelled")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    assert_eq!(stdout(&output), "cancelled; no file was kept\n");
    assert!(stderr(&output).contains("Ctrl-C again leaves at once"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("can't be cancelled"), "that it was over first is no error: {}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_held_let_go_cancelled_and_tried_again_by_hand() {
    let server = Server::start();
    let by_hand = |args: &[&str]| run(&[args, &["--server", &server.url]].concat());
    let id = server.submit_slow("standard").await;
    for (command, says) in [("pause", "paused\n"), ("resume", "queued\n"), ("pause", "paused\n")] {
        let output = by_hand(&[command, &id]);
        assert_eq!((code(&output), stdout(&output).as_str()), (0, says), "{command}: {}", stderr(&output));
    }
    let output = by_hand(&["retry", &id]);
    assert_eq!(code(&output), 2, "it isn't over");
    assert!(stderr(&output).contains("paused"), "{}", stderr(&output));
    assert_eq!(code(&by_hand(&["cancel", &id, "--wait", "60"])), 0);
    let output = by_hand(&["retry", &id, "--json"]);
    let job: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((code(&output), &job["state"], &job["id"]), (0, &json!("queued"), &json!(id)));
    assert_eq!(code(&by_hand(&["cancel", &id, "--wait", "60"])), 0);
}

#[tokio::test]
async fn a_file_from_here_is_uploaded_and_may_be_submitted_at_once() {
    let server = Server::start();
    let file = crate::harness::media_root().join(crate::harness::blip());
    let env = [("TRANSCODED_SERVER", server.url.as_str())];
    let output = run_with(&env, &["upload", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let input = stdout(&output).trim().to_owned();
    let (_, upload) = server.get(&format!("/v1/uploads/{}", input.strip_prefix("upload:").unwrap())).await;
    assert_eq!((&upload["filename"], &upload["complete"]), (&json!("blip.wav"), &json!(true)));
    let submit = ["submit", file.to_str().unwrap(), "--upload", "-o", "a.mp3", "--watch", "--json"];
    let output = run_with(&env, &submit);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = run_with(&env, &["upload", "--json", "/nowhere/a.mov"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("can't be read"), "{}", stderr(&output));
}
