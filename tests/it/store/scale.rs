//! A hundred thousand queued jobs and a million finished ones change the time of an operation by less than a factor of two.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use transcoded::db::{ListQuery, NewJob, Renewal, Retention, Rules, SqliteStore, Store};
use transcoded::domain::id::JobId;
use transcoded::domain::job::JobState;
use transcoded::domain::time::ManualClock;

use super::backend::{START, done, end, new_job};
use crate::harness::long_run;

/// How many jobs a database holds.
#[derive(Clone, Copy)]
struct Size {
    finished: u32,
    queued: u32,
}

const SMALL: Size = Size { finished: 20_000, queued: 2_000 };
const LARGE: Size = Size { finished: 1_000_000, queued: 100_000 };
const ROUNDS: usize = 101;
const RULES: Rules = Rules { most_queued: 1_000_000, ..super::backend::RULES };

/// What a job of two outputs asks for.
const SPEC: &str = r#"{"input":"films/2026/the-long-one.mp4","work":{"outputs":[{"name":"film.mp4","preset":"h264-720p","container":"mp4","video":{"codec":"h264","width":1280,"height":720,"crf":23,"speed":"medium"},"audio":{"codec":"aac","bitrate_bps":128000,"channels":2},"trim":null},{"name":"sound.mp3","preset":null,"container":"mp3","video":{"codec":"none","speed":"medium"},"audio":{"codec":"mp3"},"trim":null}]},"mode":"graceful","priority":0,"labels":{"customer":"7","kind":"film"},"timeout_seconds":86400,"grace_seconds":120,"max_attempts":3}"#;
const OUTPUTS: &str = r#"[{"name":"film.mp4","preset":"h264-720p","container":"mp4","size_bytes":73400320,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","media":null,"partial":false,"playable":true,"url":"/v1/jobs/019234ab-5678-7def-8123-456789abcdef/outputs/film.mp4"},{"name":"sound.mp3","preset":null,"container":"mp3","size_bytes":3145728,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","media":null,"partial":false,"playable":true,"url":"/v1/jobs/019234ab-5678-7def-8123-456789abcdef/outputs/sound.mp3"}]"#;

/// Fills a new database: finished jobs with their attempts, labels and outputs, then queued ones of many priorities of which
/// a few wait for a time, and the events that are kept.
fn fill(path: &Path, size: Size) {
    drop(open(path));
    let database = Connection::open(path).unwrap();
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; BEGIN").unwrap();
    let all = size.finished + size.queued;
    let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)";
    // A job every ten seconds, the last one a while ago.
    let begun = START.as_millis() - i64::from(all + 100) * 10_000;
    let jobs = format!(
        "{numbers} INSERT INTO jobs (id, state, priority, attempt, spec, outputs, error, cancellation, created_at, started_at,
                                    finished_at, run_at, held)
         SELECT printf('%08x-%04x-7000-8000-%012x', n >> 16, n & 65535, n),
                CASE WHEN n > ?2 THEN 'queued' WHEN n % 10 THEN 'succeeded' WHEN n % 30 THEN 'failed' ELSE 'cancelled' END,
                CASE WHEN n > ?2 THEN n * 7 % 11 - 5 ELSE 0 END, n <= ?2, ?3, CASE WHEN n <= ?2 AND n % 10 THEN ?4 END, NULL, NULL,
                ?5 + n * 10000, CASE WHEN n <= ?2 THEN ?5 + n * 10000 + 5 END, CASE WHEN n <= ?2 THEN ?5 + n * 10000 + 60000 END,
                CASE WHEN n > ?2 AND n % 20 = 0 THEN ?5 + n * 10000 + 100000000000 END, n > ?2 AND n % 20 = 0
         FROM n"
    );
    database.execute(&jobs, params![all, size.finished, SPEC, OUTPUTS, begun]).unwrap();
    let attempts = "INSERT INTO attempts (job, number, started_at, finished_at, outcome, exit_code)
                    SELECT seq, 1, started_at, finished_at, state, 0 FROM jobs WHERE finished_at IS NOT NULL";
    database.execute(attempts, []).unwrap();
    // One label that all bear, one that a few do, one that only finished ones do.
    database.execute("INSERT INTO labels SELECT 'kind', 'film', seq FROM jobs", []).unwrap();
    database.execute("INSERT INTO labels SELECT 'customer', seq % 400, seq FROM jobs", []).unwrap();
    let events =
        "INSERT INTO events (job, document) SELECT seq, replace(replace(?1, '%id', id), '%state', state) FROM jobs
                  WHERE seq > ?2 - 50000";
    database.execute(events, params![document(), all]).unwrap();
    let keys = "INSERT INTO idempotency_keys (caller, key, request, job_id, created_at)
                SELECT '', 'key-' || seq, zeroblob(32), id, created_at FROM jobs WHERE seq > ?1 - 20000";
    database.execute(keys, [all]).unwrap();
    database.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// An event's document, with marks for the id and the state.
