//! The embedded database over the years: files made by every earlier version, newer ones, damaged ones, and copies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use transcoded::db::{Error, IdempotencyKey, ListQuery, NewJob, SqliteStore, Store};
use transcoded::domain::job::{AttemptOutcome, CancelMethod, Job, JobState};
use transcoded::domain::time::{ManualClock, Timestamp};

use super::backend::{RULES, new_job};

/// A database as version 1 left it.
const V1: &str = include_str!("fixtures/v1.sql");
/// A while after it was left.
const LATER: Timestamp = Timestamp::from_millis(1_795_528_100_000);

/// A folder with a database in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A database of version 1, as a server that was killed leaves it.
    fn with_v1(more: &str) -> Self {
        let folder = Self::new();
        let database = Connection::open(folder.database()).unwrap();
        database.pragma_update(None, "journal_mode", "WAL").unwrap();
        database.execute_batch(V1).unwrap();
        database.execute_batch(more).unwrap();
        folder
    }

    /// A database of today with some jobs.
    async fn with_jobs(jobs: u8) -> Self {
        let folder = Self::new();
        let store = folder.open().unwrap();
        for number in 1..=jobs {
            store.submit(new_job(number, 0)).await.unwrap();
        }
        drop(store);
        // Everything in one file.
        let database = Connection::open(folder.database()).unwrap();
        database.pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
        folder
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("transcoded.db")
    }

    fn open(&self) -> Result<SqliteStore, Error> {
        let clock = Arc::new(ManualClock::at(LATER));
        SqliteStore::open(&self.database(), RULES, clock, Box::new(drop))
    }

    /// Opens the database, which must be refused and left as it was; returns what was said.
    fn refused(&self) -> String {
        let before = self.files();
        let Err(error) = self.open() else { panic!("it was opened") };
        assert!(self.files() == before, "it was changed");
        error.to_string()
    }

    /// The files in the folder but the lock, with all that is in them.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        // The shared memory of a WAL is made anew whenever it is needed.
        let kept = files.filter(|path| path.extension().is_none_or(|ending| ending != "lock" && ending != "db-shm"));
        let mut files: Vec<_> = kept.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    }
}

fn rows(database: &Path, table: &str) -> Vec<Vec<rusqlite::types::Value>> {
    let database = Connection::open(database).unwrap();
    let mut statement = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_was_released_never_changes() {
    let fixed = |text: &str| Sha256::digest(text).to_vec();
    let tables = include_str!("../../../migrations/sqlite/0001_jobs.sql");
    assert_eq!(fixed(tables), hex("292907620c65875b3754ea47bde1dd6face15c6dffc25e53d89cb7b778930a39"));
    assert_eq!(fixed(V1), hex("b1a16eb7bf056baf549ff90df1945dca67e49e99c8456bbde40f53e6079aaac0"));
}

#[tokio::test]
async fn a_database_of_version_1_is_brought_to_this_one_and_loses_nothing() {
    let folder = Folder::with_v1("");
    let old: Vec<Job> = rows(
        &folder.database(),
        "(SELECT job, id, document FROM events WHERE id IN (SELECT max(id) FROM events GROUP BY job))",
    )
    .into_iter()
    .map(|row| match &row[2] {
        rusqlite::types::Value::Text(document) => serde_json::from_str(document).unwrap(),
        other => panic!("{other:?}"),
    })
    .collect();
    let store = folder.open().unwrap();
    let all = || store.list(ListQuery { limit: 100, ..ListQuery::default() });
    let mut jobs = all().await.unwrap().jobs;
    jobs.reverse();
    assert_eq!(jobs, old, "each job is as its last event showed it");
    let states: Vec<_> = jobs.iter().map(|job| job.state.name()).collect();
    assert_eq!(states, ["succeeded", "failed", "cancelled", "running", "cancelling", "queued", "queued", "cancelled"]);
    assert!(jobs[0].outputs.iter().all(|output| output.playable == Some(true) && output.url.is_some()));

    assert_eq!(store.recover().await.unwrap(), 2);
    let running = store.job(jobs[3].id).await.unwrap().unwrap();
    let outcomes: Vec<_> = running.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!((running.state, running.run_at), (JobState::Queued, None));
    assert_eq!(outcomes, [AttemptOutcome::Interrupted, AttemptOutcome::Lost]);
    let cancelling = store.job(jobs[4].id).await.unwrap().unwrap();
    assert_eq!(cancelling.state, JobState::Cancelled);
    assert_eq!(cancelling.cancellation.unwrap().method, Some(CancelMethod::Kill));

    let mut counts = store.counts().await.unwrap();
    counts.retain(|(_, count)| *count > 0);
    counts.sort_by_key(|(state, _)| state.name());
    let expected = [(JobState::Cancelled, 3), (JobState::Failed, 1), (JobState::Queued, 3), (JobState::Succeeded, 1)];
    assert_eq!(counts, expected);
    let labels = vec![("customer".to_owned(), "42".to_owned())];
    let found = store.list(ListQuery { labels, limit: 9, ..ListQuery::default() }).await.unwrap().jobs;
    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [jobs[3].id, jobs[2].id, jobs[0].id]);
}

