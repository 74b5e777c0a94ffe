//! Keeps the house in bounds: removes jobs that have been kept for long enough, their files, files that no record tells
//! of, and uploads that nobody uses.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::db::{Error, Retention};
use crate::domain::id::{JobId, UploadId};
use crate::domain::job::Job;
use crate::domain::time::{SharedClock, Timestamp};
use crate::queue::Queue;
use crate::storage::{Files, UploadError, Uploads};

/// How often it looks for what may go.
const PERIOD: Duration = Duration::from_mins(1);

/// The upkeep of one server.
pub struct Upkeep {
    /// The jobs.
    pub queue: Arc<Queue>,
    /// What they have made.
    pub files: Arc<Files>,
    /// What clients have uploaded.
    pub uploads: Arc<Uploads>,
    /// The time.
    pub clock: SharedClock,
    /// How long what is over is kept.
    pub retention: Retention,
    /// How long uploads are kept that no job needs; `None` for ever.
    pub keep_uploads: Option<Duration>,
}

impl Upkeep {
    /// Works for ever. The future may be dropped at any time: what was begun is taken up again by the next server.
    pub async fn run(self) {
        self.remove_strays().await;
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "old jobs could not be removed; trying again");
            }
            if let Some(kept) = self.keep_uploads {
                self.expire_uploads(self.clock.now().before(kept)).await;
            }
        }
    }

    /// Removes what has been kept for long enough, in steps between which others get their turn.
    async fn tidy(&self) -> Result<(), Error> {
        loop {
            let tidied = self.queue.tidy(self.retention).await?;
            for job in tidied.jobs {
                self.remove(job).await;
            }
            if !tidied.more {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Removes the uploads that nothing has come for and nobody has used since `before`, and that no job needs.
    async fn expire_uploads(&self, before: Timestamp) {
        let uploads = Arc::clone(&self.uploads);
        let old = tokio::task::spawn_blocking(move || uploads.untouched_since(before)).await;
        let Ok(Ok(old)) = old else { return };
        for id in old {
            match self.expire_upload(id, before).await {
                Ok(()) | Err(UploadError::Busy | UploadError::Needed | UploadError::Unknown) => {}
                Err(error) => tracing::warn!(%error, "upload:{id} could not be removed; trying again"),
            }
        }
    }

    async fn expire_upload(&self, id: UploadId, before: Timestamp) -> Result<(), UploadError> {
        // From here on nobody can submit a job for it.
        let removal = self.uploads.removal(id)?;
        let needed = self.queue.is_input_needed(format!("upload:{id}")).await;
        let needed = needed.map_err(|error| UploadError::Io(std::io::Error::other(error)))?;
        let decide = move || match removal.is_untouched_since(before)? {
            true if needed => removal.keep(),
            true => removal.remove(),
            false => Ok(()),
        };
        tokio::task::spawn_blocking(decide).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))?;
        tracing::debug!(needed, "upload:{id} was untouched for long; it went unless it was needed");
        Ok(())
    }

    /// Removes files that no record tells of: a crash can come between a record and its files.
    async fn remove_strays(&self) {
        let files = Arc::clone(&self.files);
        let kept = tokio::task::spawn_blocking(move || files.kept().map(Iterator::collect::<Vec<_>>)).await;
        let Ok(Ok(kept)) = kept else { return };
        for job in kept {
            match self.queue.job(job).await {
                Ok(None) => self.remove(job).await,
                Ok(Some(record)) => self.withdraw_strays(&record).await,
                Err(_) => return,
            }
        }
    }

    /// Removes what ended attempts published and the record doesn't tell of. One that is open or only just begun decides for
    /// itself.
    async fn withdraw_strays(&self, record: &Job) {
        let told = record.outputs.iter().any(|output| output.url.is_some());
        let last = record.attempts.last().map(|attempt| attempt.number).filter(|_| told);
        let ended =
            record.attempts.iter().filter(|attempt| attempt.finished_at.is_some()).map(|attempt| attempt.number);
        let untold: Vec<u32> = ended.filter(|attempt| Some(*attempt) != last).collect();
        let job = record.id;
        self.work(job, move |files| untold.into_iter().try_for_each(|attempt| files.withdraw(job, attempt))).await;
    }

    async fn remove(&self, job: JobId) {
        self.work(job, move |files| files.remove(job)).await;
    }

    async fn work(&self, job: JobId, work: impl FnOnce(&Files) -> std::io::Result<()> + Send + 'static) {
        let files = Arc::clone(&self.files);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || work(&files)).await {
            tracing::warn!(job.id = %job, %error, "files of a job could not be removed; the next start tries again");
        }
    }
}
