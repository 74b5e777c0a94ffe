//! The queue.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::registry::{Entry, Grace, Registry};
use crate::db::{
    self, AttemptEnd, Claimed, Error, IdempotencyKey, ListQuery, NewJob, Page, StateEvent, Store, Submitted,
};
use crate::domain::id::JobId;
use crate::domain::job::{CancelReason, Job, JobProgress, JobState};
use crate::domain::log::LogLevel;
use crate::domain::request::JobSpec;
use crate::domain::time::SharedClock;

pub use crate::db::CancelAnswer;

/// The queue of one server. All its futures may be dropped at any time: a change that was begun is carried out.
pub struct Queue {
    store: Store,
    shared: Arc<Shared>,
    clock: SharedClock,
}

/// What follows the commits of the database.
struct Shared {
    registry: Registry,
    feed: OnceLock<Feed>,
    arrivals: Notify,
}

impl Queue {
    /// Opens the queue on the database in the file `path`; jobs that an earlier server left running are put right. Every
    /// job's token is a child of `root`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open(path: &Path, root: CancellationToken, clock: SharedClock) -> Result<Self, Error> {
        let shared = Arc::new(Shared { registry: Registry::new(root), feed: OnceLock::new(), arrivals: Notify::new() });
        let told = Arc::clone(&shared);
        let store = Store::open(path, move |events| told.committed(&events))?;
        store.recover(clock.now()).await?;
        let (unfinished, last_id) = store.unfinished().await?;
        for job in &unfinished {
            shared.registry.enter(job.id);
        }
        // Set before anybody else can reach the queue; what recovery has told is in the database.
        shared.feed.get_or_init(|| Feed::new(last_id));
        shared.arrivals.notify_one();
        Ok(Self { store, shared, clock })
    }

    /// The events for clients to follow.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        self.shared.feed()
    }

    /// The server's own token, which stops all jobs.
    #[must_use]
    pub fn root(&self) -> &CancellationToken {
        self.shared.registry.root()
    }

    /// Puts a job into the queue; it is on disk when this returns.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub async fn submit(
        &self,
        id: JobId,
        spec: JobSpec,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Submitted, Error> {
        self.store.submit(NewJob { id, spec, created_at: self.clock.now(), idempotency }).await
    }

    /// Asks a job to stop.
    ///
    /// # Errors
    /// As [`Store::cancel`].
    pub async fn cancel(&self, id: JobId, grace: Grace) -> Result<CancelAnswer, Error> {
        let answer = self.store.cancel(id, self.clock.now()).await?;
        if let CancelAnswer::Stopping(_) = &answer
            && let Some(entry) = self.shared.registry.get(id)
        {
            entry.stop(CancelReason::Client);
            if let Grace::AtMost(time) = grace {
                end_grace_after(&entry, time);
            }
        }
        Ok(answer)
    }

    /// The job that an earlier submit with this key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request.
    pub async fn replayed(&self, idempotency: IdempotencyKey) -> Result<Option<Job>, Error> {
        self.store.replayed(idempotency, self.clock.now()).await
    }

    /// Waits until a job is over; one that there isn't (any more) counts as over. Cancel safe.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn over(&self, id: JobId) -> Result<Option<Job>, Error> {
        let mut last_id = self.feed().last_id();
        loop {
            last_id.borrow_and_update();
            // The registry holds exactly the jobs that aren't over, so the database needn't be asked each time.
            if self.entry(id).is_none() {
                return self.job(id).await;
            }
            if last_id.changed().await.is_err() {
                return self.job(id).await;
            }
        }
    }

    /// Takes at most `limit` jobs to run now, and counts how many more wait, no further than `limit`.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn claim(&self, limit: u32) -> Result<(Vec<Claimed>, u32), Error> {
        self.store.claim(limit, self.clock.now()).await
    }

    /// Ends an attempt.
    ///
    /// # Errors
    /// As [`Store::finish`].
    pub async fn finish(&self, job: JobId, attempt: u32, end: AttemptEnd) -> Result<Job, Error> {
        self.store.finish(job, attempt, end, self.clock.now()).await
    }

    /// Waits until a job may have arrived since the last call.
    pub async fn arrival(&self) {
        self.shared.arrivals.notified().await;
    }

    /// Lets [`Self::arrival`] return once, whether or not a job has arrived.
    pub fn wake(&self) {
        self.shared.arrivals.notify_one();
    }

    /// The entry of a job that isn't over.
    #[must_use]
    pub fn entry(&self, job: JobId) -> Option<Arc<Entry>> {
        self.shared.registry.get(job)
    }

    /// Makes `progress` the job's latest.
    pub fn set_progress(&self, job: JobId, progress: JobProgress) {
        self.feed().set_progress(job, &progress);
        if let Some(entry) = self.entry(job) {
            entry.set_progress(progress);
        }
    }

    /// Adds a line to the job's log; the caller has bounded it and taken secrets out.
    pub fn add_log_line(&self, job: JobId, level: LogLevel, line: &str) {
        self.feed().add_log_line(job, level, line);
        if let Some(entry) = self.entry(job) {
            entry.add_log_line(line);
        }
    }

    /// A job as it is now; `None` where there is none of that id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, Error> {
        Ok(self.store.job(id).await?.map(|job| self.with_progress(job)))
    }

    /// A job as it is now, and the number of the last event before that.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job_and_position(&self, id: JobId) -> Result<Option<(Job, u64)>, Error> {
        let found = self.store.job_and_position(id).await?;
        Ok(found.map(|(job, position)| (self.with_progress(job), position)))
    }

    /// The jobs that aren't over, and the number of the last event before this look at them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unfinished(&self) -> Result<(Vec<Job>, u64), Error> {
        let (jobs, position) = self.store.unfinished().await?;
        Ok((jobs.into_iter().map(|job| self.with_progress(job)).collect(), position))
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn list(&self, query: ListQuery) -> Result<Page, Error> {
        let page = self.store.list(query).await?;
        let jobs = page.jobs.into_iter().map(|job| self.with_progress(job)).collect();
        Ok(Page { jobs, ..page })
    }

    /// How many jobs are in each state that has any.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn counts(&self) -> Result<Vec<(JobState, u64)>, Error> {
        self.store.counts().await
    }

    /// At most `limit` events after the one numbered `after`, from the database.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn events_after(&self, after: u64, job: Option<JobId>, limit: u32) -> Result<Vec<StateEvent>, Error> {
        self.store.events_after(after, job, limit).await
    }

    /// Removes the record of a job that is over.
    ///
    /// # Errors
    /// As [`Store::purge`].
    pub async fn purge(&self, id: JobId) -> Result<(), Error> {
        self.store.purge(id).await
    }

    /// Whether the database can be read now.
    ///
    /// # Errors
    /// Where it can't.
    pub async fn ping(&self) -> Result<(), db::Error> {
        self.store.ping().await
    }

    /// Asks every running job to stop, since the server does.
    pub fn stop_all(&self) {
        // Without a reason of its own, a stop is the server's.
        self.root().cancel();
    }

    /// Ends the grace of every job that was asked to stop.
    pub fn kill_all(&self) {
        for entry in self.shared.registry.all() {
            entry.kill_token().cancel();
        }
    }

    fn with_progress(&self, job: Job) -> Job {
        let live = self.entry(job.id).filter(|_| !job.state.is_terminal()).and_then(|entry| entry.progress());
        Job { progress: live.or(job.progress), ..job }
    }
}

impl Shared {
    fn feed(&self) -> &Feed {
        // Set by `Queue::open` before there is a queue to call this on; otherwise an empty one does no harm.
        self.feed.get_or_init(|| Feed::new(0))
    }

    /// On the database's thread, after each commit: tokens and feed follow what is on disk.
    fn committed(&self, events: &[StateEvent]) {
        for event in events {
            match event.state {
                JobState::Queued => self.registry.enter(event.job),
                state if state.is_terminal() => self.registry.leave(event.job),
                _ => {}
            }
        }
        if let Some(feed) = self.feed.get() {
            feed.commit(events);
        }
        if events.iter().any(|event| event.state == JobState::Queued) {
            self.arrivals.notify_one();
        }
    }
}

/// Ends the grace of a job that was asked to stop after `time`, unless it is over by then.
fn end_grace_after(entry: &Entry, time: std::time::Duration) {
    let kill = entry.kill_token().clone();
    if time.is_zero() {
        kill.cancel();
        return;
    }
    tokio::spawn(async move {
        // A job that is over drops its token, and cancelling it then reaches nobody.
        tokio::time::sleep(time).await;
        kill.cancel();
    });
}
