//! The pool: as many attempts at once as there are slots, the next one claimed the moment a slot or a job is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::{self, Room};
use super::threads::encoder_threads;
use crate::queue::Queue;

/// How long to wait after the database failed to hand out jobs.
const PAUSE: Duration = Duration::from_secs(1);

/// The pool of one server.
pub struct Pool {
    /// What the attempts work with.
    pub room: Room,
    /// How many jobs run at once.
    pub slots: usize,
    /// How many cores their encoders share.
    pub cores: usize,
    /// Cancelled when no more jobs are to be started.
    pub draining: CancellationToken,
}

impl Pool {
    /// Runs jobs until no more are to be started, and then until the last one has ended.
    ///
    /// Dropping the future kills what runs.
    pub async fn run(self) {
        let mut running = JoinSet::new();
        while !self.draining.is_cancelled() {
            self.fill(&mut running).await;
            tokio::select! {
                () = self.queue().arrival() => {}
                Some(_) = running.join_next() => {}
                () = self.draining.cancelled() => {}
            }
            // Several may have ended at once.
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    fn queue(&self) -> &Arc<Queue> {
        &self.room.queue
    }

    /// Starts as many jobs as there are free slots and waiting jobs.
    async fn fill(&self, running: &mut JoinSet<()>) {
        let free = self.slots - running.len().min(self.slots);
        let Some(limit) = u32::try_from(free).ok().filter(|limit| *limit > 0) else { return };
        let (claimed, waiting) = match self.queue().claim(limit).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "no jobs could be claimed; trying again");
                tokio::time::sleep(PAUSE).await;
                // An arrival that comes of itself, so that the loop tries again.
                self.queue().wake();
                return;
            }
        };
        let busy = running.len() + claimed.len();
        for job in claimed {
            let threads = encoder_threads(self.cores, self.slots, busy, waiting as usize);
            running.spawn(attempt::run(self.room.clone(), job, threads));
        }
    }
}
