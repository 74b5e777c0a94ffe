//! How a page of jobs is found: along the index of what few jobs have, so that a page takes no longer where there are many.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::rows::COLUMNS;
use crate::db::error::Error;
use crate::db::model::ListQuery;

/// With fewer jobs than this, a label is as good a way as any. More than these are never counted.
const FEW: u32 = 2_000;
/// A state with fewer jobs than this is a better way than a label with many.
const RATHER_FEW: i64 = 20_000;

/// What the jobs are gone through by, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// All of them.
    All,
    /// Those in the state.
    State,
    /// Those that bear this one of the labels.
    Label(usize),
}

/// The way that likely passes the fewest jobs that aren't asked for.
pub(super) fn lead(sql: &Connection, query: &ListQuery) -> Result<Lead, Error> {
    match (query.state, query.labels.len()) {
        (None, 0) => return Ok(Lead::All),
        (Some(_), 0) => return Ok(Lead::State),
        (None, 1) => return Ok(Lead::Label(0)),
        _ => {}
    }
    let mut rarest = (0, FEW);
    for (n, (key, value)) in query.labels.iter().enumerate() {
        let count = "-- count_some_with_label\nSELECT count(*) FROM
                     (SELECT 1 FROM labels WHERE key = ?1 AND value = ?2 LIMIT ?3)";
        let count: u32 = sql.prepare_cached(count)?.query_row(params![key, value, FEW], |row| row.get(0))?;
        if count < rarest.1 {
            rarest = (n, count);
        }
    }
    if let Some(state) = query.state.filter(|_| rarest.1 == FEW) {
        let count = "-- count_in_state\nSELECT jobs FROM job_counts WHERE state = ?1";
        let count: i64 = sql.prepare_cached(count)?.query_row([state.name()], |row| row.get(0))?;
        if count < RATHER_FEW {
            return Ok(Lead::State);
        }
    }
    Ok(Lead::Label(rarest.0))
}

/// The statement and its values; one more job than asked for tells whether there is a next page.
pub(super) fn statement(query: &ListQuery, lead: Lead) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = Vec::new();
    let mut bind = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut conditions = Vec::new();
    for (n, (key, value)) in query.labels.iter().enumerate() {
        let (key, value) = (bind(key.clone().into()), bind(value.clone().into()));
        conditions.push(if lead == Lead::Label(n) {
            format!("lead.key = {key} AND lead.value = {value}")
        } else {
            format!("EXISTS (SELECT 1 FROM labels WHERE key = {key} AND value = {value} AND job = jobs.seq)")
        });
    }
    let (from, place) = match lead {
        Lead::All => ("jobs", "jobs.seq"),
        Lead::State => ("jobs INDEXED BY jobs_by_state", "jobs.seq"),
        // CROSS: in this order and no other.
        Lead::Label(_) => ("labels lead CROSS JOIN jobs ON jobs.seq = lead.job", "lead.job"),
    };
    if let Some(state) = query.state {
        conditions.push(format!("jobs.state = {}", bind(state.name().to_owned().into())));
    }
    if let Some(before) = query.before {
        conditions.push(format!("{place} < {}", bind(before.into())));
    }
    let limit = bind((i64::from(query.limit) + 1).into());
    let conditions = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
    let text =
        format!("-- list_jobs\nSELECT {COLUMNS} FROM {from} WHERE {conditions} ORDER BY {place} DESC LIMIT {limit}");
    (text, values)
}

#[cfg(test)]
mod tests {
    use rusqlite::params_from_iter;

    use super::*;
    use crate::db::sqlite::open;
    use crate::domain::job::JobState;

    fn labels(count: usize) -> Vec<(String, String)> {
        (0..count).map(|n| (n.to_string(), "x".to_owned())).collect()
    }

    #[test]
    fn every_kind_of_page_follows_its_index_without_sorting() {
        let folder = tempfile::tempdir().unwrap();
        let sql = open::writer(&folder.path().join("a.db")).unwrap();
        for (state, count, leads) in [
            (None, 0, &[Lead::All][..]),
            (Some(JobState::Failed), 0, &[Lead::State]),
            (None, 2, &[Lead::Label(0), Lead::Label(1)]),
            (Some(JobState::Failed), 2, &[Lead::State, Lead::Label(1)]),
        ] {
            for (before, lead) in [None, Some(7)].into_iter().flat_map(|before| leads.iter().map(move |l| (before, *l)))
            {
                let query = ListQuery { state, labels: labels(count), before, limit: 50 };
                let (text, values) = statement(&query, lead);
                let mut explain = sql.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
                let steps = explain.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
                let steps: Vec<_> = steps.map(Result::unwrap).collect();
                let plan = steps.join("; ");
                let expected = match (lead, before) {
                    (Lead::All, None) => "SCAN jobs",
                    (Lead::All, Some(_)) => "SEARCH jobs USING INTEGER PRIMARY KEY (rowid<?)",
                    (Lead::State, None) => "SEARCH jobs USING INDEX jobs_by_state (state=?)",
                    (Lead::State, Some(_)) => "SEARCH jobs USING INDEX jobs_by_state (state=? AND rowid<?)",
                    (Lead::Label(_), None) => "SEARCH lead USING PRIMARY KEY (key=? AND value=?)",
                    (Lead::Label(_), Some(_)) => "SEARCH lead USING PRIMARY KEY (key=? AND value=? AND job<?)",
                };
                assert!(steps[0] == expected && !plan.contains("TEMP B-TREE"), "{lead:?}: {plan}");
                assert!(steps[1..].iter().all(|step| !step.starts_with("SCAN")), "{lead:?}: {plan}");
            }
        }
    }

    #[test]
    fn the_rarest_leads() {
        let folder = tempfile::tempdir().unwrap();
        let sql = open::writer(&folder.path().join("a.db")).unwrap();
        let jobs = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
                    INSERT INTO jobs (id, state, priority, spec, created_at) SELECT n, 'queued', 0, '{}', 0 FROM n";
        sql.execute(jobs, []).unwrap();
        sql.execute("INSERT INTO labels SELECT '0', 'x', seq FROM jobs", []).unwrap();
        sql.execute("INSERT INTO labels SELECT '1', 'x', seq FROM jobs WHERE seq < 10", []).unwrap();
        let lead = |state, labels| lead(&sql, &ListQuery { state, labels, before: None, limit: 9 }).unwrap();
        assert_eq!(lead(None, labels(2)), Lead::Label(1));
        assert_eq!(lead(Some(JobState::Queued), labels(2)), Lead::Label(1));
        assert_eq!(lead(Some(JobState::Queued), labels(1)), Lead::State);
        sql.execute("UPDATE job_counts SET jobs = 1000000 WHERE state = 'queued'", []).unwrap();
        assert_eq!(lead(Some(JobState::Queued), labels(1)), Lead::Label(0));
    }
}
