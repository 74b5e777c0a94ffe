//! The store on SQLite.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::claiming::{self, Now};
use super::readers::Readers;
use super::writer::{Transaction, Writer, WriterThread};
use super::{events, finishing, listing, open, queueing, requests, tidying};
use crate::db::error::Error;
use crate::db::model::{
    CancelAnswer, Claims, History, IdempotencyKey, ListQuery, NewJob, Page, Renewal, Retention, Rules, Submitted,
    Tidied,
};
use crate::db::store::{Answer, OnCommit, Store};
use crate::domain::id::{JobId, Lease};
use crate::domain::job::{AttemptEnd, Job, JobState, Output};
use crate::domain::time::SharedClock;

/// The jobs in an SQLite database, of which this is the only server.
///
/// Dropping it waits until all that was asked of it is done and the file is closed.
pub struct SqliteStore {
    // Dropped in this order: no more work, then the end of what there is, then the lock.
    writer: Writer,
    readers: Readers,
    _thread: WriterThread,
    /// Held for as long as the file is open, so that no second server opens it.
    _lock: File,
    rules: Rules,
    clock: SharedClock,
}

impl SqliteStore {
    /// Opens the database in the file `path`, making it where it isn't there. `on_commit` is called on the thread that
    /// writes.
    ///
    /// # Errors
    /// Where another server has it, it is damaged or of a newer version, or the disk doesn't work.
    pub fn open(path: &Path, rules: Rules, clock: SharedClock, on_commit: OnCommit) -> Result<Self, Error> {
        let lock = open::lock(path)?;
        let connection = open::writer(path)?;
        let io = |source| Error::Io { path: path.to_owned(), source };
        let (writer, thread) = Writer::start(connection, on_commit).map_err(io)?;
        let readers = Readers::new(PathBuf::from(path));
        Ok(Self { writer, readers, _thread: thread, _lock: lock, rules, clock })
    }

    fn now(&self) -> Now {
        Now { time: self.clock.now(), steady: self.clock.steady() }
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>, &Rules, Now) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        let (rules, now) = (self.rules, self.now());
        Box::pin(self.writer.run(move |transaction| work(transaction, &rules, now)))
    }
}

impl Store for SqliteStore {
    fn submit(&self, new: NewJob) -> Answer<'_, Submitted> {
        self.write(move |transaction, rules, now| queueing::submit(transaction, new, rules, now.time))
    }

    fn replayed(&self, idempotency: IdempotencyKey) -> Answer<'_, Option<Job>> {
        let now = self.clock.now();
        Box::pin(self.readers.run(move |sql| queueing::replayed(sql, &idempotency, now)))
    }

    fn claim(&self, limit: u32) -> Answer<'_, Claims> {
        self.write(move |transaction, rules, now| claiming::claim(transaction, limit, rules, now))
    }

    fn renew(&self, renewals: Vec<Renewal>) -> Answer<'_, Vec<Lease>> {
        let (rules, now) = (self.rules, self.now());
        let renew = move |transaction: &mut Transaction<'_>| claiming::renew(transaction, &renewals, &rules, now);
        Box::pin(self.writer.run_in_memory(renew))
    }

    fn expire(&self) -> Answer<'_, u64> {
        self.write(claiming::expire)
    }

    fn finish(&self, lease: Lease, end: AttemptEnd) -> Answer<'_, Job> {
        self.write(move |transaction, rules, now| finishing::finish(transaction, lease, &end, rules, now.time))
    }

    fn cancel(&self, job: JobId) -> Answer<'_, CancelAnswer> {
        self.write(move |transaction, _, now| requests::cancel(transaction, job, now.time))
    }

    fn pause(&self, job: JobId) -> Answer<'_, Job> {
        self.write(move |transaction, _, _| requests::pause(transaction, job))
    }

    fn resume(&self, job: JobId) -> Answer<'_, Job> {
        self.write(move |transaction, _, now| requests::resume(transaction, job, now.time))
    }

    fn salvaged(&self, job: JobId, attempt: u32, outputs: Vec<Output>) -> Answer<'_, Job> {
        self.write(move |transaction, _, _| requests::salvaged(transaction, job, attempt, &outputs))
    }

    fn retry(&self, job: JobId) -> Answer<'_, Job> {
        self.write(move |transaction, rules, _| requests::retry(transaction, job, rules))
    }

    fn purge(&self, job: JobId) -> Answer<'_, ()> {
        self.write(move |transaction, _, _| requests::purge(transaction, job))
    }

    fn recover(&self) -> Answer<'_, u64> {
        self.write(claiming::recover)
    }

    fn tidy(&self, retention: Retention) -> Answer<'_, Tidied> {
        self.write(move |transaction, _, now| tidying::tidy(transaction, &retention, now.time))
    }

    fn job(&self, id: JobId) -> Answer<'_, Option<Job>> {
        Box::pin(self.readers.run(move |sql| listing::job(sql, id)))
    }

    fn list(&self, query: ListQuery) -> Answer<'_, Page> {
        Box::pin(self.readers.run(move |sql| listing::list(sql, &query)))
    }

    fn unfinished(&self, limit: u32) -> Answer<'_, (Vec<Job>, u64)> {
        Box::pin(self.readers.run(move |sql| listing::unfinished(sql, limit)))
    }

    fn unfinished_ids(&self) -> Answer<'_, Vec<JobId>> {
        Box::pin(self.readers.run(listing::unfinished_ids))
    }

    fn is_input_needed(&self, input: String) -> Answer<'_, bool> {
        Box::pin(self.readers.run(move |sql| listing::is_input_needed(sql, &input)))
    }

    fn job_and_position(&self, id: JobId) -> Answer<'_, Option<(Job, u64)>> {
        Box::pin(
            self.readers.run(move |sql| listing::job(sql, id)?.map(|job| Ok((job, events::last_id(sql)?))).transpose()),
        )
    }

    fn counts(&self) -> Answer<'_, Vec<(JobState, u64)>> {
        Box::pin(self.readers.run(listing::counts))
    }

    fn events_after(&self, after: u64, job: Option<JobId>, limit: u32) -> Answer<'_, History> {
        Box::pin(self.readers.run(move |sql| events::after(sql, after, job, limit)))
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.readers.run(|sql| events::last_id(sql).map(drop)).await?;
            if self.writer.works() {
                return Ok(());
            }
            // It failed last: only a write that is synced tells whether it works again.
            self.write(|transaction, _, _| probe(transaction.sql)).await
        })
    }
}

/// Writes more than a submit does, to see whether that works.
fn probe(sql: &Connection) -> Result<(), Error> {
    sql.execute("-- probe\nINSERT OR REPLACE INTO probe (id, content) VALUES (1, zeroblob(65536))", [])?;
    Ok(())
}
