//! What clients want of a job: to cancel, pause, resume, retry and remove it.

use rusqlite::{Connection, params};

use super::events;
use super::finishing::json;
use super::queueing;
use super::rows::{self, Found};
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::{CancelAnswer, Rules};
use crate::domain::id::JobId;
use crate::domain::job::{self, CancelMethod, CancelReason, Cancellation, Decision, Job, OnCancel, Output};
use crate::domain::time::Timestamp;

pub(super) fn cancel(transaction: &mut Transaction<'_>, id: JobId, now: Timestamp) -> Result<CancelAnswer, Error> {
    let found = rows::find(transaction.sql, id)?;
    let asked = |method, drain_ms| Cancellation { requested_at: now, reason: CancelReason::Client, method, drain_ms };
    match job::on_cancel(found.state, found.open) {
        OnCancel::CancelNow => {
            let update =
                "-- cancel_job\nUPDATE jobs SET state = 'cancelled', cancellation = ?2, finished_at = ?3, held = 0,
                          run_at = NULL WHERE seq = ?1 AND lease IS NULL";
            let cancellation = json(Some(&asked(Some(CancelMethod::NotStarted), Some(0))))?;
            let values = params![found.seq, cancellation, now.as_millis()];
            Ok(CancelAnswer::Cancelled(change(transaction, &found, update, values)?))
        }
        OnCancel::AskToStop => {
            let update = "-- ask_job_to_stop\nUPDATE jobs SET state = 'cancelling', cancellation = ?2, held = 0
                          WHERE seq = ?1 AND lease IS NOT NULL";
            let cancellation = json(Some(&asked(None, None)))?;
            Ok(CancelAnswer::Stopping(change(transaction, &found, update, params![found.seq, cancellation])?))
        }
        OnCancel::AskedBefore => Ok(CancelAnswer::Stopping(now_of(transaction.sql, &found)?)),
        OnCancel::CancelledBefore => Ok(CancelAnswer::AlreadyCancelled(now_of(transaction.sql, &found)?)),
        OnCancel::TooLate => Ok(CancelAnswer::TooLate(now_of(transaction.sql, &found)?)),
    }
}

pub(super) fn pause(transaction: &mut Transaction<'_>, id: JobId) -> Result<Job, Error> {
    let found = rows::find(transaction.sql, id)?;
    let update = "-- pause_job\nUPDATE jobs SET state = 'paused', held = 0 WHERE seq = ?1";
    decide(transaction, &found, job::may_pause(found.state), update, params![found.seq])
}

pub(super) fn resume(transaction: &mut Transaction<'_>, id: JobId, now: Timestamp) -> Result<Job, Error> {
    let found = rows::find(transaction.sql, id)?;
    let update = "-- resume_job\nUPDATE jobs SET state = 'queued', held = coalesce(run_at > ?2 AND lease IS NULL, 0)
                  WHERE seq = ?1";
    decide(transaction, &found, job::may_resume(found.state), update, params![found.seq, now.as_millis()])
}

pub(super) fn retry(transaction: &mut Transaction<'_>, id: JobId, rules: &Rules) -> Result<Job, Error> {
    let found = rows::find(transaction.sql, id)?;
    let decision = job::may_retry(found.state);
    if decision == Decision::Do {
        queueing::check_room(transaction.sql, rules)?;
    }
    let update =
        "-- retry_job\nUPDATE jobs SET state = 'queued', fresh_after = attempt, outputs = NULL, cancellation = NULL,
                  error = NULL, progress = NULL, run_at = NULL, finished_at = NULL WHERE seq = ?1";
    decide(transaction, &found, decision, update, params![found.seq])
}

pub(super) fn salvaged(
    transaction: &mut Transaction<'_>,
    id: JobId,
    attempt: u32,
    outputs: &[Output],
) -> Result<Job, Error> {
    let found = rows::find(transaction.sql, id)?;
    let last = now_of(transaction.sql, &found)?.attempts.last().map_or(0, |attempt| attempt.number);
    let decision = if last == attempt { job::may_salvage(found.state) } else { Decision::Refuse };
    let update = "-- salvaged_job\nUPDATE jobs SET outputs = ?2 WHERE seq = ?1";
    decide(transaction, &found, decision, update, params![found.seq, json(Some(&outputs))?])
}

/// Removes a job that is over, with its attempts, labels and events.
pub(super) fn purge(transaction: &mut Transaction<'_>, id: JobId) -> Result<(), Error> {
    let found = rows::find(transaction.sql, id)?;
    if !found.state.is_terminal() {
        return Err(found.wrong_state());
    }
    remove(transaction.sql, &found)
}

/// Removes a job's rows. What remembers it longer keeps what it needs: its idempotency key the job as it was, and the
/// history how far it has a gap.
pub(super) fn remove(sql: &Connection, found: &Found) -> Result<(), Error> {
    // Not from its last event, which the bound of the history may have removed before.
    let job = serde_json::to_string(&now_of(sql, found)?)?;
    let keys = "-- keep_job_for_its_key\nUPDATE idempotency_keys SET removed = ?2 WHERE job_id = ?1";
    sql.prepare_cached(keys)?.execute(params![found.id.to_string(), job])?;
    let gap = "-- note_gap_of_removed_job\nUPDATE events_gone SET
               id = max(id, coalesce((SELECT max(id) FROM events WHERE job = ?1), 0)) WHERE why = 'removed'";
    sql.prepare_cached(gap)?.execute([found.seq])?;
    sql.prepare_cached("-- remove_job\nDELETE FROM jobs WHERE seq = ?1")?.execute([found.seq])?;
    Ok(())
}

fn decide(
    transaction: &mut Transaction<'_>,
    found: &Found,
    decision: Decision,
    update: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Job, Error> {
    match decision {
        Decision::Do => change(transaction, found, update, values),
        Decision::DoneBefore => now_of(transaction.sql, found),
        Decision::Refuse => Err(found.wrong_state()),
    }
}

fn change(
    transaction: &mut Transaction<'_>,
    found: &Found,
    update: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Job, Error> {
    let changed = transaction.sql.prepare_cached(update)?.execute(values)?;
    debug_assert_eq!(changed, 1, "the row was read in this transaction");
    events::record_change(transaction, found.seq)
}

fn now_of(sql: &Connection, found: &Found) -> Result<Job, Error> {
    rows::job_by_seq(sql, found.seq)
}
