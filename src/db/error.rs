//! What can go wrong with the database.

use std::path::PathBuf;

use crate::domain::id::JobId;

/// Why the database didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused; a full or broken disk, most often.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The migrations can't be applied: the file is of a newer version, or is no database of ours.
    #[error("the database {} can't be brought to this version: {message}", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// Another server has the data folder.
    #[error("the database {} is in use by another server; stop it, or give this one another --data-dir", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The folder or the lock file can't be used.
    #[error("{} can't be opened: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
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
    /// The attempt isn't the job's current one any more, so it may write nothing.
    #[error("attempt {attempt} of job {job} is over")]
    StaleAttempt {
        /// The job.
        job: JobId,
        /// The attempt that wanted to write.
        attempt: u32,
    },
    /// The job isn't over.
    #[error("the job {0} isn't over")]
    Unfinished(JobId),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}
