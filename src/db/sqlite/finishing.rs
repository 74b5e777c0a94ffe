//! The end of an attempt.

use rusqlite::params;
use serde::Serialize;

use super::claiming::{job_of, let_go};
use super::events;
use super::rows;
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::Rules;
use crate::domain::id::Lease;
use crate::domain::job::{self, AttemptEnd, Job, Verdict};
use crate::domain::time::Timestamp;

/// Ends the attempt that holds `lease`.
///
/// # Errors
/// [`Error::StaleLease`] where its job has gone on without it.
pub(super) fn finish(
    transaction: &mut Transaction<'_>,
    lease: Lease,
    end: &AttemptEnd,
    rules: &Rules,
    now: Timestamp,
) -> Result<Job, Error> {
    let seq = job_of(transaction, lease)?;
    let before = rows::job_by_seq(transaction.sql, seq)?;
    let query = "-- fresh_after\nSELECT fresh_after FROM jobs WHERE seq = ?1";
    let fresh_after: u32 = transaction.sql.prepare_cached(query)?.query_row([seq], |row| row.get(0))?;
    let verdict = job::ended(&before, lease, end, fresh_after, &rules.retry, now);
    debug_assert!(
        before.state == verdict.state || before.state.may_become(verdict.state),
        "{} can't become {}",
        before.state,
        verdict.state
    );
    close_attempt(transaction, lease, &verdict, end, now)?;
    apply(transaction, seq, lease, &verdict, end, now)?;
    let_go(transaction, lease)?;
    events::record_change(transaction, seq)
}

fn close_attempt(
    transaction: &Transaction<'_>,
    lease: Lease,
    verdict: &Verdict,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<(), Error> {
    let update =
        "-- close_attempt\nUPDATE attempts SET finished_at = ?2, outcome = ?3, exit_code = ?4, signal = ?5, error = ?6
                  WHERE lease = ?1 AND outcome IS NULL";
    let error = verdict.error.as_ref().filter(|_| verdict.outcome == job::AttemptOutcome::Failed);
    let changed = transaction.sql.prepare_cached(update)?.execute(params![
        lease.number().cast_signed(),
        now.as_millis(),
        verdict.outcome.name(),
        end.exit_code,
        end.signal,
        json(error)?
    ])?;
    one(changed, lease)
}

fn apply(
    transaction: &Transaction<'_>,
    seq: i64,
    lease: Lease,
    verdict: &Verdict,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<(), Error> {
    let update = "-- finish_job\nUPDATE jobs SET state = ?3, lease = NULL, outputs = ?4, cancellation = ?5, error = ?6,
                  progress = ?7, run_at = ?8, held = ?8 IS NOT NULL AND ?3 = 'queued', finished_at = ?9
                  WHERE seq = ?1 AND lease = ?2";
    let changed = transaction.sql.prepare_cached(update)?.execute(params![
        seq,
        lease.number().cast_signed(),
        verdict.state.name(),
        json(verdict.outputs.as_ref())?,
        json(verdict.cancellation.as_ref())?,
        json(verdict.error.as_ref())?,
        json(end.progress.as_ref())?,
        verdict.run_at.map(Timestamp::as_millis),
        verdict.state.is_terminal().then_some(now.as_millis()),
    ])?;
    one(changed, lease)
}

/// A write for an attempt changes exactly one row.
fn one(changed: usize, lease: Lease) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::StaleLease(lease)) }
}

/// The document of a column that may be NULL.
pub(super) fn json<T: Serialize>(value: Option<&T>) -> Result<Option<String>, serde_json::Error> {
    value.map(serde_json::to_string).transpose()
}
