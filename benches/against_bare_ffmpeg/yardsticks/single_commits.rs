//! The yardstick for submits: the same rows in the same tables, each job in a commit of its own, without a server.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use crate::ground::Result;

/// Tables and rows as a server wrote them.
pub(crate) struct Rows {
    schema: Vec<String>,
    /// For each job its row and that of its event.
    jobs: Vec<(Vec<Value>, Vec<Value>)>,
}

impl Rows {
    /// The tables of a server's database, and at most `limit` jobs that wait in it.
    pub(crate) fn of(database: &Path, limit: u32) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = Connection::open_with_flags(database, flags)?;
        sql.busy_timeout(Duration::from_secs(5))?;
        let tables = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'";
        let schema = sql.prepare(tables)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let all = |table: &str, condition: &str| -> Result<Vec<Vec<Value>>> {
            let query = format!("SELECT * FROM {table} WHERE {condition} ORDER BY 1 LIMIT {limit}");
            Ok(sql.prepare(&query)?.query_map([], values)?.collect::<Result<_, _>>()?)
        };
        let waiting = "SELECT seq FROM jobs WHERE state = 'queued'";
        let jobs = all("jobs", "state = 'queued'")?;
        let events = all("events", &format!("job IN ({waiting})"))?;
        if jobs.is_empty() || jobs.len() != events.len() {
            return Err(format!("{} jobs wait with {} events", jobs.len(), events.len()).into());
        }
        Ok(Self { schema, jobs: jobs.into_iter().zip(events).collect() })
    }

    /// Writes all of them into a new database in `folder`; returns how many jobs were on disk a second.
    pub(crate) fn write(&self, folder: &Path) -> Result<f64> {
        let folder = tempfile::Builder::new().prefix("rows-").tempdir_in(folder)?;
        let sql = Connection::open(folder.path().join("rows.db"))?;
        sql.pragma_update(None, "journal_mode", "WAL")?;
        sql.pragma_update(None, "synchronous", "FULL")?;
        sql.pragma_update(None, "foreign_keys", true)?;
        self.schema.iter().try_for_each(|statement| sql.execute_batch(statement))?;
        let (job, event) = &self.jobs[0];
        let mut into_jobs = sql.prepare(&insert("jobs", job.len()))?;
        let mut into_events = sql.prepare(&insert("events", event.len()))?;
        let (mut begin, mut commit) = (sql.prepare("BEGIN IMMEDIATE")?, sql.prepare("COMMIT")?);
        let started = Instant::now();
        for (job, event) in &self.jobs {
            begin.execute([])?;
            into_jobs.execute(params_from_iter(job))?;
            into_events.execute(params_from_iter(event))?;
            commit.execute([])?;
        }
        Ok(f64::from(u32::try_from(self.jobs.len())?) / started.elapsed().as_secs_f64())
    }
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

fn insert(table: &str, columns: usize) -> String {
    format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", "))
}
