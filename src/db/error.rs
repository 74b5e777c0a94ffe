//! What can go wrong with the database.

use std::path::PathBuf;

use crate::domain::id::{JobId, Lease};
use crate::domain::job::JobState;

/// Why the database didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused; a full or broken disk, most often.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The migrations can't be applied.
    #[error("the database {} can't be brought to this version: {message}", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// It was made by a newer version.
    #[error("the database {} was made by a newer version of transcoded (schema {found}; this one knows {known}); it has been left as it is. Run that version again, or start with another --data-dir", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// It belongs to another program.
    #[error("{} is the database of another program; it has been left as it is. Name another file in --database-url, or another folder in --data-dir", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is no database, or a damaged one.
    #[error("the database {} is damaged: {message}. It has been left as it is. Move it and its -wal and -shm files away, put a backup in their place (made by `transcoded backup`, or the one from before the last update, beside it), and start again; without a backup, sqlite3's .recover saves what can be saved", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        message: String,
    },
    /// Another server has the data folder.
    #[error("the database {} is in use by another server; stop it, or give this one another --data-dir", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The folder or a file can't be used.
    #[error("{} can't be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No store of that kind can be opened.
    #[error("{0}")]
    Unsupported(String),
    /// A document in a row can't be read.
    #[error("a row of the database can't be read: {0}")]
    Document(#[from] serde_json::Error),
    /// The writer's thread is gone.
    #[error("the database is closed")]
    Closed,
    /// The transaction of which this was a part could not be committed.
    #[error("the database could not commit: {0}")]
    Commit(String),
    /// There is no such job.
    #[error("there is no job {0}")]
    UnknownJob(JobId),
    /// The lease is over: its job has gone on without it, so who held it may write nothing.
    #[error("lease {0} is over")]
    StaleLease(Lease),
    /// The job is in a state in which that can't be done.
    #[error("the job {job} is {state}")]
    WrongState {
        /// The job.
        job: JobId,
        /// Its state.
        state: JobState,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// As many jobs wait as may.
    #[error("{0} jobs wait already, as many as may")]
    QueueFull(u64),
}

impl Error {
    /// Whether the database itself didn't work: nothing was changed, and the same may well work later.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::Commit(_) | Self::Closed | Self::Io { .. })
    }
}
