//! What the store promises, tried on a real file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::id::JobId;
use crate::domain::job::{AttemptOutcome, CancelMethod, CancelReason, JobState, Mode};
use crate::domain::request::{JobSpec, Work};
use crate::domain::time::Timestamp;

struct Fixture {
    store: Store,
    committed: Arc<Mutex<Vec<StateEvent>>>,
    folder: tempfile::TempDir,
}

const NOW: Timestamp = Timestamp::from_millis(1_770_000_000_000);

fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

impl Fixture {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn open(folder: tempfile::TempDir) -> Self {
        let committed: Arc<Mutex<Vec<StateEvent>>> = Arc::default();
        let told = Arc::clone(&committed);
        let store =
            Store::open(&folder.path().join("a.db"), move |events| told.lock().unwrap().extend(events)).unwrap();
        Self { store, committed, folder }
    }

    /// Closes the store and opens it again, as the next server would.
    fn reopen(self) -> Self {
        let Self { store, folder, .. } = self;
        drop(store);
        Self::open(folder)
    }

    async fn submit(&self, number: u8) -> JobId {
        self.store.submit(new(number, 0)).await.unwrap().job.id
    }

    async fn claim_one(&self) -> Claimed {
        self.store.claim(1, NOW).await.unwrap().0.remove(0)
    }

    async fn state(&self, job: JobId) -> JobState {
        self.store.job(job).await.unwrap().unwrap().state
    }
}

fn new(number: u8, priority: i32) -> NewJob {
    let spec = JobSpec {
        input: "a.mp4".into(),
        work: Work::Outputs(Vec::new()),
        mode: Mode::Graceful,
        priority,
        labels: BTreeMap::from([("n".to_owned(), number.to_string())]),
        timeout_seconds: 60,
        grace_seconds: 120,
        max_attempts: 2,
    };
    NewJob { id: JobId::new(NOW, &[number; 10]), spec, created_at: NOW, idempotency: None }
}

fn end(ending: Ending) -> AttemptEnd {
    AttemptEnd { ending, exit_code: Some(0), signal: None, progress: None }
}

fn stopped(reason: CancelReason) -> AttemptEnd {
    end(Ending::Stopped { reason, method: CancelMethod::Quit, drain_ms: 7, outputs: Vec::new(), note: None })
}

#[tokio::test]
async fn a_submitted_job_is_there_after_a_restart() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    let before = fixture.store.job(job).await.unwrap();
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.job(job).await.unwrap(), before);
}

#[tokio::test]
async fn higher_priority_comes_first_and_equal_ones_in_order() {
    let fixture = Fixture::new();
    for (number, priority) in [(1, 0), (2, 5), (3, 0), (4, -5), (5, 5)] {
        fixture.store.submit(new(number, priority)).await.unwrap();
    }
    let (claimed, waiting) = fixture.store.claim(4, NOW).await.unwrap();
    let order: Vec<_> = claimed.iter().map(|claimed| claimed.spec.labels["n"].as_str()).collect();
    assert_eq!((order, waiting), (vec!["2", "5", "1", "3"], 1));
}

#[tokio::test]
async fn a_stale_attempt_can_write_nothing() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    let first = fixture.claim_one().await;
    fixture.store.recover(NOW).await.unwrap();
    let second = fixture.claim_one().await;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    let stale = fixture.store.finish(job, first.attempt, end(Ending::Succeeded(Vec::new())), NOW).await;
    assert!(matches!(stale, Err(Error::StaleAttempt { .. })));
    assert_eq!(fixture.state(job).await, JobState::Running);
    fixture.store.finish(job, second.attempt, end(Ending::Succeeded(Vec::new())), NOW).await.unwrap();
    let again = fixture.store.finish(job, second.attempt, end(Ending::Succeeded(Vec::new())), NOW).await;
    assert!(matches!(again, Err(Error::StaleAttempt { .. })));
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_until_the_attempts_are_used_up() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    let failure = || end(Ending::Failed(Failure::new(FailureCode::DiskFull, "the disk is full")));
    let claimed = fixture.claim_one().await;
    assert_eq!(fixture.store.finish(job, claimed.attempt, failure(), NOW).await.unwrap().state, JobState::Queued);
    // An interruption uses up no attempt.
    let claimed = fixture.claim_one().await;
    let interrupted = fixture.store.finish(job, claimed.attempt, stopped(CancelReason::Shutdown), NOW).await.unwrap();
    assert_eq!(interrupted.state, JobState::Queued);
    let claimed = fixture.claim_one().await;
    let over = fixture.store.finish(job, claimed.attempt, failure(), NOW).await.unwrap();
    assert_eq!(over.state, JobState::Failed);
    let outcomes: Vec<_> = over.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed, AttemptOutcome::Interrupted, AttemptOutcome::Failed]);
}

#[tokio::test]
async fn a_lasting_failure_fails_at_once() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    let claimed = fixture.claim_one().await;
    let failure = end(Ending::Failed(Failure::new(FailureCode::InputInvalid, "no media")));
    assert_eq!(fixture.store.finish(job, claimed.attempt, failure, NOW).await.unwrap().state, JobState::Failed);
}

