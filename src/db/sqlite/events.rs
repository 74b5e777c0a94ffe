//! The events: every change of state of a job, in the order of the commits.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::{History, StateEvent};
use crate::domain::id::JobId;
use crate::domain::job::Job;

/// Writes the event of a change that has just been made to a row, and returns the job as it is now.
pub(super) fn record_change(transaction: &mut Transaction<'_>, seq: i64) -> Result<Job, Error> {
    let job = rows::job_by_seq(transaction.sql, seq)?;
    record(transaction, seq, &job)?;
    Ok(job)
}

/// Writes the event that a job is now as given.
pub(super) fn record(transaction: &mut Transaction<'_>, seq: i64, job: &Job) -> Result<(), Error> {
    let document = serde_json::to_string(job)?;
    let insert = "-- record_event\nINSERT INTO events (job, document) VALUES (?1, ?2)";
    let id = transaction.sql.prepare_cached(insert)?.insert(params![seq, document])?;
    let open = job.open_attempt().is_some();
    transaction.events.push(StateEvent { id: id.cast_unsigned(), job: job.id, state: job.state, open, document });
    Ok(())
}

/// The number of the last event; 0 before the first.
pub(super) fn last_id(sql: &Connection) -> Result<u64, Error> {
    // Of the sequence, not of the table: removing the newest job must not let the numbers go back.
    let query = "-- last_event\nSELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let id: Option<i64> = sql.prepare_cached(query)?.query_row([], |row| row.get(0)).optional()?;
    Ok(id.unwrap_or(0).cast_unsigned())
}

/// At most `limit` events after `after`, of one job or of all.
pub(super) fn after(sql: &Connection, after: u64, job: Option<JobId>, limit: u32) -> Result<History, Error> {
    let of_job = job.map(|job| job.to_string());
    let query = if job.is_some() {
        "-- events_of_job\nSELECT e.id, j.id, e.document FROM jobs j JOIN events e ON e.job = j.seq
         WHERE j.id = ?3 AND e.id > ?1 ORDER BY e.id LIMIT ?2"
    } else {
        "-- events_of_all\nSELECT e.id, j.id, e.document FROM events e JOIN jobs j ON j.seq = e.job
         WHERE e.id > ?1 AND ?3 IS NULL ORDER BY e.id LIMIT ?2"
    };
    let mut statement = sql.prepare_cached(query)?;
    let mut found = statement.query(params![after.cast_signed(), limit, of_job])?;
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        let document: String = row.get(2)?;
        let id: i64 = row.get(0)?;
        let (state, open) = rows::outline(&document)?;
        events.push(StateEvent { id: id.cast_unsigned(), job: rows::id(row, 1)?, state, open, document });
    }
    Ok(History { events, gone: after < gone_up_to(sql, job)? })
}

/// Up to which number events may be gone. Who follows one job misses nothing by the removal of others.
fn gone_up_to(sql: &Connection, job: Option<JobId>) -> Result<u64, Error> {
    let query = "-- events_gone\nSELECT max(id) FROM events_gone WHERE why = 'trimmed' OR ?1";
    let id: i64 = sql.prepare_cached(query)?.query_row([job.is_none()], |row| row.get(0))?;
    Ok(id.cast_unsigned())
}
