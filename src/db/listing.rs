//! Looking at jobs: one, a page of them, those that aren't over, how many there are.

use rusqlite::{Connection, params_from_iter};

use super::error::Error;
use super::events;
use super::rows::{self, COLUMNS};
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobState};

/// Which jobs a page is to hold, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs that bear all of these labels.
    pub labels: Vec<(String, String)>,
    /// Only jobs that were submitted before the one at this place in the order of submission.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// A page of jobs.
#[derive(Clone, Debug)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where the next page starts; `None` where there is nothing more.
    pub next: Option<i64>,
}

pub(super) fn job(sql: &Connection, id: JobId) -> Result<Option<Job>, Error> {
    rows::seq_and_state(sql, id)?.map(|(seq, _)| rows::job_by_seq(sql, seq)).transpose()
}

pub(super) fn list(sql: &Connection, query: &ListQuery) -> Result<Page, Error> {
    let mut conditions = vec!["TRUE".to_owned()];
    let mut values: Vec<rusqlite::types::Value> = Vec::new();
    if let Some(state) = query.state {
        values.push(state.name().to_owned().into());
        conditions.push(format!("state = ?{}", values.len()));
    }
    if let Some(before) = query.before {
        values.push(before.into());
        conditions.push(format!("seq < ?{}", values.len()));
    }
    for (key, value) in &query.labels {
        values.extend([key.clone().into(), value.clone().into()]);
        let n = values.len();
        conditions.push(format!("seq IN (SELECT job FROM labels WHERE key = ?{} AND value = ?{n})", n - 1));
    }
    // One more than asked for tells whether there is a next page.
    values.push(i64::from(query.limit + 1).into());
    let conditions = conditions.join(" AND ");
    let text = format!(
        "-- list_jobs\nSELECT {COLUMNS} FROM jobs WHERE {conditions} ORDER BY seq DESC LIMIT ?{}",
        values.len()
    );
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

/// The jobs that aren't over, in order of submission, and the last event before this look at them.
pub(super) fn unfinished(sql: &Connection) -> Result<(Vec<Job>, u64), Error> {
    let query = format!("-- unfinished_jobs\nSELECT {COLUMNS} FROM jobs WHERE finished_at IS NULL ORDER BY seq");
    let mut statement = sql.prepare_cached(&query)?;
    let mut found = statement.query([])?;
    let mut jobs = Vec::new();
    while let Some(row) = found.next()? {
        jobs.push(rows::job(sql, row)?);
    }
    Ok((jobs, events::last_id(sql)?))
}

/// How many jobs are in each state that has any.
pub(super) fn counts(sql: &Connection) -> Result<Vec<(JobState, u64)>, Error> {
    let query = "-- count_jobs\nSELECT state, count(*) FROM jobs GROUP BY state";
    let mut statement = sql.prepare_cached(query)?;
    let counts = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut found = Vec::new();
    for count in counts {
        let (name, count) = count?;
        found.extend(JobState::of_name(&name).map(|state| (state, count.cast_unsigned())));
    }
    Ok(found)
}
