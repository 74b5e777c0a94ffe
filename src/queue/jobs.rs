//! The queue.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::intake::Intake;
use super::registry::{Entry, Grace, Registry};
use crate::db::{
    Claims, Error, History, IdempotencyKey, ListQuery, NewJob, OnCommit, Page, Renewal, Retention, StateEvent, Store,
    Submitted, Tidied,
};
use crate::domain::id::{JobId, Lease};
use crate::domain::job::{AttemptEnd, Job, JobProgress, JobState, Output};
use crate::domain::log::LogLevel;
use crate::domain::request::JobSpec;
use crate::failpoint::{Point, failpoint};

pub use crate::db::CancelAnswer;

/// The most jobs in the snapshot that opens a stream of all jobs: a reader may not cost the server the whole queue.
const SNAPSHOT: u32 = 1000;

/// The queue of one server. All its futures may be dropped at any time: a change that was begun is carried out.
pub struct Queue {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
}

/// What follows the commits of the database.
struct Shared {
    registry: Registry,
    feed: OnceLock<Feed>,
    arrivals: Arc<Notify>,
    intake: Intake,
}

impl Queue {
    /// Opens the queue on the store that `open` makes; jobs that an earlier server left running are put right. Every job's
    /// token is a child of `root`.
    ///
    /// # Errors
    /// Those of `open`, and where the database fails.
    pub async fn open(
        root: CancellationToken,
        open: impl FnOnce(OnCommit) -> Result<Box<dyn Store>, Error>,
    ) -> Result<Self, Error> {
        let arrivals = Arc::new(Notify::new());
        let intake = Intake::new(Arc::clone(&arrivals));
        let shared = Arc::new(Shared { registry: Registry::new(root), feed: OnceLock::new(), arrivals, intake });
        let told = Arc::clone(&shared);
        let store: Arc<dyn Store> = open(Box::new(move |events| told.committed(&events)))?.into();
        failpoint(Point::Recovering);
        let interrupted = store.recover().await?;
        failpoint(Point::Recovered);
        if interrupted > 0 {
            tracing::warn!(interrupted, "{interrupted} jobs were running when the last server ended");
        }
        for job in store.unfinished_ids().await? {
            shared.registry.enter(job);
        }
        let (_, last_id) = store.unfinished(0).await?;
        // Set before anybody else can reach the queue; what recovery has told is in the database.
        shared.feed.get_or_init(|| Feed::new(last_id));
        shared.arrivals.notify_one();
        Ok(Self { store, shared })
    }

