//! From rows to jobs.

use rusqlite::{Connection, Row};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::db::error::Error;
use crate::domain::id::JobId;
use crate::domain::job::{Attempt, Job, JobState, Output};
use crate::domain::request::JobSpec;
use crate::domain::time::Timestamp;

/// The columns that [`job`] reads, in its order.
pub(super) const COLUMNS: &str =
    "seq, id, state, spec, progress, outputs, cancellation, error, created_at, started_at, finished_at, run_at";

/// Reads the job in `row`, and its attempts.
pub(super) fn job(sql: &Connection, row: &Row<'_>) -> Result<Job, Error> {
    let spec: JobSpec = document(row, 3)?.ok_or_else(|| missing(3))?;
    let outputs: Option<Vec<Output>> = document(row, 5)?;
    let submitted = Job::submitted(id(row, 1)?, spec, Timestamp::from_millis(row.get(8)?));
    Ok(Job {
        state: state(row, 2)?,
        progress: document(row, 4)?,
        outputs: outputs.unwrap_or(submitted.outputs),
        attempts: attempts(sql, row.get(0)?)?,
        cancellation: document(row, 6)?,
        error: document(row, 7)?,
        started_at: time(row, 9)?,
        finished_at: time(row, 10)?,
        run_at: time(row, 11)?,
        ..submitted
    })
}

/// The job at a place in the order of submission, which must exist.
pub(super) fn job_by_seq(sql: &Connection, seq: i64) -> Result<Job, Error> {
    let mut statement = sql.prepare_cached(&format!("-- job_by_seq\nSELECT {COLUMNS} FROM jobs WHERE seq = ?1"))?;
    let mut found = statement.query([seq])?;
    let row = found.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    job(sql, row)
}

/// Where a job is, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Its id.
    pub(super) id: JobId,
    /// Its place in the order of submission.
    pub(super) seq: i64,
    /// Its state.
    pub(super) state: JobState,
    /// Whether an attempt of it is open.
    pub(super) open: bool,
}

impl Found {
    /// The error that what was wanted can't be done in its state.
    pub(super) const fn wrong_state(&self) -> Error {
        Error::WrongState { job: self.id, state: self.state }
    }
}

/// Finds a job.
///
/// # Errors
/// [`Error::UnknownJob`].
pub(super) fn find(sql: &Connection, id: JobId) -> Result<Found, Error> {
    let query = "-- find_job\nSELECT seq, state, lease IS NOT NULL FROM jobs WHERE id = ?1";
    let mut statement = sql.prepare_cached(query)?;
    let mut found = statement.query([id.to_string()])?;
    let row = found.next()?.ok_or(Error::UnknownJob(id))?;
    Ok(Found { id, seq: row.get(0)?, state: state(row, 1)?, open: row.get(2)? })
}

fn attempts(sql: &Connection, seq: i64) -> Result<Vec<Attempt>, Error> {
    let query = "-- attempts_of_job\nSELECT number, started_at, finished_at, outcome, exit_code, signal, error
                 FROM attempts WHERE job = ?1 ORDER BY number";
    let mut statement = sql.prepare_cached(query)?;
    let mut found = statement.query([seq])?;
    let mut attempts = Vec::new();
    while let Some(row) = found.next()? {
        let outcome: Option<String> = row.get(3)?;
        attempts.push(Attempt {
            number: row.get(0)?,
            started_at: Timestamp::from_millis(row.get(1)?),
            finished_at: time(row, 2)?,
            outcome: outcome.map(|name| serde_json::from_value(name.into())).transpose()?,
            exit_code: row.get(4)?,
            signal: row.get(5)?,
            error: document(row, 6)?,
        });
    }
    Ok(attempts)
}

/// The id in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<JobId, Error> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| missing(column).into())
}

fn state(row: &Row<'_>, column: usize) -> Result<JobState, Error> {
    let name: String = row.get(column)?;
    JobState::of_name(&name).ok_or_else(|| missing(column).into())
}

/// The state of a job in its document and whether an attempt is open, without reading the rest.
pub(super) fn outline(document: &str) -> Result<(JobState, bool), Error> {
    #[derive(Deserialize)]
    struct Outline {
        state: JobState,
        attempts: Vec<Ended>,
    }
    #[derive(Deserialize)]
    struct Ended {
        finished_at: Option<Timestamp>,
    }
    let outline: Outline = serde_json::from_str(document)?;
    Ok((outline.state, outline.attempts.last().is_some_and(|attempt| attempt.finished_at.is_none())))
}

/// The document in a column that may be NULL.
pub(super) fn document<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

fn time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Error> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

fn missing(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "a value of ours".into(), rusqlite::types::Type::Text)
}
