//! The store: every question and every change that the rest of the house has for the database.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::cancelling::{self, CancelAnswer};
use super::error::Error;
use super::events::{self, StateEvent};
use super::finishing::{self, AttemptEnd};
use super::listing::{self, ListQuery, Page};
use super::open;
use super::queueing::{self, Claimed, IdempotencyKey, NewJob, Submitted};
use super::readers::Readers;
use super::writer::{OnCommit, Writer};
use crate::domain::id::JobId;
use crate::domain::job::{Job, JobState};
use crate::domain::time::Timestamp;

/// The jobs on disk. What a method has changed is synced to the disk when it returns, and is carried out even where the
/// future is dropped before.
pub struct Store {
    writer: Writer,
    readers: Readers,
    /// Held for as long as the store is open, so that no second server opens it.
    _lock: File,
}

impl Store {
    /// Opens the database in the file `path`, making it where it isn't there. `on_commit` is told the events of each
    /// commit, in order, before those who made them are answered; it must not block.
    ///
    /// # Errors
    /// Where another server has it, it is of a newer version, or the disk doesn't work.
    pub fn open(path: &Path, on_commit: impl Fn(Vec<StateEvent>) + Send + 'static) -> Result<Self, Error> {
        let lock = open::lock(path)?;
        let connection = open::writer(path)?;
        let io = |source| Error::Io { path: path.to_owned(), source };
        let on_commit: OnCommit = Box::new(on_commit);
        // The thread ends, and the database is closed, when the last sender is gone; nobody needs to wait for it, since
        // all that was answered is on disk.
        let (writer, _thread) = Writer::start(connection, on_commit).map_err(io)?;
        Ok(Self { writer, readers: Readers::new(PathBuf::from(path)), _lock: lock })
    }

    /// Puts a job into the queue, or finds the one that an earlier submit with the same key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request.
    pub async fn submit(&self, new: NewJob) -> Result<Submitted, Error> {
        self.writer.run(move |transaction| queueing::submit(transaction, new)).await
    }

    /// The job that an earlier submit with this key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request.
    pub async fn replayed(&self, idempotency: IdempotencyKey, now: Timestamp) -> Result<Option<Job>, Error> {
        self.readers.run(move |sql| queueing::replayed(sql, &idempotency, now)).await
    }

    /// Takes at most `limit` jobs to run now: the highest priority first, equal ones in order of submission. Also says how
    /// many more wait, counting no further than `limit`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim(&self, limit: u32, now: Timestamp) -> Result<(Vec<Claimed>, u32), Error> {
        self.writer.run(move |transaction| queueing::claim(transaction, limit, now)).await
    }

    /// Ends an attempt and says what that means for its job.
    ///
    /// # Errors
    /// [`Error::StaleAttempt`] where the job has gone on without this attempt; nothing is written then.
    pub async fn finish(&self, job: JobId, attempt: u32, end: AttemptEnd, now: Timestamp) -> Result<Job, Error> {
        self.writer.run(move |transaction| finishing::finish(transaction, job, attempt, end, now)).await
    }

    /// Asks a job to stop for a client.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    pub async fn cancel(&self, job: JobId, now: Timestamp) -> Result<CancelAnswer, Error> {
        self.writer.run(move |transaction| cancelling::cancel(transaction, job, now)).await
    }

    /// Removes a job that is over.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::Unfinished`].
    pub async fn purge(&self, job: JobId) -> Result<(), Error> {
        self.writer.run(move |transaction| cancelling::purge(transaction, job)).await
    }

    /// Puts right what an earlier server left running: those jobs go back to the queue, or are cancelled where that was
    /// asked. Returns how many there were.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn recover(&self, now: Timestamp) -> Result<u64, Error> {
        self.writer.run(move |transaction| finishing::recover(transaction, now)).await
    }

    /// A job; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, Error> {
        self.readers.run(move |sql| listing::job(sql, id)).await
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn list(&self, query: ListQuery) -> Result<Page, Error> {
        self.readers.run(move |sql| listing::list(sql, &query)).await
    }

    /// The jobs that aren't over, in order of submission, and the number of the last event before this look at them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unfinished(&self) -> Result<(Vec<Job>, u64), Error> {
        self.readers.run(listing::unfinished).await
    }

    /// One job and the number of the last event of any job before this look at it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job_and_position(&self, id: JobId) -> Result<Option<(Job, u64)>, Error> {
        self.readers
            .run(move |sql| listing::job(sql, id)?.map(|job| Ok((job, events::last_id(sql)?))).transpose())
            .await
    }

    /// How many jobs are in each state that has any.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn counts(&self) -> Result<Vec<(JobState, u64)>, Error> {
        self.readers.run(listing::counts).await
    }

    /// At most `limit` events after the one numbered `after`, of one job or of all.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn events_after(&self, after: u64, job: Option<JobId>, limit: u32) -> Result<Vec<StateEvent>, Error> {
        self.readers.run(move |sql| events::after(sql, after, job, limit)).await
    }

    /// Whether the database can be read now.
    ///
    /// # Errors
    /// Where it can't.
    pub async fn ping(&self) -> Result<(), Error> {
        self.readers.run(|sql| events::last_id(sql).map(drop)).await
    }
}
