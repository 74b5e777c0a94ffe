//! A copy of the database, while a server works on it or not.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::open;
use crate::db::error::Error;

/// Copies the database in the file `from` to the new file `to`: all that was committed when the copy began. A server may
/// be working on it meanwhile. Blocks as long as the disk takes.
///
/// # Errors
/// Where `to` is there already (nothing is ever overwritten), `from` isn't there or is damaged, or the disk refuses.
pub fn backup(from: &Path, to: &Path) -> Result<(), Error> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| open::explain(error, from))?;
    copy(&connection, to).map_err(|error| match error {
        Error::Sqlite(error) => open::explain(error, from),
        error => error,
    })
}

/// Copies what `connection` sees to the new file `to`, which appears in one step.
pub(super) fn copy(connection: &Connection, to: &Path) -> Result<(), Error> {
    let io = |source| Error::Io { path: to.to_owned(), source };
    if to.exists() {
        return Err(io(std::io::ErrorKind::AlreadyExists.into()));
    }
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let aside = folder.join(name);
    // Left by one that was killed while it had the number that we have: in a container, every one has.
    let _ = std::fs::remove_file(&aside);
    // SQLite takes names as UTF-8 only.
    let text = aside.to_str().ok_or_else(|| io(std::io::ErrorKind::InvalidFilename.into()))?;
    let made = connection.execute("VACUUM INTO ?1", [text]);
    let placed = made.map_err(Error::from).and_then(|_| {
        std::fs::File::open(&aside).and_then(|file| file.sync_all()).map_err(io)?;
        place(&aside, to).map_err(io)?;
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
    });
    let _ = std::fs::remove_file(&aside);
    placed
}

/// Gives the file its name, unless that has been taken meanwhile.
fn place(aside: &Path, to: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, aside, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system can do that; those that can't (NFS) can link.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => std::fs::hard_link(aside, to),
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_backup_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["a.db", "b.db"].map(|name| folder.path().join(name));
        drop(open::writer(&from).unwrap());
        let left = folder.path().join(format!("b.db.{}.part", std::process::id()));
        std::fs::write(&left, "half a copy").unwrap();
        backup(&from, &to).unwrap();
        assert!(to.exists() && !left.exists());
    }
}
