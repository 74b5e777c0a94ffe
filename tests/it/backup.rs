//! `transcoded backup`: copies of a database that a server works on.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Options, Server};

fn backup(args: &[&str], data_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transcoded"));
    command.arg("backup").args(args).env("TRANSCODED_DATA_DIR", data_dir).env_remove("TRANSCODED_CONFIG");
    // It needs no server, and must not stumble over one that can't be.
    command.env("TRANSCODED_SERVER", "nowhere").env_remove("TRANSCODED_DATABASE_URL").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A job that waits for long enough not to be in the way.
fn patient_job() -> Value {
    json!({ "input": "bigbuckbunny.mp4", "outputs": [{ "name": "a.mp3" }], "run_at": "2099-01-01T00:00:00Z" })
}

/// Submits jobs on a connection of its own until it is told to stop.
async fn submit_all_the_time(url: String, stop: Arc<AtomicBool>, answered: Arc<Mutex<Vec<String>>>) {
    let client = reqwest::Client::new();
    while !stop.load(Ordering::Relaxed) {
        let response = client.post(format!("{url}/v1/jobs")).json(&patient_job()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 201);
        let job: Value = response.json().await.unwrap();
        answered.lock().unwrap().push(job["id"].as_str().unwrap().to_owned());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_while_jobs_arrive_holds_every_answered_one_and_runs() {
    let server = Server::start();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let submits: Vec<_> = (0..4)
        .map(|_| tokio::spawn(submit_all_the_time(server.url.clone(), Arc::clone(&stop), Arc::clone(&answered))))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let mut known = 0;
    for round in 1..=3 {
        // Each round has had some more answers before it begins.
        crate::harness::eventually("more answers", || async {
            (answered.lock().unwrap().len() >= known + 50).then_some(())
        })
        .await;
        let before = answered.lock().unwrap().clone();
        known = before.len();
        let copy = folder.path().join(format!("{round}.db"));
        let (arguments, data) = ([text(&copy).to_owned(), "--json".to_owned()], server.data_dir().to_owned());
        let made = tokio::task::spawn_blocking(move || backup(&arguments.each_ref().map(String::as_str), &data));
        let output = made.await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told, json!({ "path": text(&copy), "size_bytes": copy.metadata().unwrap().len() }));
        let database = Connection::open(&copy).unwrap();
        let check: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let mut find = database.prepare("SELECT 1 FROM jobs WHERE id = ?1").unwrap();
        let missing: Vec<_> = before.iter().filter(|id| !find.exists([id]).unwrap()).collect();
        assert!(missing.is_empty(), "of {known}: {missing:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for submit in submits {
        submit.await.unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left there");
    let last = answered.lock().unwrap()[known - 1].clone();
    drop(server);

    let data = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("3.db"), data.path().join("transcoded.db")).unwrap();
    let server = Server::start_in(data, Options::default());
    assert_eq!(server.job(&last).await["state"], "queued");
    let new = server.submit(&json!({ "input": "bigbuckbunny.mp4", "outputs": [{ "name": "a.mp3" }] })).await;
    assert_eq!(server.over(&new).await["state"], "succeeded");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("jobs.db");
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1)").unwrap();
    let url = format!("sqlite:{}", text(&database));
    let copy = folder.path().join("copy.db");
    std::fs::write(&copy, "precious").unwrap();
    let output = backup(&[text(&copy), "--database-url", &url], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is there already, and nothing is overwritten"), "{}", said(&output));
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");

    let output = backup(&[text(&folder.path().join("new.db"))], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("there is no database at"), "{}", said(&output));
    assert!(!folder.path().join("transcoded.db").exists(), "none is made by looking for it");

    let output = backup(&["new.db", "--database-url", "postgres://x"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let output = backup(&[text(&folder.path().join("no/where/new.db")), "--database-url", &url], folder.path());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));

    // The database is found by the server's configuration file, too.
    let file = folder.path().join("transcoded.toml");
    std::fs::write(&file, format!("database_url = '{url}'")).unwrap();
    let new = folder.path().join("new.db");
    let output = backup(&[text(&new), "--config", text(&file)], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.starts_with(text(&new)) && shown.trim_end().ends_with("KiB"), "{shown}");
}
