//! A database that can't be written: its disk is full, or another process holds it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{a_neighbour_is_unharmed, attempts, endings, is, runs};
use crate::harness::{Options, Server, Tmpfs, blip, eventually, let_go, long_run, processes_naming, victim};

/// A job that waits for [`let_go`] and then does its work.
const WAITING: &str = r#"progress; wait_to_go; exec "$real" "$@""#;

/// A short job with a mark to find it by.
fn marked(number: u32) -> Value {
    json!({"input": blip(), "outputs": [{"name": "a.wav"}], "labels": {"number": number.to_string()}})
}

/// Submits; the id where it was taken, `None` where the answer was 503 with the time to come back.
async fn submitted(server: &Server, body: &Value) -> Option<String> {
    let response = server.client.post(format!("{}/v1/jobs", server.url)).json(body).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer: Value = response.json().await.unwrap();
    if status == 201 {
        return Some(answer["id"].as_str().unwrap().to_owned());
    }
    assert_eq!((status, answer["type"].as_str()), (503, Some("urn:transcoded:problem:database-unavailable")));
    assert!(headers.contains_key("retry-after"));
    None
}

async fn number_of(server: &Server, number: u32) -> usize {
    server.get(&format!("/v1/jobs?label=number:{number}")).await.1["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_full_disk_under_the_database_refuses_submits_loses_nothing_and_passes() {
    let Some(disk) = Tmpfs::mount(2 * 1024) else { return };
    let url = format!("sqlite:{}", disk.path().join("jobs.db").display());
    let args = ["--database-url", &url, "--slots", "1", "--lease-seconds", "3"];
    let server = Server::start_with(Options::with(&args).faking(WAITING));
    let running = server.submit(&victim()).await;
    runs(&server, &running).await;
    let filler = disk.fill(64 * 1024);
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    while refused.len() < 10 {
        let number = u32::try_from(taken.len() + refused.len()).unwrap();
        match submitted(&server, &marked(number)).await {
            Some(_) => taken.push(number),
            None => refused.push(number),
        }
        assert!(taken.len() < 200, "the disk isn't full");
    }
    assert_eq!(server.get("/readyz").await.0, 503);
    assert_eq!(server.job(&running).await["state"], "running", "what is there can still be read");
    // Leases are kept in memory: the job goes on, longer than one lasts without being renewed, and its end waits.
    let since = Instant::now();
    eventually("more time than a lease lasts", || async { (since.elapsed() > Duration::from_secs(4)).then_some(()) })
        .await;
    assert_eq!(server.get("/readyz").await.0, 503, "nothing but a write that succeeds ends the outage");
    let_go(&server);
    eventually("ffmpeg to end", || async { processes_naming(&running).is_empty().then_some(()) }).await;
    assert_eq!(server.job(&running).await["state"], "running");
    drop(filler);
    let job = server.over(&running).await;
    assert_eq!((job["state"].as_str(), attempts(&job)), (Some("succeeded"), 1), "{job:#}");
    eventually("the server to be ready again", || async { (server.get("/readyz").await.0 == 200).then_some(()) }).await;
    for number in taken {
        assert_eq!(number_of(&server, number).await, 1, "a job that was taken");
    }
    for number in refused {
        assert_eq!(number_of(&server, number).await, 0, "a job that was refused");
    }
    a_neighbour_is_unharmed(&server).await;
}

/// Takes the database away from the server until it is dropped.
struct Locked(rusqlite::Connection);

impl Locked {
    fn at(path: &Path) -> Self {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
        Self(connection)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

#[tokio::test]
async fn a_locked_database_refuses_submits_and_harms_no_running_job() {
    let server = Server::start_with(Options::default().faking(WAITING));
    let running = server.submit(&victim()).await;
    runs(&server, &running).await;
    let ffmpeg = processes_naming(&running).remove(0);
    let locked = Locked::at(&server.data_dir().join("transcoded.db"));
    let since = Instant::now();
    let mut number = 0;
    // One round is longer than the server waits for a lock; the long run is the half minute of the promise.
    while number == 0 || long_run() && since.elapsed() < Duration::from_secs(32) {
        assert_eq!(submitted(&server, &marked(number)).await, None);
        assert_eq!(server.job(&running).await["state"], "running");
        number += 1;
    }
    assert!(processes_naming(&running).contains(&ffmpeg), "the running ffmpeg is the same one");
    drop(locked);
    let_go(&server);
    let job = server.over(&running).await;
    assert_eq!((job["state"].as_str(), attempts(&job)), (Some("succeeded"), 1), "{job:#}");
    for number in 0..number {
        assert_eq!(number_of(&server, number).await, 0);
    }
    eventually("the server to be ready again", || async { (server.get("/readyz").await.0 == 200).then_some(()) }).await;
    a_neighbour_is_unharmed(&server).await;
}

#[tokio::test]
async fn a_server_that_cannot_renew_its_lease_ends_its_ffmpeg_and_runs_the_job_again() {
    let server = Server::start_with(Options::with(&["--lease-seconds", "3"]).faking(WAITING));
    let mut body = victim();
    // Nothing of this counts as a try.
    body["max_attempts"] = json!(1);
    let id = server.submit(&body).await;
    runs(&server, &id).await;
    let locked = Locked::at(&server.data_dir().join("transcoded.db"));
    eventually("the server to end its ffmpeg", || async { processes_naming(&id).is_empty().then_some(()) }).await;
    // Had it waited for the database, nobody could have told it that the lease is over.
    assert_eq!(server.job(&id).await["state"], "running", "nothing could be written yet");
    drop(locked);
    let_go(&server);
    let job = server.over(&id).await;
    assert_eq!(
        (job["state"].as_str(), endings(&job)),
        (Some("succeeded"), vec!["lost".into(), "succeeded".into()]),
        "{job:#}"
    );
    let outputs = |attempt: u32| server.data_dir().join(format!("jobs/{id}/{attempt}/outputs"));
    assert!(!outputs(1).exists() && outputs(2).exists());
    a_neighbour_is_unharmed(&server).await;
}

/// The request is on its way into the database when its client goes.
#[tokio::test]
async fn a_client_that_hangs_up_on_its_delete_has_stopped_the_job() {
    let server = Server::start_with(Options::default().faking(WAITING));
    let id = server.submit(&victim()).await;
    server.encoding(&id).await;
    for round in 0.. {
        let locked = Locked::at(&server.data_dir().join("transcoded.db"));
        let delete = server.request(reqwest::Method::DELETE, &format!("/v1/jobs/{id}?grace_seconds=0")).send();
        assert!(tokio::time::timeout(Duration::from_millis(300), delete).await.is_err(), "it is answered too early");
        drop(locked);
        // The database takes one after the other, so this comes after a DELETE that has reached the server.
        server.submit(&marked(round)).await;
        if server.job(&id).await["state"] != "running" {
            break;
        }
    }
    // Bounded: where nobody stops it, its event stream never ends.
    let job = is(&server, &id, "cancelled").await;
    assert_eq!(job["cancellation"]["method"], "kill", "{job:#}");
    assert_eq!(processes_naming(&id), []);
}
