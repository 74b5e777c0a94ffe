//! Out of the queue: claims, and the leases that they come with.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::events;
use super::writer::Transaction;
use crate::db::error::Error;
use crate::db::model::{Claimed, Claims, Renewal, Rules};
use crate::domain::id::Lease;
use crate::domain::job::AttemptEnd;
use crate::domain::time::Timestamp;

/// One turn in so many goes to the job that has waited longest, whatever its priority.
const TURN_OF_THE_PATIENT: u64 = 8;
/// How many jobs become due in one claim at most; the others do in the next.
const DUE: u32 = 1000;

/// The leases of this server: how long each lasts, on the steady clock in milliseconds.
pub(super) const LEASES: &str = "CREATE TEMP TABLE leases (lease INTEGER PRIMARY KEY, until INTEGER NOT NULL) STRICT";

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) time: Timestamp,
    pub(super) steady: Duration,
}

impl Now {
    fn lease_end(self, rules: &Rules) -> i64 {
        millis(self.steady + rules.lease)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Takes at most `limit` jobs, and counts how many more wait, at most `limit` of them.
pub(super) fn claim(transaction: &mut Transaction<'_>, limit: u32, rules: &Rules, now: Now) -> Result<Claims, Error> {
    let due = "-- jobs_that_are_due\nUPDATE jobs SET held = 0 WHERE seq IN
               (SELECT seq FROM jobs WHERE held = 1 AND run_at <= ?1 ORDER BY run_at LIMIT ?2)";
    transaction.sql.prepare_cached(due)?.execute(params![now.time.as_millis(), DUE])?;
    let mut claims = Claims::default();
    for _ in 0..limit {
        let Some(seq) = next_in_turn(transaction, rules, now)? else { break };
        claims.jobs.push(claim_one(transaction, seq, rules, now)?);
    }
    let waiting = "-- jobs_left_waiting\nSELECT count(*) FROM
                   (SELECT 1 FROM jobs INDEXED BY jobs_claimable WHERE state = 'queued' AND held = 0 LIMIT ?1)";
    claims.waiting = transaction.sql.prepare_cached(waiting)?.query_row([limit], |row| row.get(0))?;
    let next_due = "-- next_job_due\nSELECT min(run_at) FROM jobs WHERE held = 1";
    let next_due: Option<i64> = transaction.sql.prepare_cached(next_due)?.query_row([], |row| row.get(0))?;
    claims.next_due = next_due.map(Timestamp::from_millis);
    Ok(claims)
}

/// The next job: by priority, or now and then the one that has waited longest. Whose turn it is goes by the number of the
/// lease, which needs no memory and can't be restarted.
fn next_in_turn(transaction: &Transaction<'_>, rules: &Rules, now: Now) -> Result<Option<i64>, Error> {
    if (last_lease(transaction)? + 1).is_multiple_of(TURN_OF_THE_PATIENT) {
        let query = "-- job_that_waits_longest\nSELECT seq FROM jobs INDEXED BY jobs_waiting WHERE state = 'queued' AND held = 0
                     AND max(created_at, coalesce(run_at, 0)) <= ?1 ORDER BY max(created_at, coalesce(run_at, 0)), seq LIMIT 1";
        let since = now.time.as_millis().saturating_sub(millis(rules.patience));
        let longest: Option<i64> =
            transaction.sql.prepare_cached(query)?.query_row([since], |row| row.get(0)).optional()?;
        if longest.is_some() {
            return Ok(longest);
        }
    }
    // Named, as SQLite would think few jobs to be queued, and sort all of them.
    let query =
        "-- next_claimable_job\nSELECT seq FROM jobs INDEXED BY jobs_claimable WHERE state = 'queued' AND held = 0
                 ORDER BY priority DESC, seq LIMIT 1";
    Ok(transaction.sql.prepare_cached(query)?.query_row([], |row| row.get(0)).optional()?)
}

fn last_lease(transaction: &Transaction<'_>) -> Result<u64, Error> {
    let query = "-- last_lease\nSELECT seq FROM sqlite_sequence WHERE name = 'attempts'";
    let last: Option<i64> = transaction.sql.prepare_cached(query)?.query_row([], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(0).cast_unsigned())
}

fn claim_one(transaction: &mut Transaction<'_>, seq: i64, rules: &Rules, now: Now) -> Result<Claimed, Error> {
    let query = "-- lease_of_job\nSELECT lease FROM jobs WHERE seq = ?1";
    let open: Option<i64> = transaction.sql.prepare_cached(query)?.query_row([seq], |row| row.get(0))?;
    let lease = match open {
        Some(lease) => lease,
        None => start_attempt(transaction, seq, rules, now)?,
    };
    let update = "-- claim_job\nUPDATE jobs SET state = 'running', lease = ?2, run_at = NULL, error = NULL,
                  attempt = (SELECT number FROM attempts WHERE lease = ?2), started_at = coalesce(started_at, ?3)
                  WHERE seq = ?1 AND state = 'queued' RETURNING attempt, spec";
    let (attempt, spec): (u32, String) = transaction
        .sql
        .prepare_cached(update)?
        .query_row(params![seq, lease, now.time.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let job = events::record_change(transaction, seq)?;
    Ok(Claimed {
        job: job.id,
        spec: serde_json::from_str(&spec)?,
        attempt,
        lease: Lease::new(lease.cast_unsigned()),
        resumed: open.is_some(),
    })
}

fn start_attempt(transaction: &Transaction<'_>, seq: i64, rules: &Rules, now: Now) -> Result<i64, Error> {
    let insert = "-- start_attempt\nINSERT INTO attempts (job, number, started_at)
                  SELECT seq, attempt + 1, ?2 FROM jobs WHERE seq = ?1";
    let lease = transaction.sql.prepare_cached(insert)?.insert(params![seq, now.time.as_millis()])?;
    let forget = "-- forget_progress\nUPDATE jobs SET progress = NULL WHERE seq = ?1";
    transaction.sql.prepare_cached(forget)?.execute([seq])?;
    let hold = "-- take_lease\nINSERT INTO temp.leases (lease, until) VALUES (?1, ?2)";
    transaction.sql.prepare_cached(hold)?.execute(params![lease, now.lease_end(rules)])?;
    Ok(lease)
}

/// Renews leases that aren't over, and returns them.
pub(super) fn renew(
    transaction: &Transaction<'_>,
    renewals: &[Renewal],
    rules: &Rules,
    now: Now,
) -> Result<Vec<Lease>, Error> {
    let update = "-- renew_lease\nUPDATE temp.leases SET until = ?2 WHERE lease = ?1 AND until > ?3";
    let mut statement = transaction.sql.prepare_cached(update)?;
    let mut held = Vec::new();
    for Renewal { lease, .. } in renewals {
        let values = params![lease.number().cast_signed(), now.lease_end(rules), millis(now.steady)];
        if statement.execute(values)? == 1 {
            held.push(*lease);
        }
    }
    Ok(held)
}

/// Ends the attempts whose leases are over.
pub(super) fn expire(transaction: &mut Transaction<'_>, rules: &Rules, now: Now) -> Result<u64, Error> {
    let query = "-- leases_that_are_over\nSELECT lease FROM temp.leases WHERE until <= ?1 ORDER BY lease";
    let over = leases(transaction, query, &[&millis(now.steady)])?;
    end_all(transaction, &over, rules, now)
}

/// Ends the attempts that an earlier server left open.
pub(super) fn recover(transaction: &mut Transaction<'_>, rules: &Rules, now: Now) -> Result<u64, Error> {
    let query = "-- attempts_left_open\nSELECT lease FROM jobs WHERE lease IS NOT NULL
                 AND lease NOT IN (SELECT lease FROM temp.leases) ORDER BY lease";
    let left = leases(transaction, query, &[])?;
    end_all(transaction, &left, rules, now)
}

fn leases(transaction: &Transaction<'_>, query: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Lease>, Error> {
    let mut statement = transaction.sql.prepare_cached(query)?;
    let found = statement.query_map(values, |row| row.get::<_, i64>(0))?;
    found.map(|lease| Ok(Lease::new(lease?.cast_unsigned()))).collect()
}

fn end_all(transaction: &mut Transaction<'_>, leases: &[Lease], rules: &Rules, now: Now) -> Result<u64, Error> {
    for lease in leases {
        super::finishing::finish(transaction, *lease, &AttemptEnd::lost(), rules, now.time)?;
    }
    Ok(leases.len() as u64)
}

/// Lets go of a lease, which is over from now on.
pub(super) fn let_go(transaction: &Transaction<'_>, lease: Lease) -> Result<(), Error> {
    let delete = "-- let_go_of_lease\nDELETE FROM temp.leases WHERE lease = ?1";
    transaction.sql.prepare_cached(delete)?.execute([lease.number().cast_signed()])?;
    Ok(())
}

/// The job whose open attempt holds `lease`.
///
/// # Errors
/// [`Error::StaleLease`].
pub(super) fn job_of(transaction: &Transaction<'_>, lease: Lease) -> Result<i64, Error> {
    let query = "-- job_of_lease\nSELECT seq FROM jobs WHERE lease = ?1";
    let seq = transaction
        .sql
        .prepare_cached(query)?
        .query_row([lease.number().cast_signed()], |row| row.get(0))
        .optional()?;
    seq.ok_or(Error::StaleLease(lease))
}