fn document() -> String {
    let spec: serde_json::Value = serde_json::from_str(SPEC).unwrap();
    let job = serde_json::json!({
        "id": "%id", "state": "%state", "mode": "graceful", "priority": 0, "labels": spec["labels"], "input": spec["input"],
        "timeout_seconds": 1, "grace_seconds": 1, "max_attempts": 3, "progress": null, "attempts": [], "cancellation": null,
        "outputs": serde_json::from_str::<serde_json::Value>(OUTPUTS).unwrap(), "error": null,
        "created_at": "2026-01-31T12:00:00.000Z", "started_at": null, "finished_at": null,
    });
    job.to_string()
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, RULES, Arc::new(ManualClock::at(START)), Box::new(drop)).unwrap()
}

/// A database and what has been measured of it.
struct Subject {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    size: Size,
    submitted: u64,
    times: Vec<(&'static str, Vec<Duration>)>,
}

impl Subject {
    fn new(size: Size) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("transcoded.db");
        let begun = Instant::now();
        fill(&path, size);
        let bytes = path.metadata().unwrap().len();
        eprintln!("{} jobs, {} MiB, made in {:?}", size.finished + size.queued, bytes >> 20, begun.elapsed());
        let mut subject = Self { store: open(&path), _folder: folder, size, submitted: 0, times: Vec::new() };
        for _ in 0..3 {
            drop(std::mem::replace(&mut subject.store, open(&path.with_file_name("other.db"))));
            let begun = Instant::now();
            subject.store = open(&path);
            subject.note("open, as after a clean end", begun);
        }
        subject
    }

    fn note(&mut self, what: &'static str, begun: Instant) {
        let took = begun.elapsed();
        match self.times.iter_mut().find(|(name, _)| *name == what) {
            Some((_, times)) => times.push(took),
            None => self.times.push((what, vec![took])),
        }
    }

    async fn start_up(&mut self) {
        let begun = Instant::now();
        self.store.recover().await.unwrap();
        self.note("recover", begun);
        let begun = Instant::now();
        let unfinished = self.store.unfinished_ids().await.unwrap().len();
        assert!(unfinished >= self.size.queued as usize);
        self.note("ids of unfinished jobs", begun);
    }

    async fn changes(&mut self) {
        self.submitted += 1;
        let mut random = [9; 10];
        random[2..].copy_from_slice(&self.submitted.to_be_bytes());
        let mut new = NewJob { id: JobId::new(START, &random), ..new_job(1, 0) };
        new.spec = serde_json::from_str(SPEC).unwrap();
        let begun = Instant::now();
        self.store.submit(new).await.unwrap();
        self.note("submit", begun);
        let begun = Instant::now();
        let claims = self.store.claim(1).await.unwrap();
        self.note("claim", begun);
        let lease = claims.jobs[0].lease;
        let begun = Instant::now();
        self.store.renew(vec![Renewal { lease, progress: None }]).await.unwrap();
        self.note("renew", begun);
        let begun = Instant::now();
        self.store.finish(lease, end(done())).await.unwrap();
        self.note("finish", begun);
        let begun = Instant::now();
        let kept = Duration::from_hours(1);
        // As much to remove in either: jobs up to the limit of a step, and no events.
        let retention = Retention { succeeded: Some(kept), failed: None, cancelled: None, most_events: 1_000_000 };
        assert_eq!(self.store.tidy(retention).await.unwrap().jobs.len(), 50);
        self.note("tidy step of 50 jobs", begun);
    }

