//! What must be true in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::clients::World;
use super::host::Host;
use super::ledger::{Ledger, Told, is_over};
use super::media::decodes;
use crate::harness::eventually;

/// How many outputs are decoded at most; each takes a tenth of a second.
const DECODED: usize = 60;

/// Lets all jobs come to their end.
pub async fn drain(world: &World) {
    loop {
        let jobs = jobs(world).await;
        let paused: Vec<_> = jobs.iter().filter(|job| job["state"] == "paused").collect();
        for job in &paused {
            world.post(&format!("/v1/jobs/{}/resume", text(job, "id"))).await;
        }
        if jobs.iter().all(|job| is_over(text(job, "state"))) {
            return;
        }
        let unfinished = jobs.iter().find(|job| !is_over(text(job, "state"))).expect("there is one");
        world.follow(text(unfinished, "id")).await;
    }
}

/// All jobs that there are, the newest first.
pub async fn jobs(world: &World) -> Vec<Value> {
    let mut jobs = Vec::new();
    let mut path = "/v1/jobs?limit=500".to_owned();
    loop {
        let (_, mut page) = world.get(&path).await;
        jobs.append(page["items"].as_array_mut().expect("a page"));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/jobs?limit=500&cursor={cursor}"),
            None => return jobs,
        }
    }
}

/// What is wrong with the records, by what was promised and asked.
pub fn wrong_records(ledger: &Ledger, jobs: &[Value]) -> Vec<String> {
    let mut wrong = ledger.complaints.clone();
    let by_id: BTreeMap<&str, &Value> = jobs.iter().map(|job| (text(job, "id"), job)).collect();
    let lost = ledger.accepted.iter().filter(|id| !by_id.contains_key(id.as_str()));
    wrong.extend(lost.map(|id| format!("job {id} was accepted and is gone")));
    let mut numbers = BTreeSet::new();
    for job in jobs {
        let (id, state) = (text(job, "id"), text(job, "state"));
        if !numbers.insert(job["labels"]["number"].to_string()) {
            wrong.push(format!("there are two jobs for submit {}", job["labels"]["number"]));
        }
        if ledger.last.get(id) != Some(job) {
            wrong.push(format!("job {id} is told to be\n{:#?}\nand is\n{job:#}", ledger.last.get(id)));
        }
        let asked = ledger.asked.get(id).copied().unwrap_or_default();
        let made = if job["labels"]["kind"] == "good" { "succeeded" } else { "failed" };
        let fits = match state {
            "cancelled" => asked.cancel,
            // Who was told that it stops must not see it go on, unless it was to be tried again.
            _ => state == made && (!asked.cancel_confirmed || asked.retry),
        };
        if !fits {
            wrong.push(format!("job {id}, {asked:?}, should not have become\n{job:#}"));
        }
    }
    wrong
}

/// The part of the server's numbers that must agree with the list.
pub async fn check_metrics(world: &World, jobs: &[Value]) {
    let metrics = world.text("/metrics").await;
    for state in ["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"] {
        let line = format!("transcoded_jobs{{state=\"{state}\"}} ");
        let told = metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<usize>().ok());
        assert_eq!(told, Some(jobs.iter().filter(|job| job["state"] == state).count()), "{state}\n{metrics}");
    }
}

/// What is wrong with the history: it must be complete, in order, and go legal ways.
pub fn wrong_history(ledger: &Ledger, whole: &[Told], followed: &[Vec<Told>]) -> Vec<String> {
    let mut wrong = Vec::new();
    if ledger.history != whole {
        let first = ledger.history.iter().zip(whole).find(|(read, told)| read != told);
        let lengths = (ledger.history.len(), whole.len());
        wrong.push(format!("the history is not what was read: {lengths:?} events, the first difference is {first:?}"));
    }
    if !whole.is_sorted_by(|one, next| one.id < next.id) {
        wrong.push("the history is not in order".to_owned());
    }
    let mut of_job: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for told in whole {
        of_job.entry(&told.job).or_default().push(told);
    }
    for (job, told) in &of_job {
        let states: Vec<&str> = told.iter().map(|told| told.state.as_str()).collect();
        let retried = ledger.asked.get(*job).is_some_and(|asked| asked.retry);
        let ends = states.iter().filter(|state| is_over(state)).count();
        let legal = states[0] == "queued" && states.windows(2).all(|pair| may_follow(pair[0], pair[1]));
        if !legal || !states.last().is_some_and(|last| is_over(last)) || (ends > 1 && !retried) {
            wrong.push(format!("job {job}, retried: {retried}, went {states:?}"));
        }
    }
    for seen in followed {
        // It was followed up to an end; more may have followed by a retry.
        let all = of_job.get(seen[0].job.as_str()).map_or(&[][..], Vec::as_slice);
        if !all.iter().copied().take(seen.len()).eq(seen) {
            wrong.push(format!("who followed job {} alone was told {seen:#?}\nof\n{all:#?}", seen[0].job));
        }
    }
    wrong
}

