//! The end of an attempt and what it means for the job, and putting right what a crash left behind.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::error::Error;
use super::events;
use super::rows;
use super::writer::Transaction;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::id::JobId;
use crate::domain::job::{
    AttemptOutcome, CancelMethod, CancelReason, Cancellation, Job, JobProgress, JobState, Mode, Output,
};
use crate::domain::time::Timestamp;

/// How an attempt ended, with what ffmpeg said of itself.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// How it ended.
    pub ending: Ending,
    /// ffmpeg's exit code, if it ran and exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended ffmpeg, if one did.
    pub signal: Option<i32>,
    /// How far it got.
    pub progress: Option<JobProgress>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// With these outputs, checked and published.
    Succeeded(Vec<Output>),
    /// With a failure, to be tried again where that may help and attempts are left.
    Failed(Failure),
    /// It was stopped.
    Stopped {
        /// Why; by a shutdown, the job goes back to the queue.
        reason: CancelReason,
        /// What ended ffmpeg.
        method: CancelMethod,
        /// Milliseconds from the request until ffmpeg was gone.
        drain_ms: u64,
        /// What was published of it.
        outputs: Vec<Output>,
        /// Why there is less than one could hope for.
        note: Option<Failure>,
    },
}

/// What the job's row becomes.
struct Verdict {
    state: JobState,
    outcome: AttemptOutcome,
    outputs: Option<Vec<Output>>,
    cancellation: Option<Cancellation>,
    error: Option<Failure>,
}

pub(super) fn finish(
    transaction: &mut Transaction<'_>,
    id: JobId,
    attempt: u32,
    end: AttemptEnd,
    now: Timestamp,
) -> Result<Job, Error> {
    let query = "-- attempt_to_finish\nSELECT seq FROM jobs WHERE id = ?1 AND attempt = ?2 AND state IN ('running', 'cancelling')";
    let seq: Option<i64> = transaction
        .sql
        .prepare_cached(query)?
        .query_row(params![id.to_string(), attempt], |row| row.get(0))
        .optional()?;
    let seq = seq.ok_or(Error::StaleAttempt { job: id, attempt })?;
    let job = rows::job_by_seq(transaction.sql, seq)?;
    let failed_before = job.attempts.iter().filter(|attempt| attempt.outcome == Some(AttemptOutcome::Failed)).count();
    let attempts_left = (failed_before + 1) < job.max_attempts as usize;
    let error = match &end.ending {
        Ending::Failed(failure) => Some(failure.clone()),
        _ => None,
    };
    let verdict = judge(&job, end.ending, attempts_left, now);
    close_attempt(transaction, seq, attempt, verdict.outcome, (end.exit_code, end.signal), error.as_ref(), now)?;
    apply(transaction, seq, job.state, &verdict, end.progress.as_ref(), now)
}

/// Decides what an attempt's end means for its job. A job that was asked to stop is cancelled, whatever else happened.
fn judge(job: &Job, ending: Ending, attempts_left: bool, now: Timestamp) -> Verdict {
    let kept = |mut outputs: Vec<Output>| {
        for output in &mut outputs {
            output.publish(job.id);
        }
        Some(outputs).filter(|outputs| !outputs.is_empty())
    };
    let asked_to_stop = job.cancellation.clone().filter(|_| job.state == JobState::Cancelling);
    match (asked_to_stop, ending) {
        (None, Ending::Succeeded(outputs)) => Verdict {
            state: JobState::Succeeded,
            outcome: AttemptOutcome::Succeeded,
            outputs: kept(outputs),
            cancellation: None,
            error: None,
        },
        (None, Ending::Failed(failure)) => {
            let again = failure.retryable && attempts_left;
            Verdict {
                state: if again { JobState::Queued } else { JobState::Failed },
                outcome: AttemptOutcome::Failed,
                outputs: None,
                cancellation: None,
                error: Some(failure),
            }
        }
        (None, Ending::Stopped { reason: CancelReason::Shutdown, .. }) => Verdict {
            state: JobState::Queued,
            outcome: AttemptOutcome::Interrupted,
            outputs: None,
            cancellation: None,
            error: None,
        },
        (None, Ending::Stopped { reason, method, drain_ms, outputs, note }) => {
            let requested_at = Timestamp::from_millis(now.as_millis() - i64::try_from(drain_ms).unwrap_or(0));
            let cancellation = Cancellation { requested_at, reason, method: Some(method), drain_ms: Some(drain_ms) };
            let message = format!("it was stopped after {} seconds, its timeout_seconds", job.timeout_seconds);
            let timeout = (reason == CancelReason::Timeout).then(|| Failure::new(FailureCode::Timeout, message));
            cancelled(kept(outputs), cancellation, timeout.or(note))
        }
        (Some(asked), Ending::Stopped { method, drain_ms, outputs, note, .. }) => {
            cancelled(kept(outputs), Cancellation { method: Some(method), drain_ms: Some(drain_ms), ..asked }, note)
        }
        // It was over before the request could reach it; what it made is kept only in the mode that keeps things.
        (Some(asked), Ending::Succeeded(outputs)) => {
            let outputs = if job.mode == Mode::Graceful { kept(outputs) } else { None };
            cancelled(outputs, over_before(&asked, now), None)
        }
        (Some(asked), Ending::Failed(failure)) => cancelled(None, over_before(&asked, now), Some(failure)),
    }
}