#[tokio::test]
async fn a_cancel_asked_for_before_a_crash_is_honoured_after_it() {
    let fixture = Fixture::new();
    let (job, other) = (fixture.submit(1).await, fixture.submit(2).await);
    fixture.store.claim(2, NOW).await.unwrap();
    assert!(matches!(fixture.store.cancel(job, NOW).await.unwrap(), CancelAnswer::Stopping(_)));
    let fixture = fixture.reopen();
    assert_eq!(fixture.store.recover(later(5)).await.unwrap(), 2);
    assert_eq!(fixture.state(job).await, JobState::Cancelled);
    assert_eq!(fixture.state(other).await, JobState::Queued);
    assert_eq!(fixture.store.claim(2, NOW).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn cancelling_answers_by_the_jobs_state() {
    let fixture = Fixture::new();
    let (waiting, running) = (fixture.submit(2).await, fixture.submit(1).await);
    assert!(matches!(fixture.store.cancel(waiting, NOW).await.unwrap(), CancelAnswer::Cancelled(_)));
    assert!(matches!(fixture.store.cancel(waiting, NOW).await.unwrap(), CancelAnswer::AlreadyCancelled(_)));
    let claimed = fixture.claim_one().await;
    assert_eq!(claimed.job, running);
    for _ in 0..2 {
        assert!(matches!(fixture.store.cancel(running, NOW).await.unwrap(), CancelAnswer::Stopping(_)));
    }
    // It was done before the request reached it; it is cancelled all the same.
    let over = fixture.store.finish(running, 1, end(Ending::Succeeded(Vec::new())), later(9)).await.unwrap();
    assert_eq!(over.state, JobState::Cancelled);
    assert_eq!(over.cancellation.unwrap().drain_ms, Some(9));
    let unknown = JobId::new(NOW, &[9; 10]);
    assert!(matches!(fixture.store.cancel(unknown, NOW).await, Err(Error::UnknownJob(_))));
}

#[tokio::test]
async fn one_key_makes_one_job_however_often_it_is_sent() {
    let fixture = Fixture::new();
    let keyed = |number, request| NewJob {
        idempotency: Some(IdempotencyKey { key: "k".into(), request: [request; 32] }),
        ..new(number, 0)
    };
    let submits = (1..=50).map(|number| fixture.store.submit(keyed(number, 1)));
    let made = futures_util::future::join_all(submits).await;
    let ids: std::collections::HashSet<_> = made.iter().map(|made| made.as_ref().unwrap().job.id).collect();
    assert_eq!((ids.len(), made.iter().filter(|made| !made.as_ref().unwrap().replayed).count()), (1, 1));
    assert!(matches!(fixture.store.submit(keyed(51, 2)).await, Err(Error::KeyReused)));
    let day_after = NewJob { created_at: later(24 * 3600 * 1000 + 1), ..keyed(52, 2) };
    assert!(!fixture.store.submit(day_after).await.unwrap().replayed);
}

#[tokio::test]
async fn one_refused_write_undoes_nothing_of_its_neighbours() {
    let fixture = Fixture::new();
    // The same id twice in one batch: the second one breaks a rule of the table.
    let submits = [new(1, 0), new(1, 0), new(2, 0)].map(|job| fixture.store.submit(job));
    let made = futures_util::future::join_all(submits).await;
    assert_eq!(made.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(fixture.store.unfinished().await.unwrap().0.len(), 2);
    assert_eq!(fixture.committed.lock().unwrap().len(), 2, "no event for what was undone");
}

#[tokio::test]
async fn events_are_complete_in_order_and_never_renumbered() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    fixture.submit(2).await;
    fixture.claim_one().await;
    fixture.store.finish(job, 1, stopped(CancelReason::Timeout), NOW).await.unwrap();
    let told: Vec<u64> = fixture.committed.lock().unwrap().iter().map(|event| event.id).collect();
    assert_eq!(told, [1, 2, 3, 4]);
    let fixture = fixture.reopen();
    let states = |events: Vec<StateEvent>| events.into_iter().map(|event| (event.id, event.state)).collect::<Vec<_>>();
    let missed = states(fixture.store.events_after(1, Some(job), 10).await.unwrap());
    assert_eq!(missed, [(3, JobState::Running), (4, JobState::Cancelled)]);
    fixture.store.purge(job).await.unwrap();
    assert_eq!(states(fixture.store.events_after(0, None, 10).await.unwrap()), [(2, JobState::Queued)]);
    assert_eq!(fixture.store.unfinished().await.unwrap().1, 4, "purging the newest event lets no number come back");
    fixture.submit(3).await;
    assert_eq!(fixture.committed.lock().unwrap().last().unwrap().id, 5);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_jobs_arrive() {
    let fixture = Fixture::new();
    for number in 1..=5 {
        fixture.submit(number).await;
    }
    let page = |before, limit| fixture.store.list(ListQuery { before, limit, ..ListQuery::default() });
    let names = |page: &Page| page.jobs.iter().map(|job| job.labels["n"].clone()).collect::<Vec<_>>();
    let first = page(None, 2).await.unwrap();
    fixture.submit(6).await;
    let second = page(first.next, 3).await.unwrap();
    assert_eq!(
        (names(&first), names(&second)),
        (vec!["5".into(), "4".into()], vec!["3".into(), "2".into(), "1".into()])
    );
    assert_eq!(second.next, None);
    let labels = vec![("n".to_owned(), "3".to_owned())];
    let found = fixture.store.list(ListQuery { labels, limit: 9, ..ListQuery::default() }).await.unwrap();
    assert_eq!(names(&found), ["3"]);
    let none = fixture
        .store
        .list(ListQuery { state: Some(JobState::Failed), limit: 9, ..ListQuery::default() })
        .await
        .unwrap();
    assert!(none.jobs.is_empty());
}

#[tokio::test]
async fn only_jobs_that_are_over_can_be_removed() {
    let fixture = Fixture::new();
    let job = fixture.submit(1).await;
    assert!(matches!(fixture.store.purge(job).await, Err(Error::Unfinished(_))));
    fixture.store.cancel(job, NOW).await.unwrap();
    fixture.store.purge(job).await.unwrap();
    assert_eq!(fixture.store.job(job).await.unwrap(), None);
    assert!(matches!(fixture.store.purge(job).await, Err(Error::UnknownJob(_))));
}
