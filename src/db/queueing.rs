//! Into the queue and out of it: submitting jobs and claiming them.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::Error;
use super::events;
use super::rows;
use super::writer::Transaction;
use crate::domain::id::JobId;
use crate::domain::job::Job;
use crate::domain::request::JobSpec;
use crate::domain::time::Timestamp;

/// How long an idempotency key is remembered, in milliseconds: a day.
const KEY_LIFETIME_MS: i64 = 24 * 3600 * 1000;

/// A job to be submitted.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it is to do.
    pub spec: JobSpec,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// The key under which a repetition of the submit finds this job.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key that makes a submit idempotent.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request.
    pub request: [u8; 32],
}

/// A submitted job.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// Whether it was there already, from an earlier submit with the same key and request.
    pub replayed: bool,
}

/// A job that a worker has taken to run.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job: JobId,
    /// What it is to do.
    pub spec: JobSpec,
    /// The number of this attempt.
    pub attempt: u32,
}

pub(super) fn submit(transaction: &mut Transaction<'_>, new: NewJob) -> Result<Submitted, Error> {
    if let Some(idempotency) = &new.idempotency {
        if let Some(job) = replayed(transaction.sql, idempotency, new.created_at)? {
            return Ok(Submitted { job, replayed: true });
        }
        keep(transaction.sql, idempotency, new.id, new.created_at)?;
    }
    let insert =
        "-- submit_job\nINSERT INTO jobs (id, state, priority, spec, created_at) VALUES (?1, 'queued', ?2, ?3, ?4)";
    let seq = transaction.sql.prepare_cached(insert)?.insert(params![
        new.id.to_string(),
        new.spec.priority,
        serde_json::to_string(&new.spec)?,
        new.created_at.as_millis()
    ])?;
    let label = "-- label_job\nINSERT INTO labels (key, value, job) VALUES (?1, ?2, ?3)";
    for (key, value) in &new.spec.labels {
        transaction.sql.prepare_cached(label)?.execute(params![key, value, seq])?;
    }
    let job = Job::submitted(new.id, new.spec, new.created_at);
    events::record(transaction, seq, &job)?;
    Ok(Submitted { job, replayed: false })
}

/// The job that the same key and request made before.
pub(super) fn replayed(sql: &Connection, idempotency: &IdempotencyKey, now: Timestamp) -> Result<Option<Job>, Error> {
    let query =
        "-- find_idempotency_key\nSELECT k.request, j.seq FROM idempotency_keys k JOIN jobs j ON j.id = k.job_id
                 WHERE k.key = ?1 AND k.created_at >= ?2";
    let oldest = now.as_millis() - KEY_LIFETIME_MS;
    let found: Option<([u8; 32], i64)> = sql
        .prepare_cached(query)?
        .query_row(params![idempotency.key, oldest], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((request, seq)) if request == idempotency.request => rows::job_by_seq(sql, seq).map(Some),
        Some(_) => Err(Error::KeyReused),
        None => Ok(None),
    }
}

/// Keeps the key for a new job, in place of one that is too old or whose job was purged, and forgets all that are too old.
fn keep(sql: &Connection, idempotency: &IdempotencyKey, job: JobId, now: Timestamp) -> Result<(), Error> {
    let forget = "-- forget_old_keys\nDELETE FROM idempotency_keys WHERE created_at < ?1";
    sql.prepare_cached(forget)?.execute([now.as_millis() - KEY_LIFETIME_MS])?;
    let insert = "-- keep_idempotency_key\nINSERT OR REPLACE INTO idempotency_keys (key, request, job_id, created_at) VALUES (?1, ?2, ?3, ?4)";
    let values = params![idempotency.key, idempotency.request, job.to_string(), now.as_millis()];
    sql.prepare_cached(insert)?.execute(values)?;
    Ok(())
}

/// Takes at most `limit` jobs, and counts how many more wait, at most `limit` of them.
pub(super) fn claim(
    transaction: &mut Transaction<'_>,
    limit: u32,
    now: Timestamp,
) -> Result<(Vec<Claimed>, u32), Error> {
    let query = "-- claimable_jobs\nSELECT seq FROM jobs WHERE state = 'queued' ORDER BY priority DESC, seq LIMIT ?1";
    let waiting: Vec<i64> =
        transaction.sql.prepare_cached(query)?.query_map([2 * limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let taken = waiting.len().min(limit as usize);
    let claimed = waiting[..taken].iter().map(|&seq| claim_one(transaction, seq, now)).collect::<Result<_, _>>()?;
    Ok((claimed, u32::try_from(waiting.len() - taken).unwrap_or(u32::MAX)))
}

fn claim_one(transaction: &mut Transaction<'_>, seq: i64, now: Timestamp) -> Result<Claimed, Error> {
    let update =
        "-- claim_job\nUPDATE jobs SET state = 'running', attempt = attempt + 1, progress = NULL, error = NULL,
                  started_at = coalesce(started_at, ?2) WHERE seq = ?1 AND state = 'queued' RETURNING attempt, spec";
    let (attempt, spec): (u32, String) = transaction
        .sql
        .prepare_cached(update)?
        .query_row(params![seq, now.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let insert = "-- start_attempt\nINSERT INTO attempts (job, number, started_at) VALUES (?1, ?2, ?3)";
    transaction.sql.prepare_cached(insert)?.execute(params![seq, attempt, now.as_millis()])?;
    let job = events::record_change(transaction, seq)?;
    Ok(Claimed { job: job.id, spec: serde_json::from_str(&spec)?, attempt })
}
