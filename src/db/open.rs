//! Opening the database: the lock that keeps a second server out, the settings of a connection, the migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::error::Error;

const STEPS: &[M<'static>] = &[M::up(include_str!("../../migrations/sqlite/0001_jobs.sql"))];
const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);

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

/// Opens the one connection that writes, and brings the tables to this version.
pub(super) fn writer(path: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
    // WAL lets readers go on while the writer commits; FULL syncs the disk before a commit is answered.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    MIGRATIONS
        .to_latest(&mut connection)
        .map_err(|error| Error::Migration { path: path.to_owned(), message: error.to_string() })?;
    Ok(connection)
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
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
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
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
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
