//! The pool: as many attempts at once as there are slots, the next one claimed the moment a slot or a job is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::attempt::{self, Room};
use super::keeper;
use super::seats::Seats;
use super::threads::encoder_threads;
use crate::db::{Claimed, Claims};
use crate::domain::time::{SharedClock, Timestamp};
use crate::failpoint::{Point, failpoint};
use crate::queue::Queue;

/// How long to wait after the database failed to hand out jobs, or while the disk is too full to start any.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest sleep until a job is due: somebody may set the clock meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// The pool of one server.
pub struct Pool {
    /// What the attempts work with.
    pub room: Room,
    /// How many jobs run at once.
    pub slots: usize,
    /// How many cores their encoders share.
    pub cores: usize,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// No job is started while fewer bytes are free.
    pub min_free_bytes: u64,
    /// Tells when jobs are due that wait for a time.
    pub clock: SharedClock,
    /// Cancelled when no more jobs are to be started.
    pub draining: CancellationToken,
}

impl Pool {
    /// Runs jobs until no more are to be started, and then until the last one has ended.
    ///
    /// Dropping the future kills what runs.
    pub async fn run(self) {
        let seats = Seats::new(self.lease);
        let keeper = keeper::keep(Arc::clone(self.queue()), seats.clone(), self.lease);
        let _keeper = AbortOnDropHandle::new(tokio::spawn(keeper));
        let mut running = JoinSet::new();
        while !self.draining.is_cancelled() {
            let again = self.fill(&seats, &mut running).await;
            tokio::select! {
                () = self.queue().arrival() => {}
                Some(_) = running.join_next() => {}
                () = self.draining.cancelled() => {}
                () = after(again) => {}
            }
            // Several may have ended at once.
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    fn queue(&self) -> &Arc<Queue> {
        &self.room.queue
    }

    /// Starts as many jobs as there are free slots and waiting jobs. Returns after which time there may be more to do without
    /// anything having happened.
    async fn fill(&self, seats: &Seats, running: &mut JoinSet<()>) -> Option<Duration> {
        let free = self.slots.saturating_sub(seats.busy());
        let limit = u32::try_from(free).ok().filter(|limit| *limit > 0 && !self.queue().intake().is_drained())?;
        if self.is_disk_low().await {
            return Some(PAUSE);
        }
        let asked = Instant::now();
        let claims = match self.queue().claim(limit).await {
            Ok(claims) => claims,
            Err(error) => {
                tracing::error!(%error, "no jobs could be claimed; trying again");
                return Some(PAUSE);
            }
        };
        let again = claims.next_due.map(|due| self.time_until(due));
        self.start(claims, asked, seats, running);
        again
    }

    fn start(&self, claims: Claims, asked: Instant, seats: &Seats, running: &mut JoinSet<()>) {
        let Claims { jobs, waiting, .. } = claims;
        if !jobs.is_empty() {
            failpoint(Point::ClaimCommitted);
        }
        // One that was paused goes on by itself now; its threads are what they were.
        let jobs: Vec<Claimed> = jobs.into_iter().filter(|job| !job.resumed).collect();
        let busy = seats.busy() + jobs.len();
        for job in jobs {
            let Some(entry) = self.queue().entry(job.job) else {
                tracing::error!(job.id = %job.job, "a claimed job has no entry");
                continue;
            };
            let seat = seats.take(job.lease, Arc::clone(&entry), asked);
            let threads = encoder_threads(self.cores, self.slots, busy, waiting as usize);
            let attempt = attempt::run(self.room.clone(), job, entry, threads);
            running.spawn(async move {
                attempt.await;
                drop(seat);
            });
        }
    }

    /// Whether there is too little room to start anything. Says so once.
    async fn is_disk_low(&self) -> bool {
        let files = Arc::clone(&self.room.files);
        let free = tokio::task::spawn_blocking(move || files.free_bytes()).await;
        let Ok(Ok(free_bytes)) = free else { return false };
        let low = free_bytes < self.min_free_bytes;
        if self.queue().intake().set_disk_low(low) {
            if low {
                tracing::warn!(free_bytes, "the disk is too full to start jobs; they wait");
            } else {
                tracing::info!(free_bytes, "there is room on the disk again");
            }
        }
        low
    }

    fn time_until(&self, due: Timestamp) -> Duration {
        Duration::from_millis(due.millis_since(self.clock.now()) + 1).min(LONGEST_SLEEP)
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