fn cancelled(outputs: Option<Vec<Output>>, cancellation: Cancellation, error: Option<Failure>) -> Verdict {
    let state = JobState::Cancelled;
    Verdict { state, outcome: AttemptOutcome::Cancelled, outputs, cancellation: Some(cancellation), error }
}

fn over_before(asked: &Cancellation, now: Timestamp) -> Cancellation {
    let drain_ms = Some(now.millis_since(asked.requested_at));
    Cancellation { method: Some(CancelMethod::NotStarted), drain_ms, ..*asked }
}

fn close_attempt(
    transaction: &Transaction<'_>,
    seq: i64,
    attempt: u32,
    outcome: AttemptOutcome,
    (exit_code, signal): (Option<i32>, Option<i32>),
    error: Option<&Failure>,
    now: Timestamp,
) -> Result<(), Error> {
    let update =
        "-- close_attempt\nUPDATE attempts SET finished_at = ?3, outcome = ?4, exit_code = ?5, signal = ?6, error = ?7
                  WHERE job = ?1 AND number = ?2";
    let outcome = serde_json::to_value(outcome)?;
    let error = json(error)?;
    let fields = params![seq, attempt, now.as_millis(), outcome.as_str(), exit_code, signal, error];
    transaction.sql.prepare_cached(update)?.execute(fields)?;
    Ok(())
}

fn apply(
    transaction: &mut Transaction<'_>,
    seq: i64,
    from: JobState,
    verdict: &Verdict,
    progress: Option<&JobProgress>,
    now: Timestamp,
) -> Result<Job, Error> {
    debug_assert!(from.may_become(verdict.state), "{from} can't become {}", verdict.state);
    let update = "-- finish_job\nUPDATE jobs SET state = ?2, outputs = ?3, cancellation = ?4, error = ?5, progress = ?6, finished_at = ?7
                  WHERE seq = ?1 AND state = ?8";
    let changed = transaction.sql.prepare_cached(update)?.execute(params![
        seq,
        verdict.state.name(),
        json(verdict.outputs.as_ref())?,
        json(verdict.cancellation.as_ref())?,
        json(verdict.error.as_ref())?,
        json(progress)?,
        verdict.state.is_terminal().then_some(now.as_millis()),
        from.name(),
    ])?;
    debug_assert_eq!(changed, 1, "the state was read in this transaction");
    events::record_change(transaction, seq)
}

fn json<T: Serialize>(value: Option<&T>) -> Result<Option<String>, serde_json::Error> {
    value.map(serde_json::to_string).transpose()
}

/// Puts right what the end of an earlier server left behind: interrupted jobs go back to the queue, those that were
/// asked to stop are cancelled.
pub(super) fn recover(transaction: &mut Transaction<'_>, now: Timestamp) -> Result<u64, Error> {
    let query =
        "-- jobs_left_running\nSELECT id, attempt FROM jobs WHERE state IN ('running', 'cancelling') ORDER BY seq";
    let mut statement = transaction.sql.prepare_cached(query)?;
    let mut found = statement.query([])?;
    let mut left = Vec::new();
    while let Some(row) = found.next()? {
        left.push((rows::id(row, 0)?, row.get(1)?));
    }
    let count = left.len() as u64;
    for (id, attempt) in left {
        // ffmpeg dies with its server, so for a job that was to be stopped this was the stop.
        let ending = Ending::Stopped {
            reason: CancelReason::Shutdown,
            method: CancelMethod::Kill,
            drain_ms: 0,
            outputs: Vec::new(),
            note: None,
        };
        let end = AttemptEnd { ending, exit_code: None, signal: None, progress: None };
        finish(transaction, id, attempt, end, now)?;
    }
    Ok(count)
}