    /// Whether jobs are started at the moment.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.shared.intake
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
        let submitted = self.store.submit(NewJob { id, spec, idempotency }).await?;
        failpoint(Point::SubmitCommitted);
        Ok(submitted)
    }

    /// Asks a job to stop.
    ///
    /// # Errors
    /// As [`Store::cancel`].
    pub async fn cancel(&self, id: JobId, grace: Grace) -> Result<CancelAnswer, Error> {
        let (store, shared) = (Arc::clone(&self.store), Arc::clone(&self.shared));
        // A task of its own: whoever asked may be gone before the commit, and the grace must be bounded all the same.
        let asked = tokio::spawn(async move {
            let answer = store.cancel(id).await?;
            if let (CancelAnswer::Stopping(_), Grace::AtMost(time)) = (&answer, grace)
                // One that nobody has asked to stop belongs to a job that was cancelled and is tried again already.
                && let Some(entry) = shared.registry.get(id).filter(|entry| entry.stop_token().is_cancelled())
            {
                end_grace_after(&entry, time);
            }
            Ok(answer)
        });
        asked.await.map_err(|_| Error::Closed)?
    }

    /// The job that an earlier submit with this key and request has made.
    ///
    /// # Errors
    /// [`Error::KeyReused`] where the key came with another request.
    pub async fn replayed(&self, idempotency: IdempotencyKey) -> Result<Option<Job>, Error> {
        self.store.replayed(idempotency).await
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

    /// Takes at most `limit` jobs to run now.
    ///
    /// # Errors
    /// As [`Store::claim`].
    pub async fn claim(&self, limit: u32) -> Result<Claims, Error> {
        self.store.claim(limit).await
    }

    /// Renews leases; returns those that are still held.
    ///
    /// # Errors
    /// As [`Store::renew`].
    pub async fn renew(&self, renewals: Vec<Renewal>) -> Result<Vec<Lease>, Error> {
        self.store.renew(renewals).await
    }

    /// Ends the attempts whose leases were not renewed in time.
    ///
    /// # Errors
    /// As [`Store::expire`].
    pub async fn expire(&self) -> Result<u64, Error> {
        self.store.expire().await
    }

    /// Ends an attempt.
    ///
    /// # Errors
    /// As [`Store::finish`].
    pub async fn finish(&self, lease: Lease, end: AttemptEnd) -> Result<Job, Error> {
        self.store.finish(lease, end).await
    }

    /// Holds a job until it is resumed.
    ///
    /// # Errors
    /// As [`Store::pause`].
    pub async fn pause(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.with_progress(self.store.pause(id).await?))
    }

    /// Lets a paused job go on as soon as there is a slot for it.
    ///
    /// # Errors
    /// As [`Store::resume`].
    pub async fn resume(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.with_progress(self.store.resume(id).await?))
    }

    /// Puts a job that is over back into the queue.
    ///
    /// # Errors
    /// As [`Store::retry`].
    pub async fn retry(&self, id: JobId) -> Result<Job, Error> {
        let job = self.store.retry(id).await?;
        failpoint(Point::RetryCommitted);
        Ok(job)
    }

    /// Adds to a job what was saved of its outputs.
    ///
    /// # Errors
    /// As [`Store::salvaged`].
    pub async fn salvaged(&self, id: JobId, attempt: u32, outputs: Vec<Output>) -> Result<Job, Error> {
        self.store.salvaged(id, attempt, outputs).await
    }

    /// Removes some of what has been kept for long enough.
    ///
    /// # Errors
    /// As [`Store::tidy`].
    pub async fn tidy(&self, retention: Retention) -> Result<Tidied, Error> {
        self.store.tidy(retention).await
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

    /// Makes `progress` the latest of the job, unless the job has gone on without the attempt that `entry` stands for.
    pub fn set_progress(&self, job: JobId, entry: &Arc<Entry>, progress: JobProgress) {
        if self.is_current(job, entry) {
            self.feed().set_progress(job, &progress);
        }
        entry.set_progress(progress);
    }

    /// Adds a line to the attempt's log; the caller has bounded it and taken secrets out.
    pub fn add_log_line(&self, job: JobId, entry: &Arc<Entry>, level: LogLevel, line: &str) {
        if self.is_current(job, entry) {
            self.feed().add_log_line(job, level, line);
        }
        entry.add_log_line(line);
    }

    fn is_current(&self, job: JobId, entry: &Arc<Entry>) -> bool {
        self.entry(job).is_some_and(|current| Arc::ptr_eq(&current, entry))
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

    /// Whether a job that isn't over has the input of that name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn is_input_needed(&self, input: String) -> Result<bool, Error> {
        self.store.is_input_needed(input).await
    }

    /// The jobs that aren't over, those that run first where there are too many for one look, and the number of the last
    /// event before this look at them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn unfinished(&self) -> Result<(Vec<Job>, u64), Error> {
        let (jobs, position) = self.store.unfinished(SNAPSHOT).await?;
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
    pub async fn events_after(&self, after: u64, job: Option<JobId>, limit: u32) -> Result<History, Error> {
        self.store.events_after(after, job, limit).await
    }

    /// Removes the record of a job that is over.
    ///
    /// # Errors
    /// As [`Store::purge`].
    pub async fn purge(&self, id: JobId) -> Result<(), Error> {
        self.store.purge(id).await
    }

    /// Whether the database can be read and written now.
    ///
    /// # Errors
    /// Where it can't.
    pub async fn ping(&self) -> Result<(), Error> {
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
                // An attempt that was paused waits for a slot with its tokens and its process.
                JobState::Queued if event.open => {}
                JobState::Queued => self.registry.enter(event.job),
                JobState::Paused => {
                    failpoint(Point::PauseCommitted);
                    self.registry.pause(event.job, event.open);
                }
                JobState::Running => self.registry.go_on(event.job),
                JobState::Cancelling => {
                    failpoint(Point::CancelCommitted);
                    self.registry.stop(event.job);
                }
                JobState::Succeeded | JobState::Failed | JobState::Cancelled => self.registry.leave(event.job),
            }
        }
        if let Some(feed) = self.feed.get() {
            feed.commit(events);
        }
        // A pause frees a slot.
        if events.iter().any(|event| matches!(event.state, JobState::Queued | JobState::Paused)) {
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
