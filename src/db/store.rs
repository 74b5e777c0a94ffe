//! The interface of a store: every question and every change that the rest of the house has for the database.
//!
//! What every implementation owes is written here, once, and tested by one suite against each of them
//! (`tests/it/store`).

use futures_util::future::BoxFuture;

use super::error::Error;
use super::model::{
    CancelAnswer, Claims, History, IdempotencyKey, ListQuery, NewJob, Page, Renewal, Retention, StateEvent, Submitted,
    Tidied,
};
use crate::domain::id::{JobId, Lease};
use crate::domain::job::{AttemptEnd, Job, JobState, Output};

/// What is told after each commit, in order: the changes that were made in it. It must not block.
pub type OnCommit = Box<dyn Fn(Vec<StateEvent>) + Send>;

/// What a store's methods return.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// The jobs on disk.
///
/// What a method has changed is synced to the disk when it returns, and is carried out even where the future is dropped
/// before. Every change of a job's state writes its event in the same transaction, and is told to [`OnCommit`] before the
/// method returns. Every write for an attempt names its lease and changes exactly one row, or fails with
/// [`Error::StaleLease`] and changes nothing.
///
/// All methods fail where the database does; [`Error::is_outage`] tells those failures apart.
pub trait Store: Send + Sync {
    /// Puts a job into the queue, or finds the one that an earlier submit with the same key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request, [`Error::QueueFull`].
    fn submit(&self, new: NewJob) -> Answer<'_, Submitted>;

    /// The job that an earlier submit with this key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request.
    fn replayed(&self, idempotency: IdempotencyKey) -> Answer<'_, Option<Job>>;

    /// Takes at most `limit` jobs to run now, each with a lease: the highest priority first, equal ones in order of
    /// submission. Every eighth turn goes to the job that has waited longest, if it has lost its patience.
    fn claim(&self, limit: u32) -> Answer<'_, Claims>;

    /// Renews leases; returns those that are still held. The others are over.
    fn renew(&self, renewals: Vec<Renewal>) -> Answer<'_, Vec<Lease>>;

    /// Ends the attempts whose leases were not renewed in time, as [`Ending::Lost`](crate::domain::job::Ending::Lost).
    /// Returns how many there were.
    fn expire(&self) -> Answer<'_, u64>;

    /// Ends the attempt that holds `lease`, and says what that means for its job.
    ///
    /// # Errors
    /// [`Error::StaleLease`].
    fn finish(&self, lease: Lease, end: AttemptEnd) -> Answer<'_, Job>;

    /// Asks a job to stop for a client.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    fn cancel(&self, job: JobId) -> Answer<'_, CancelAnswer>;

    /// Holds a job until it is resumed. One that was paused before stays so.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::WrongState`] where it is being stopped or over.
    fn pause(&self, job: JobId) -> Answer<'_, Job>;

    /// Puts a paused job back into the queue, at its old place; an attempt that stands still goes on when it is claimed. One
    /// that isn't paused stays as it is.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::WrongState`] where it is being stopped or over.
    fn resume(&self, job: JobId) -> Answer<'_, Job>;

    /// Puts a job that is over back into the queue, with its history and all its attempts to use up anew.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::WrongState`] where it isn't over, [`Error::QueueFull`].
    fn retry(&self, job: JobId) -> Answer<'_, Job>;

    /// Adds to a job that failed or was cancelled what was saved of its outputs. `attempt` is its last one.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::WrongState`] where it is in another state, or was tried again meanwhile.
    fn salvaged(&self, job: JobId, attempt: u32, outputs: Vec<Output>) -> Answer<'_, Job>;

    /// Removes a job that is over, with its attempts, labels and events.
    ///
    /// # Errors
    /// [`Error::UnknownJob`], [`Error::WrongState`] where it isn't over.
    fn purge(&self, job: JobId) -> Answer<'_, ()>;

    /// Ends the attempts that an earlier server left open: their jobs go back to the queue, stay paused, or are cancelled
    /// where that was asked. Returns how many there were.
    fn recover(&self) -> Answer<'_, u64>;

    /// Removes some of what has been kept for long enough: jobs, events, idempotency keys. Each call is short, so that
    /// nobody has to wait for it; call it again while there is more.
    fn tidy(&self, retention: Retention) -> Answer<'_, Tidied>;

    /// A job; `None` where there is none of that id.
    fn job(&self, id: JobId) -> Answer<'_, Option<Job>>;

    /// A page of jobs, newest first.
    fn list(&self, query: ListQuery) -> Answer<'_, Page>;

    /// The jobs that aren't over, in order of submission, at most `limit` of them, those with an open attempt before the
    /// others; and the number of the last event before this look at them.
    fn unfinished(&self, limit: u32) -> Answer<'_, (Vec<Job>, u64)>;

    /// The ids of all jobs that aren't over.
    fn unfinished_ids(&self) -> Answer<'_, Vec<JobId>>;

    /// Whether a job that isn't over has the input of that name.
    fn is_input_needed(&self, input: String) -> Answer<'_, bool>;

    /// One job and the number of the last event of any job before this look at it.
    fn job_and_position(&self, id: JobId) -> Answer<'_, Option<(Job, u64)>>;

    /// How many jobs are in each state.
    fn counts(&self) -> Answer<'_, Vec<(JobState, u64)>>;

    /// At most `limit` events after the one numbered `after`, of one job or of all.
    fn events_after(&self, after: u64, job: Option<JobId>, limit: u32) -> Answer<'_, History>;

    /// Whether the database can be read and written now.
    fn ping(&self) -> Answer<'_, ()>;
}
