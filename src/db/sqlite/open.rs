//! Opening the database: the lock that keeps a second server out, the checks, the settings of a connection, the
//! migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::{backup, claiming};
use crate::db::error::Error;
use crate::failpoint::{Point, failpoint};

const STEPS: &[M<'static>] = &[
    M::up(include_str!("../../../migrations/sqlite/0001_jobs.sql")),
    M::up(include_str!("../../../migrations/sqlite/0002_leases.sql")).foreign_key_check(),
];
const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);
/// The version of the tables that the last step leaves.
const LATEST: i64 = STEPS.len().cast_signed() as i64;

/// Takes the lock beside the database; it is held for as long as the file is open and ends with the process.
pub(super) fn lock(database: &Path) -> Result<File, Error> {
    let path = database.with_extension("lock");
    let io = |source| Error::Io { path: path.clone(), source };
    if let Some(folder) = database.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: database.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Opens the one connection that writes, checks what is there, and brings the tables to this version.
pub(super) fn writer(path: &Path) -> Result<Connection, Error> {
    prepare(path).map_err(|error| match error {
        Error::Sqlite(error) => explain(error, path),
        error => error,
    })
}

fn prepare(path: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
    // Nothing is written before it is known to be whole and ours: not even by closing it, which would move what an earlier
    // server left in the WAL.
    let left_behind = beside(path, "-wal").metadata().is_ok_and(|wal| wal.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, left_behind)?;
    check(&connection, path)?;
    if !left_behind {
        check_length(&connection, path)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // WAL lets readers go on while the writer commits; FULL syncs the disk before a commit is answered.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection, path)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute(claiming::LEASES, [])?;
    Ok(connection)
}

/// Looks at the whole file: a damaged one must not be written to.
fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > LATEST {
        return Err(Error::TooNew { path: path.to_owned(), found: version, known: LATEST });
    }
    // Counted by the first version's, which every later one has.
    let query = "-- tables_of_ours\nSELECT count(*), count(*) FILTER (WHERE name IN
                 ('jobs', 'attempts', 'labels', 'events', 'idempotency_keys')) FROM sqlite_schema
                 WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let (tables, ours): (u32, u32) = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let foreign = if version == 0 { tables > 0 } else { ours < 5 };
    if foreign {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    let message: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if message == "ok" { Ok(()) } else { Err(Error::Damaged { path: path.to_owned(), message }) }
}

/// A file that was cut off within a page. What is missing counts as zeros for SQLite, and may pass for that. Not to be asked
/// of one whose WAL has the pages: a crash may have come while they were moved.
fn check_length(connection: &Connection, path: &Path) -> Result<(), Error> {
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.into();
    let length = path.metadata().map_err(|source| Error::Io { path: path.to_owned(), source })?.len();
    if length.is_multiple_of(page) {
        return Ok(());
    }
    let message = format!("its {length} bytes are no whole pages; the end is missing");
    Err(Error::Damaged { path: path.to_owned(), message })
}

/// Each step is a transaction of its own. What was there before is kept beside the database.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == LATEST {
        return Ok(());
    }
    let copy = if version > 0 { Some(keep(connection, path, version)?) } else { None };
    failpoint(Point::Migrating);
    // Tables that others refer to are made anew; each step checks the references itself.
    connection.pragma_update(None, "foreign_keys", false)?;
    MIGRATIONS.to_latest(connection).map_err(|error| {
        // It is as it was, so there is nothing that the copy would be needed for; the next try makes one again.
        if let Some(copy) = copy {
            let _ = std::fs::remove_file(copy);
        }
        Error::Migration { path: path.to_owned(), message: error.to_string() }
    })
}

/// Keeps a copy of the database as it is before an update from `version`, beside it. One of an earlier update is kept too:
/// whoever went back to it may have gone on with it.
fn keep(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf, Error> {
    let first = beside(path, &format!(".v{version}-backup"));
    let further = (2..).map(|n: u32| beside(path, &format!(".v{version}-backup.{n}")));
    let free = std::iter::once(first).chain(further).find(|copy| !copy.exists());
    let copy = free.ok_or_else(|| Error::Unsupported("there is no name left for a copy of the database".into()))?;
    backup::copy(connection, &copy)?;
    tracing::info!(backup = %copy.display(), "the database is brought to this version; a copy of it is kept");
    Ok(copy)
}

/// The file beside `path` whose name goes on with `ending`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Opens a connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(96);
    Ok(())
}

/// Tells a damaged file from a disk that doesn't work at the moment.
pub(super) fn explain(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::Damaged { path: path.to_owned(), message: error.to_string() }
        }
        _ => Error::Sqlite(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_sound() {
        MIGRATIONS.validate().unwrap();
    }

    #[test]
    fn commits_are_synced_and_sqlite_has_the_fix_for_the_wal_reset_bug() {
        let folder = tempfile::tempdir().unwrap();
        let connection = writer(&folder.path().join("a.db")).unwrap();
        let setting = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((setting("synchronous"), setting("foreign_keys"), journal.as_str()), (2, 1, "wal"));
        // https://sqlite.org/wal.html#walresetbug: databases could be damaged until 3.51.3.
        assert!(rusqlite::version_number() >= 3_051_003);
    }

    #[test]
    fn a_second_server_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(Error::InUse { .. })));
        drop(held);
        lock(&path).unwrap();
    }
}
