//! Into the queue: submits, and the keys that make them idempotent.

use rusqlite::{Connection, OptionalExtension, params};

use super::events;
use super::rows;
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::{IdempotencyKey, NewJob, Rules, Submitted};
use crate::domain::id::JobId;
use crate::domain::job::Job;
use crate::domain::time::Timestamp;

/// How long an idempotency key is remembered, in milliseconds: a day.
pub(super) const KEY_LIFETIME_MS: i64 = 24 * 3600 * 1000;

pub(super) fn submit(
    transaction: &mut Transaction<'_>,
    new: NewJob,
    rules: &Rules,
    now: Timestamp,
) -> Result<Submitted, Error> {
    if let Some(idempotency) = &new.idempotency
        && let Some(job) = replayed(transaction.sql, idempotency, now)?
    {
        return Ok(Submitted { job, replayed: true });
    }
    check_room(transaction.sql, rules)?;
    if let Some(idempotency) = &new.idempotency {
        keep(transaction.sql, idempotency, new.id, now)?;
    }
    let insert = "-- submit_job\nINSERT INTO jobs (id, state, priority, spec, created_at, run_at, held)
                  VALUES (?1, 'queued', ?2, ?3, ?4, ?5, coalesce(?5 > ?4, 0))";
    let seq = transaction.sql.prepare_cached(insert)?.insert(params![
        new.id.to_string(),
        new.spec.priority,
        serde_json::to_string(&new.spec)?,
        now.as_millis(),
        new.spec.run_at.map(Timestamp::as_millis),
    ])?;
    let label = "-- label_job\nINSERT INTO labels (key, value, job) VALUES (?1, ?2, ?3)";
    for (key, value) in &new.spec.labels {
        transaction.sql.prepare_cached(label)?.execute(params![key, value, seq])?;
    }
    let job = Job::submitted(new.id, new.spec, now);
    events::record(transaction, seq, &job)?;
    Ok(Submitted { job, replayed: false })
}

/// # Errors
/// [`Error::QueueFull`] where as many jobs wait as may.
pub(super) fn check_room(sql: &Connection, rules: &Rules) -> Result<(), Error> {
    let query = "-- count_queued_jobs\nSELECT jobs FROM job_counts WHERE state = 'queued'";
    let queued: i64 = sql.prepare_cached(query)?.query_row([], |row| row.get(0))?;
    let queued = queued.cast_unsigned();
    if queued < rules.most_queued { Ok(()) } else { Err(Error::QueueFull(queued)) }
}

/// The job that the same key and request made before, even if it is gone.
pub(super) fn replayed(sql: &Connection, idempotency: &IdempotencyKey, now: Timestamp) -> Result<Option<Job>, Error> {
    let query = "-- find_idempotency_key\nSELECT k.request, j.seq, k.removed FROM idempotency_keys k
                 LEFT JOIN jobs j ON j.id = k.job_id WHERE k.caller = ?1 AND k.key = ?2 AND k.created_at >= ?3";
    let oldest = now.as_millis() - KEY_LIFETIME_MS;
    let found: Option<([u8; 32], Option<i64>, Option<String>)> = sql
        .prepare_cached(query)?
        .query_row(params![idempotency.caller, idempotency.key, oldest], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    match found {
        Some((request, ..)) if request != idempotency.request => Err(Error::KeyReused),
        Some((_, Some(seq), _)) => rows::job_by_seq(sql, seq).map(Some),
        Some((_, None, Some(removed))) => Ok(Some(serde_json::from_str(&removed)?)),
        Some((_, None, None)) | None => Ok(None),
    }
}

/// Keeps the key for a new job, in place of one that is too old.
fn keep(sql: &Connection, idempotency: &IdempotencyKey, job: JobId, now: Timestamp) -> Result<(), Error> {
    let insert =
        "-- keep_idempotency_key\nINSERT OR REPLACE INTO idempotency_keys (caller, key, request, job_id, created_at)
                  VALUES (?1, ?2, ?3, ?4, ?5)";
    let IdempotencyKey { caller, key, request } = idempotency;
    sql.prepare_cached(insert)?.execute(params![caller, key, request, job.to_string(), now.as_millis()])?;
    Ok(())
}