/// Whether a job may go from one state to the other. That a lost or resumed attempt leads to the state in which the job
/// was anyway is an event, too: the attempt is over.
fn may_follow(before: &str, state: &str) -> bool {
    let next: &[&str] = match before {
        "queued" => &["queued", "running", "paused", "cancelling", "succeeded", "failed", "cancelled"],
        "running" => &["queued", "paused", "cancelling", "succeeded", "failed", "cancelled"],
        "paused" => &["paused", "queued", "cancelling", "succeeded", "failed", "cancelled"],
        "cancelling" => &["cancelled"],
        _ => &["queued"],
    };
    next.contains(&state)
}

/// Waits until the files are exactly those that the records tell of, and checks their sizes and hashes. Returns them,
/// partial ones first.
pub async fn files(host: &Host, jobs: &[Value]) -> Vec<PathBuf> {
    let told = told_files(&host.data(), jobs);
    let found = eventually("the files to agree with the records", || async {
        let found = found_files(&host.data().join("jobs"));
        // What is told of has to be there at once; what isn't may take a moment to go.
        let missing: Vec<_> = told.keys().filter(|path| !found.contains(*path)).collect();
        assert!(missing.is_empty(), "missing: {missing:#?}");
        (found.len() == told.len()).then_some(found)
    });
    let found = found.await;
    assert!(found.iter().eq(told.keys()), "{found:#?}\n{told:#?}");
    for (path, output) in &told {
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(output["size_bytes"], bytes.len(), "{}", path.display());
        assert_eq!(output["sha256"], hex(&Sha256::digest(&bytes)), "{}", path.display());
    }
    let mut told: Vec<_> = told.into_iter().collect();
    told.sort_by_key(|(_, output)| output["partial"] == false);
    told.into_iter().filter(|(_, output)| output["playable"] == true).map(|(path, _)| path).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn told_files(data: &Path, jobs: &[Value]) -> BTreeMap<PathBuf, Value> {
    let mut told = BTreeMap::new();
    for job in jobs {
        let (state, outputs) = (text(job, "state"), job["outputs"].as_array().expect("outputs"));
        let published: Vec<_> = outputs.iter().filter(|output| output["url"].is_string()).collect();
        let whole = published.len() == outputs.len() && published.iter().all(|output| output["partial"] == false);
        let fits = match state {
            "succeeded" => whole && published.iter().all(|output| output["playable"] == true),
            "failed" => published.is_empty(),
            _ => published.is_empty() || job["mode"] == "graceful",
        };
        assert!(fits, "{job:#}");
        for output in published {
            let attempt =
                job["attempts"].as_array().and_then(|all| all.last()).expect("an attempt")["number"].to_string();
            let folder = data.join("jobs").join(text(job, "id")).join(attempt).join("outputs");
            told.insert(folder.join(text(output, "name")), output.clone());
        }
    }
    told
}

/// Everything in folders of outputs; an empty folder counts, too.
fn found_files(jobs: &Path) -> BTreeSet<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let attempts = list(jobs).into_iter().flat_map(|job| list(&job));
    let outputs = attempts.map(|attempt| attempt.join("outputs")).filter(|outputs| outputs.exists());
    outputs.flat_map(|outputs| Some(list(&outputs)).filter(|list| !list.is_empty()).unwrap_or(vec![outputs])).collect()
}

/// Decodes a sample of the files with real ffmpeg, the first ones in any case.
pub async fn decode(mut files: Vec<PathBuf>) {
    files.truncate(DECODED);
    for path in files {
        let file = path.clone();
        let good = tokio::task::spawn_blocking(move || decodes(&file)).await.unwrap();
        assert!(good, "{} can't be decoded", path.display());
    }
}

/// The database, of which no server is left, as SQLite sees it.
pub fn check_database(data: &Path) {
    let sql = rusqlite::Connection::open(data.join("transcoded.db")).unwrap();
    let whole: String = sql.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let dangling: i64 = sql.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    let open: i64 =
        sql.query_row("SELECT count(*) FROM attempts WHERE finished_at IS NULL", [], |row| row.get(0)).unwrap();
    assert_eq!((dangling, open), (0, 0));
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
