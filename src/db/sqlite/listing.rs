//! Looking at jobs: one, a page of them, those that aren't over, how many there are.

use rusqlite::{Connection, params_from_iter};

use super::events;
use super::page;
use super::rows::{self, COLUMNS};
use crate::db::error::Error;
use crate::db::model::{ListQuery, Page};
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobState};

pub(super) fn job(sql: &Connection, id: JobId) -> Result<Option<Job>, Error> {
    match rows::find(sql, id) {
        Ok(found) => rows::job_by_seq(sql, found.seq).map(Some),
        Err(Error::UnknownJob(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn list(sql: &Connection, query: &ListQuery) -> Result<Page, Error> {
    let (text, values) = page::statement(query, page::lead(sql, query)?);
    let mut jobs = Vec::new();
    let mut places: Vec<i64> = Vec::new();
    let mut statement = sql.prepare_cached(&text)?;
    let mut found = statement.query(params_from_iter(values))?;
    while let Some(row) = found.next()? {
        places.push(row.get(0)?);
        jobs.push(rows::job(sql, row)?);
    }
    let limit = query.limit as usize;
    let next = if jobs.len() > limit { limit.checked_sub(1).map(|last| places[last]) } else { None };
    jobs.truncate(limit);
    Ok(Page { jobs, next })
}

/// The jobs that aren't over, in order of submission, at most `limit` of them, those with an open attempt before the others;
/// and the last event before this look at them.
pub(super) fn unfinished(sql: &Connection, limit: u32) -> Result<(Vec<Job>, u64), Error> {
    let query = format!(
        "-- unfinished_jobs\nSELECT {COLUMNS} FROM jobs WHERE seq IN (
             SELECT seq FROM (SELECT seq FROM jobs WHERE lease IS NOT NULL ORDER BY lease LIMIT ?1)
             UNION SELECT seq FROM (SELECT seq FROM jobs WHERE finished_at IS NULL AND lease IS NULL ORDER BY seq LIMIT ?1)
         ) ORDER BY lease IS NULL, seq LIMIT ?1"
    );
    let mut statement = sql.prepare_cached(&query)?;
    let mut found = statement.query([limit])?;
    let mut jobs = Vec::new();
    let mut places: Vec<i64> = Vec::new();
    while let Some(row) = found.next()? {
        places.push(row.get(0)?);
        jobs.push(rows::job(sql, row)?);
    }
    let mut ordered: Vec<_> = places.into_iter().zip(jobs).collect();
    ordered.sort_by_key(|(place, _)| *place);
    Ok((ordered.into_iter().map(|(_, job)| job).collect(), events::last_id(sql)?))
}

/// The ids of all jobs that aren't over.
pub(super) fn unfinished_ids(sql: &Connection) -> Result<Vec<JobId>, Error> {
    let query = "-- ids_of_unfinished_jobs\nSELECT id FROM jobs WHERE finished_at IS NULL ORDER BY seq";
    let mut statement = sql.prepare_cached(query)?;
    let mut found = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = found.next()? {
        ids.push(rows::id(row, 0)?);
    }
    Ok(ids)
}

/// Whether a job that isn't over has the input of that name.
pub(super) fn is_input_needed(sql: &Connection, input: &str) -> Result<bool, Error> {
    let query = "-- unfinished_job_of_input\nSELECT seq FROM jobs INDEXED BY jobs_unfinished
                 WHERE finished_at IS NULL AND json_extract(spec, '$.input') = ?1 LIMIT 1";
    Ok(sql.prepare_cached(query)?.exists([input])?)
}

/// How many jobs are in each state.
pub(super) fn counts(sql: &Connection) -> Result<Vec<(JobState, u64)>, Error> {
    let mut statement = sql.prepare_cached("-- count_jobs\nSELECT state, jobs FROM job_counts")?;
    let counts = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut found = Vec::new();
    for count in counts {
        let (name, count) = count?;
        found.extend(JobState::of_name(&name).map(|state| (state, count.cast_unsigned())));
    }
    Ok(found)
}