#[tokio::test]
async fn orders_numbers_and_keys_go_on_after_an_update() {
    let folder = Folder::with_v1("");
    let store = folder.open().unwrap();
    store.recover().await.unwrap();
    // Number 9 was the newest job, and was removed; events 21 and 22 were its.
    let new = store.submit(new_job(1, 0)).await.unwrap().job;
    assert_eq!(rows(&folder.database(), "(SELECT seq, id, state FROM jobs WHERE seq > 8)")[0][0], 10.into());
    let resumed = store.events_after(20, None, 100).await.unwrap();
    let ids: Vec<_> = resumed.events.iter().map(|event| event.id).collect();
    assert_eq!((ids, resumed.gone), (vec![23, 24, 25, 26], true), "it says what is missing");
    let resumed = store.events_after(22, None, 100).await.unwrap();
    assert_eq!((resumed.events.len(), resumed.gone), (4, false));
    let claims = store.claim(9).await.unwrap().jobs;
    let order: Vec<_> = claims.iter().map(|claimed| claimed.spec.priority).collect();
    assert_eq!((order, claims[3].job), (vec![10, 3, 0, 0], new.id), "by priority, then in order of submission");
    assert!(claims[0].attempt == 3 && claims[0].lease.number() > 6, "after the six attempts of before");

    let request = hex("4d2dbb3ff44946f3d5ad91d3519d2304450000ca2e1cc7adc34658b0b5509093");
    let key = |request| IdempotencyKey { caller: String::new(), key: "ingest-0001".into(), request };
    let again = store.submit(NewJob { idempotency: Some(key(request)), ..new_job(2, 0) }).await.unwrap();
    assert!(again.replayed && again.job.state == JobState::Succeeded);
    let other = store.submit(NewJob { idempotency: Some(key([0; 32])), ..new_job(2, 0) }).await;
    assert!(matches!(other, Err(Error::KeyReused)));
}

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
}

#[test]
fn a_whole_copy_from_before_the_update_is_kept_each_time() {
    let folder = Folder::with_v1("");
    let tables = ["jobs", "attempts", "labels", "events", "idempotency_keys", "sqlite_sequence", "pragma_user_version"];
    let before = tables.map(|table| rows(&folder.database(), &format!("(SELECT *, 1, 2 FROM {table})")));
    drop(folder.open().unwrap());
    let copy = folder.0.path().join("transcoded.db.v1-backup");
    let kept = tables.map(|table| rows(&copy, &format!("(SELECT *, 1, 2 FROM {table})")));
    assert!(kept == before);
    // Somebody goes back to it, works with it, and updates again.
    for file in ["transcoded.db-wal", "transcoded.db-shm"] {
        let _ = std::fs::remove_file(folder.0.path().join(file));
    }
    std::fs::copy(&copy, folder.database()).unwrap();
    Connection::open(folder.database()).unwrap().execute("DELETE FROM jobs WHERE seq = 1", []).unwrap();
    drop(folder.open().unwrap());
    let second = folder.0.path().join("transcoded.db.v1-backup.2");
    assert_eq!((rows(&copy, "jobs").len(), rows(&second, "jobs").len()), (8, 7));
}

#[test]
fn an_update_that_fails_half_way_changes_nothing() {
    // An event of a job that there isn't: seen at the end, when all tables have been made anew.
    let folder = Folder::with_v1("PRAGMA foreign_keys = OFF; INSERT INTO events VALUES (30, 77, '{}');");
    let said = folder.refused();
    assert!(said.contains("transcoded.db can't be brought to this version"), "{said}");
    assert_eq!(folder.files().len(), 1, "no copy is needed of what has not changed");
}

#[tokio::test]
async fn a_newer_database_is_left_alone() {
    let folder = Folder::with_jobs(3).await;
    Connection::open(folder.database()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let said = folder.refused();
    assert!(said.contains("was made by a newer version of transcoded (schema 99; this one knows 2)"), "{said}");
    assert!(said.contains("Run that version again, or start with another --data-dir"), "{said}");
}

#[tokio::test]
async fn what_a_killed_newer_server_left_in_its_wal_stays_there() {
    let folder = Folder::with_jobs(3).await;
    let newer = Connection::open(folder.database()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let copied = Folder::new();
    for (path, bytes) in folder.files() {
        std::fs::write(copied.0.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    assert_eq!(copied.files().len(), 2, "the database and its WAL");
    assert!(copied.refused().contains("newer version"));
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    for version in [0, 2] {
        let folder = Folder::new();
        let theirs = Connection::open(folder.database()).unwrap();
        theirs.execute_batch("CREATE TABLE jobs (title TEXT); CREATE TABLE photos (name TEXT)").unwrap();
        theirs.pragma_update(None, "user_version", version).unwrap();
        drop(theirs);
        let said = folder.refused();
        assert!(said.contains("is the database of another program"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_with_what_to_do() {
    let folder = Folder::new();
    std::fs::write(folder.database(), "Dear diary, ".repeat(1000)).unwrap();
    let said = folder.refused();
    for part in ["transcoded.db is damaged", "put a backup in their place", "-wal and -shm", ".recover"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn a_database_with_an_overwritten_page_is_refused_whichever_it_is() {
    let whole = Folder::with_jobs(60).await;
    let bytes = std::fs::read(whole.database()).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 20, "{pages}");
    for page in 0..pages {
        let mut damaged = bytes.clone();
        for (n, byte) in damaged[page * 4096..][..4096].iter_mut().enumerate() {
            *byte = u8::try_from((n * 31 + page * 7 + n / 256) % 251).unwrap();
        }
        let folder = Folder::new();
        std::fs::write(folder.database(), damaged).unwrap();
        let said = folder.refused();
        assert!(said.contains("is damaged"), "page {page}: {said}");
    }
}

#[tokio::test]
async fn a_truncated_database_is_refused_wherever_it_ends() {
    let whole = Folder::with_jobs(60).await;
    let bytes = std::fs::read(whole.database()).unwrap();
    for length in [100, 4096, bytes.len() / 2, bytes.len() - 4096, bytes.len() - 1] {
        let folder = Folder::new();
        std::fs::write(folder.database(), &bytes[..length]).unwrap();
        let said = folder.refused();
        assert!(said.contains("is damaged"), "{length} of {} bytes: {said}", bytes.len());
    }
}
