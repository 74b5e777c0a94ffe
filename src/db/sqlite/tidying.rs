//! Removing what has been kept for long enough, in small steps.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::queueing::KEY_LIFETIME_MS;
use super::requests::remove;
use super::rows;
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::{Retention, Tidied};
use crate::domain::job::JobState;
use crate::domain::time::Timestamp;

/// The most jobs that go in one step. Each has some events, attempts and labels.
const JOBS: u32 = 50;
/// The most events or keys that go in one step.
const ROWS: u32 = 500;

pub(super) fn tidy(transaction: &mut Transaction<'_>, retention: &Retention, now: Timestamp) -> Result<Tidied, Error> {
    let sql = transaction.sql;
    let mut tidied = Tidied::default();
    for (state, kept) in [
        (JobState::Succeeded, retention.succeeded),
        (JobState::Failed, retention.failed),
        (JobState::Cancelled, retention.cancelled),
    ] {
        if let Some(kept) = kept {
            remove_old_jobs(sql, state, kept, now, &mut tidied)?;
        }
    }
    tidied.more |= trim_events(sql, retention.most_events)?;
    tidied.more |= forget_keys(sql, now)?;
    Ok(tidied)
}

fn remove_old_jobs(
    sql: &Connection,
    state: JobState,
    kept: Duration,
    now: Timestamp,
    tidied: &mut Tidied,
) -> Result<(), Error> {
    let query = "-- jobs_kept_long_enough\nSELECT id FROM jobs WHERE state = ?1 AND finished_at IS NOT NULL AND finished_at < ?2
                 ORDER BY finished_at LIMIT ?3";
    let kept_ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    let before = now.as_millis().saturating_sub(kept_ms);
    let mut statement = sql.prepare_cached(query)?;
    let mut found = statement.query(params![state.name(), before, JOBS])?;
    let mut count = 0;
    while let Some(row) = found.next()? {
        tidied.jobs.push(rows::id(row, 0)?);
        count += 1;
    }
    for id in &tidied.jobs[tidied.jobs.len() - count..] {
        remove(sql, &rows::find(sql, *id)?)?;
    }
    tidied.more |= count == JOBS as usize;
    Ok(())
}

/// Removes the oldest events beyond the `most` that are kept. Whether there is more to be removed.
fn trim_events(sql: &Connection, most: u64) -> Result<bool, Error> {
    // Numbers are a bound for rows, as some are gone: so at most so many are kept, and counting isn't needed.
    let query = "-- newest_event_to_trim\nSELECT max(id) - ?1 FROM events";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let newest: Option<i64> = sql.prepare_cached(query)?.query_row([most], |row| row.get(0))?;
    let Some(newest) = newest.filter(|newest| *newest > 0) else { return Ok(false) };
    let gap = "-- note_gap_of_trimmed_events\nUPDATE events_gone SET id = max(id, coalesce(
               (SELECT max(id) FROM (SELECT id FROM events WHERE id <= ?1 ORDER BY id LIMIT ?2)), 0)) WHERE why = 'trimmed'";
    sql.prepare_cached(gap)?.execute(params![newest, ROWS])?;
    let delete =
        "-- trim_events\nDELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= ?1 ORDER BY id LIMIT ?2)";
    Ok(sql.prepare_cached(delete)?.execute(params![newest, ROWS])? == ROWS as usize)
}

/// Forgets idempotency keys that are too old. Whether there is more to be forgotten.
fn forget_keys(sql: &Connection, now: Timestamp) -> Result<bool, Error> {
    let delete = "-- forget_old_keys\nDELETE FROM idempotency_keys WHERE (caller, key) IN
                  (SELECT caller, key FROM idempotency_keys WHERE created_at < ?1 LIMIT ?2)";
    Ok(sql.prepare_cached(delete)?.execute(params![now.as_millis() - KEY_LIFETIME_MS, ROWS])? == ROWS as usize)
}