    async fn looks(&mut self) {
        let middle = i64::from(self.size.finished / 2);
        let label = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let all = ListQuery { limit: 50, ..ListQuery::default() };
        let (film, customer) = (label("kind", "film"), label("customer", "7"));
        for (what, query) in [
            ("page", all.clone()),
            ("page from the middle", ListQuery { before: Some(middle), ..all.clone() }),
            ("page of a state", ListQuery { state: Some(JobState::Failed), ..all.clone() }),
            ("page of the queue", ListQuery { state: Some(JobState::Queued), ..all.clone() }),
            ("page of a label that all bear", ListQuery { labels: film.clone(), ..all.clone() }),
            ("page of a label that few bear", ListQuery { labels: customer.clone(), ..all.clone() }),
            ("page of both labels", ListQuery { labels: [film.clone(), customer.clone()].concat(), ..all.clone() }),
            (
                "page of a state and a common label",
                ListQuery { state: Some(JobState::Failed), labels: film.clone(), ..all.clone() },
            ),
            (
                "page of a state and a rare label",
                ListQuery { state: Some(JobState::Succeeded), labels: customer, ..all.clone() },
            ),
            ("page of no job", ListQuery { state: Some(JobState::Paused), labels: film, ..all }),
        ] {
            let begun = Instant::now();
            let jobs = self.store.list(query).await.unwrap().jobs.len();
            self.note(what, begun);
            assert_eq!(jobs, if what == "page of no job" { 0 } else { 50 }, "{what}");
        }
        let begun = Instant::now();
        self.store.counts().await.unwrap();
        self.note("counts", begun);
        let begun = Instant::now();
        let (jobs, last) = self.store.unfinished(1000).await.unwrap();
        self.note("snapshot of 1000", begun);
        assert_eq!(jobs.len(), 1000);
        let begun = Instant::now();
        self.store.events_after(last - 300, None, 100).await.unwrap();
        self.note("events", begun);
        let id = jobs[500].id;
        let begun = Instant::now();
        self.store.job(id).await.unwrap();
        self.note("job", begun);
    }

    /// The median of each.
    fn medians(&self) -> Vec<(&'static str, Duration)> {
        let median = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort();
            times[times.len() / 2]
        };
        self.times.iter().map(|(what, times)| (*what, median(times))).collect()
    }
}

#[tokio::test]
async fn many_jobs_make_nothing_much_slower() {
    if !long_run() {
        return;
    }
    let (mut small, mut large) = (Subject::new(SMALL), Subject::new(LARGE));
    for round in 0..ROUNDS {
        if round % 20 == 0 {
            small.start_up().await;
            large.start_up().await;
        }
        small.changes().await;
        large.changes().await;
        small.looks().await;
        large.looks().await;
    }
    let (mut table, mut slow) = (String::new(), Vec::new());
    for ((what, small), (_, large)) in small.medians().into_iter().zip(large.medians()) {
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        writeln!(table, "{what:40} {small:>12.3?} {large:>12.3?} {ratio:>8.2}").unwrap();
        // What reads all that waits can't but take longer; a start has its own bound.
        let whole = ["ids of unfinished jobs", "open, as after a clean end"].contains(&what);
        if if whole { large > Duration::from_secs(5) } else { ratio >= 2.0 } {
            slow.push(what);
        }
    }
    eprintln!("{table}");
    assert!(slow.is_empty(), "{slow:?}\n{table}");
}
