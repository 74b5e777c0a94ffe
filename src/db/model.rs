//! What goes into a store and comes out of it, besides the jobs themselves.

use std::time::Duration;

use crate::domain::id::{JobId, Lease};
use crate::domain::job::{Job, JobProgress, JobState, RetryPolicy};
use crate::domain::request::JobSpec;
use crate::domain::time::Timestamp;

/// How a store treats its jobs.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Whether and when a job is tried again.
    pub retry: RetryPolicy,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// The most jobs that may wait; a further submit is refused.
    pub most_queued: u64,
    /// How long a job must have waited before it gets one of the turns of the one that has waited longest.
    pub patience: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            lease: Duration::from_mins(1),
            most_queued: 100_000,
            patience: Duration::from_mins(10),
        }
    }
}

/// A job to be submitted.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it is to do.
    pub spec: JobSpec,
    /// The key under which a repetition of the submit finds this job.
    pub idempotency: Option<IdempotencyKey>,
}

/// A key that makes a submit idempotent for a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Who uses it; empty as long as nobody has to say who they are.
    pub caller: String,
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request.
    pub request: [u8; 32],
}

/// A submitted job.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// Whether it was there already, from an earlier submit with the same key and request.
    pub replayed: bool,
}

/// What a claim yields.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The jobs to run now.
    pub jobs: Vec<Claimed>,
    /// How many more could run now, counted no further than what was asked for.
    pub waiting: u32,
    /// When the next one of those that wait for a time is due.
    pub next_due: Option<Timestamp>,
}

/// A job that a worker has taken to run.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job: JobId,
    /// What it is to do.
    pub spec: JobSpec,
    /// The number of the attempt.
    pub attempt: u32,
    /// The right to run it.
    pub lease: Lease,
    /// Whether the attempt was paused and goes on; its process is there already.
    pub resumed: bool,
}

/// A lease to be renewed, with how far its attempt has got.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The lease.
    pub lease: Lease,
    /// How far the attempt has got, for the servers that can't see it themselves.
    pub progress: Option<JobProgress>,
}

/// What became of a request to cancel, with the job as it is now.
#[derive(Clone, Debug)]
pub enum CancelAnswer {
    /// It was waiting and is cancelled.
    Cancelled(Job),
    /// It is being stopped, by this request or an earlier one.
    Stopping(Job),
    /// It was cancelled before.
    AlreadyCancelled(Job),
    /// It is over, and wasn't cancelled.
    TooLate(Job),
}

/// Which jobs a page is to hold, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs that bear all of these labels.
    pub labels: Vec<(String, String)>,
    /// Only jobs that were submitted before the one at this place in the order of submission.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// A page of jobs.
#[derive(Clone, Debug)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where the next page starts; `None` where there is nothing more.
    pub next: Option<i64>,
}

/// A change of state of a job, on disk.
#[derive(Clone, Debug)]
pub struct StateEvent {
    /// Its number; grows, and is never used twice.
    pub id: u64,
    /// The job.
    pub job: JobId,
    /// Its new state.
    pub state: JobState,
    /// Whether an attempt of it is open.
    pub open: bool,
    /// The job after the change, as JSON.
    pub document: String,
}

/// Part of the history.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The events, oldest first.
    pub events: Vec<StateEvent>,
    /// Whether events before the first one, which were asked for, are gone.
    pub gone: bool,
}

/// How long what is over is kept; `None` for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Jobs that succeeded.
    pub succeeded: Option<Duration>,
    /// Jobs that failed.
    pub failed: Option<Duration>,
    /// Jobs that were cancelled.
    pub cancelled: Option<Duration>,
    /// How many events are kept.
    pub most_events: u64,
}

/// What one step of tidying up has removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// The jobs whose records are gone, and whose files may go.
    pub jobs: Vec<JobId>,
    /// Whether there is more to be removed.
    pub more: bool,
}
