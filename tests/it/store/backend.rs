//! A store under test, with a clock that the test moves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use transcoded::db::{Claimed, NewJob, OnCommit, Rules, SqliteStore, StateEvent, Store};
use transcoded::domain::failure::{Failure, FailureCode};
use transcoded::domain::id::{JobId, Lease};
use transcoded::domain::job::{AttemptEnd, CancelMethod, CancelReason, Ending, Job, JobState, Mode, RetryPolicy};
use transcoded::domain::request::{JobSpec, Work};
use transcoded::domain::time::{Clock, ManualClock, Timestamp};

/// When the tests begin.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_769_860_800_000);

/// Something that a store can be opened on again and again.
pub(crate) trait Backend: Send {
    /// Opens the store; the one before is gone.
    fn open(&self, rules: Rules, clock: Arc<ManualClock>, on_commit: OnCommit) -> Box<dyn Store>;
}

/// A folder with an SQLite database.
pub(crate) struct Sqlite(tempfile::TempDir);

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Backend for Sqlite {
    fn open(&self, rules: Rules, clock: Arc<ManualClock>, on_commit: OnCommit) -> Box<dyn Store> {
        Box::new(SqliteStore::open(&self.0.path().join("test.db"), rules, clock, on_commit).unwrap())
    }
}

/// Rules whose times are easy to count with.
pub(crate) const RULES: Rules = Rules {
    retry: RetryPolicy { delay: Duration::from_secs(8), longest: Duration::from_secs(100), most_crashes: 3 },
    lease: Duration::from_secs(30),
    most_queued: 60,
    patience: Duration::from_mins(10),
};

/// A store, its clock, and what it has told of its commits.
pub(crate) struct World {
    backend: Box<dyn Backend>,
    pub(crate) store: Box<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    told: Arc<Mutex<Vec<StateEvent>>>,
    rules: Rules,
}

impl World {
    pub(crate) fn new(backend: Box<dyn Backend>) -> Self {
        Self::with_rules(backend, RULES)
    }

    pub(crate) fn with_rules(backend: Box<dyn Backend>, rules: Rules) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let told = Arc::new(Mutex::new(Vec::new()));
        let store = open(&*backend, rules, &clock, &told);
        Self { backend, store, clock, told, rules }
    }

    /// Ends this server as by SIGKILL and starts the next one, which puts right what was left.
    pub(crate) async fn restart(self) -> Self {
        let Self { backend, store, clock, told, rules } = self;
        drop(store);
        let store = open(&*backend, rules, &clock, &told);
        store.recover().await.unwrap();
        Self { backend, store, clock, told, rules }
    }

    /// Every event that was told so far, over all restarts.
    pub(crate) fn told(&self) -> Vec<StateEvent> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) async fn submit(&self, number: u8) -> JobId {
        self.submit_at(number, 0).await
    }

    pub(crate) async fn submit_at(&self, number: u8, priority: i32) -> JobId {
        self.store.submit(new_job(number, priority)).await.unwrap().job.id
    }

    /// Claims one job, which must be there.
    pub(crate) async fn claim(&self) -> Claimed {
        self.store.claim(1).await.unwrap().jobs.pop().expect("a job to claim")
    }

    pub(crate) async fn claims_nothing(&self) -> bool {
        self.store.claim(1).await.unwrap().jobs.is_empty()
    }

    pub(crate) async fn finish(&self, lease: Lease, ending: Ending) -> Job {
        self.store.finish(lease, end(ending)).await.unwrap()
    }

    pub(crate) async fn job(&self, job: JobId) -> Job {
        self.store.job(job).await.unwrap().expect("the job")
    }

    pub(crate) async fn state(&self, job: JobId) -> JobState {
        self.job(job).await.state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn open(
    backend: &dyn Backend,
    rules: Rules,
    clock: &Arc<ManualClock>,
    told: &Arc<Mutex<Vec<StateEvent>>>,
) -> Box<dyn Store> {
    let told = Arc::clone(told);
    backend.open(rules, Arc::clone(clock), Box::new(move |events| told.lock().unwrap().extend(events)))
}

pub(crate) fn id(number: u8) -> JobId {
    JobId::new(START, &[number; 10])
}

pub(crate) fn new_job(number: u8, priority: i32) -> NewJob {
    let spec = JobSpec {
        input: "a.mp4".into(),
        work: Work::Outputs(Vec::new()),
        mode: Mode::Graceful,
        priority,
        labels: BTreeMap::from([("n".to_owned(), number.to_string())]),
        timeout_seconds: 60,
        grace_seconds: 120,
        max_attempts: 2,
        run_at: None,
        verify: None,
        crash_safe: false,
    };
    NewJob { id: id(number), spec, idempotency: None }
}

pub(crate) fn end(ending: Ending) -> AttemptEnd {
    AttemptEnd { ending, exit_code: Some(0), signal: None, progress: None }
}

pub(crate) fn done() -> Ending {
    Ending::Succeeded(Vec::new())
}

pub(crate) fn stopped(reason: CancelReason) -> Ending {
    Ending::Stopped { reason, method: CancelMethod::Quit, drain_ms: 7, outputs: Vec::new(), note: None }
}

pub(crate) fn failed(code: FailureCode) -> Ending {
    Ending::Failed(Failure::new(code, "it failed"))
}
