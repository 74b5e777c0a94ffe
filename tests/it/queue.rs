//! What the queue owes to callers who go away before they are answered.

use std::sync::Arc;
use std::time::Duration;

use transcoded::db::{Rules, SqliteStore, Store};
use transcoded::domain::id::JobId;
use transcoded::domain::job::{CancelReason, JobState, Mode};
use transcoded::domain::request::{JobSpec, Work};
use transcoded::domain::time::{ManualClock, Timestamp};
use transcoded::queue::{Grace, Queue};

use crate::harness::eventually;

const START: Timestamp = Timestamp::from_millis(1_769_860_800_000);

/// A queue with one job that runs.
async fn running(folder: &std::path::Path) -> (Queue, JobId) {
    let clock = Arc::new(ManualClock::at(START));
    let open = |on_commit| -> Result<Box<dyn Store>, _> {
        Ok(Box::new(SqliteStore::open(&folder.join("a.db"), Rules::default(), clock, on_commit)?))
    };
    let queue = Queue::open(tokio_util::sync::CancellationToken::new(), open).await.unwrap();
    let spec = JobSpec {
        input: "a.mp4".to_owned(),
        work: Work::Args(vec!["{output}/a".to_owned()]),
        mode: Mode::Graceful,
        priority: 0,
        labels: std::collections::BTreeMap::new(),
        timeout_seconds: 60,
        grace_seconds: 60,
        max_attempts: 1,
        run_at: None,
        verify: None,
        crash_safe: false,
    };
    let id = JobId::new(START, &[1; 10]);
    queue.submit(id, spec, None).await.unwrap();
    assert_eq!(queue.claim(1).await.unwrap().jobs.len(), 1);
    (queue, id)
}

#[tokio::test]
async fn a_cancel_reaches_the_attempt_even_if_who_asked_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (queue, id) = running(folder.path()).await;
    let entry = queue.entry(id).unwrap();
    {
        let cancel = queue.cancel(id, Grace::AtMost(Duration::ZERO));
        tokio::pin!(cancel);
        // Sent, and not waited for: as when a client hangs up.
        assert!(futures_util::poll!(&mut cancel).is_pending());
    }
    eventually("both tokens to be cancelled", || async {
        (entry.stop_token().is_cancelled() && entry.kill_token().is_cancelled()).then_some(())
    })
    .await;
    assert_eq!(entry.reason().get(), Some(&CancelReason::Client));
    assert_eq!(queue.job(id).await.unwrap().unwrap().state, JobState::Cancelling);
}
