//! How SQLite carries out each statement of the embedded database: by an index, however many jobs there are.

use std::path::Path;

use rusqlite::Connection;
use transcoded::db::SqliteStore;
use transcoded::domain::time::SystemClock;

use super::backend::RULES;

/// Tables of a few rows, the leases of what runs, and what a bounded search has found, which may be looked through.
const SMALL: &[&str] = &["job_counts", "events_gone", "sqlite_sequence", "temp.leases", "sqlite_schema", "(subquery"];

/// Indexes that hold just what is wanted, in its order: going along them from the start is the way.
const WANTED: &[&str] = &["INDEX jobs_claimable", "INDEX jobs_waiting", "INDEX jobs_unfinished"];

/// Those whose steps depend on what is asked for have a test of their own; that which sorts, sorts what it shows.
const OTHERS: &[&str] = &["list_jobs", "unfinished_jobs"];

/// Every statement in the sources, by its name.
fn statements() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/db/sqlite");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for rest in source.split("\"-- ").skip(1) {
            let (name, rest) = rest.split_once("\\n").expect("a name and a statement");
            let text = rest.split('"').next().unwrap().replace("{COLUMNS}", "seq, id, state");
            found.push((name.to_owned(), text));
        }
    }
    found
}

#[test]
fn every_statement_goes_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(SqliteStore::open(&path, RULES, std::sync::Arc::new(SystemClock), Box::new(drop)).unwrap());
    let database = Connection::open(path).unwrap();
    database
        .execute_batch("CREATE TEMP TABLE leases (lease INTEGER PRIMARY KEY, until INTEGER NOT NULL) STRICT")
        .unwrap();
    let mut wrong = Vec::new();
    let statements = statements();
    assert!(statements.len() > 40, "{}", statements.len());
    for (name, text) in statements.into_iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())) {
        let explain = database.prepare(&format!("EXPLAIN QUERY PLAN {text}"));
        let mut statement = explain.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<_> = steps.map(Result::unwrap).collect();
        let scans = |step: &String| {
            let table = step.strip_prefix("SCAN ");
            table.is_some_and(|table| {
                !SMALL.iter().any(|small| table.starts_with(small))
                    && !WANTED.iter().any(|index| table.ends_with(index))
            })
        };
        // The index of a state holds all that are in it, which may be most of them.
        let sorts = |step: &String| step.contains("TEMP B-TREE") || step.ends_with("jobs_by_state (state=?)");
        if steps.iter().any(|step| scans(step) || sorts(step)) {
            wrong.push(format!("{name}: {}", steps.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
