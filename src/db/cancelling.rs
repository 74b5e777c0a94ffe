//! Asking a job to stop, and removing one that is over.

use rusqlite::params;

use super::error::Error;
use super::events;
use super::rows;
use super::writer::Transaction;
use crate::domain::id::JobId;
use crate::domain::job::{CancelMethod, CancelReason, Cancellation, Job, JobState};
use crate::domain::time::Timestamp;

/// What became of a request to cancel, with the job as it is now.
#[derive(Clone, Debug)]
pub enum CancelAnswer {
    /// It was waiting and is cancelled.
    Cancelled(Job),
    /// It runs and is being stopped, by this request or an earlier one.
    Stopping(Job),
    /// It was cancelled before.
    AlreadyCancelled(Job),
    /// It is over, and wasn't cancelled.
    TooLate(Job),
}

pub(super) fn cancel(transaction: &mut Transaction<'_>, id: JobId, now: Timestamp) -> Result<CancelAnswer, Error> {
    let (seq, state) = rows::seq_and_state(transaction.sql, id)?.ok_or(Error::UnknownJob(id))?;
    let asked = |method, drain_ms| Cancellation { requested_at: now, reason: CancelReason::Client, method, drain_ms };
    match state {
        JobState::Queued => {
            let update = "-- cancel_queued_job\nUPDATE jobs SET state = 'cancelled', cancellation = ?2, finished_at = ?3 WHERE seq = ?1";
            let cancellation = serde_json::to_string(&asked(Some(CancelMethod::NotStarted), Some(0)))?;
            transaction.sql.prepare_cached(update)?.execute(params![seq, cancellation, now.as_millis()])?;
            Ok(CancelAnswer::Cancelled(events::record_change(transaction, seq)?))
        }
        JobState::Running => {
            let update = "-- ask_job_to_stop\nUPDATE jobs SET state = 'cancelling', cancellation = ?2 WHERE seq = ?1";
            let cancellation = serde_json::to_string(&asked(None, None))?;
            transaction.sql.prepare_cached(update)?.execute(params![seq, cancellation])?;
            Ok(CancelAnswer::Stopping(events::record_change(transaction, seq)?))
        }
        JobState::Cancelling => Ok(CancelAnswer::Stopping(rows::job_by_seq(transaction.sql, seq)?)),
        JobState::Cancelled => Ok(CancelAnswer::AlreadyCancelled(rows::job_by_seq(transaction.sql, seq)?)),
        JobState::Succeeded | JobState::Failed => Ok(CancelAnswer::TooLate(rows::job_by_seq(transaction.sql, seq)?)),
    }
}

/// Removes a job that is over, with its attempts, labels and events.
pub(super) fn purge(transaction: &mut Transaction<'_>, id: JobId) -> Result<(), Error> {
    let (seq, state) = rows::seq_and_state(transaction.sql, id)?.ok_or(Error::UnknownJob(id))?;
    if !state.is_terminal() {
        return Err(Error::Unfinished(id));
    }
    transaction.sql.prepare_cached("-- purge_job\nDELETE FROM jobs WHERE seq = ?1")?.execute([seq])?;
    Ok(())
}
