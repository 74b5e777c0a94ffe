//! One attempt: from a claimed job to the record of how it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use metrics::{counter, histogram};

use crate::db::{Claimed, Error};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::id::JobId;
use crate::domain::job::{AttemptEnd, CancelReason, Ending, Job, JobProgress, JobState};
use crate::domain::log::LogLevel;
use crate::failpoint::{Point, failpoint};
use crate::queue::{Entry, Queue};
use crate::storage::Files;
use crate::transcode::{Controls, End, Observer, Order, Outcome, Transcoder};

/// How long to wait before an attempt's end is written again after the database failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What attempts work with.
#[derive(Clone)]
pub struct Room {
    /// The jobs.
    pub queue: Arc<Queue>,
    /// Runs them.
    pub transcoder: Arc<Transcoder>,
    /// What they have made.
    pub files: Arc<Files>,
}

/// Runs a job that was claimed, and records how that ended.
pub(super) async fn run(room: Room, claimed: Claimed, entry: Arc<Entry>, threads: u32) {
    let (job, attempt) = (claimed.job, claimed.attempt);
    tracing::info!(job.id = %job, job.attempt = attempt, lease = %claimed.lease, threads, "job {job} starts");
    let started = Instant::now();
    let outcome = transcode(&room, &claimed, &entry, threads).await;
    let end = end_of(outcome, &entry);
    match record(&room, &claimed, &entry, end).await {
        Ok(job) => {
            failpoint(Point::EndRecorded);
            report(&job, started.elapsed());
            settle(&room, &job, attempt).await;
        }
        Err(error) => {
            tracing::error!(job.id = %job, job.attempt = attempt, %error, "the end of an attempt could not be recorded");
            // Nobody will ever be told of what it made.
            let files = Arc::clone(&room.files);
            tidy(job, move || files.withdraw(job, attempt)).await;
        }
    }
}

/// Makes the files agree with the record: what isn't told of goes.
async fn settle(room: &Room, job: &Job, attempt: u32) {
    let (files, id) = (Arc::clone(&room.files), job.id);
    let published = job.outputs.iter().any(|output| output.url.is_some());
    // Attempts before this one may have left something, too: a server that crashed after it was published, before that was
    // recorded.
    let first_kept = if published { attempt } else { attempt + 1 };
    tidy(id, move || {
        files.withdraw_before(id, first_kept)?;
        if published { files.remove_remains(id) } else { Ok(()) }
    })
    .await;
}

async fn tidy(job: JobId, work: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    if let Err(error) = done {
        tracing::warn!(job.id = %job, %error, "files that nobody needs could not be removed; the next start tries again");
    }
}

async fn transcode(room: &Room, claimed: &Claimed, entry: &Arc<Entry>, threads: u32) -> Outcome {
    let order = Order { job: claimed.job, attempt: claimed.attempt, spec: &claimed.spec, threads };
    let controls = Controls {
        stop: entry.stop_token().clone(),
        kill: entry.kill_token().clone(),
        reason: Arc::clone(entry.reason()),
        paused: entry.paused(),
    };
    let observer = Reporter { queue: &room.queue, job: claimed.job, entry };
    // A bug in one job must not take the others with it.
    let run = AssertUnwindSafe(room.transcoder.run(order, &controls, &observer)).catch_unwind();
    run.await.unwrap_or_else(|_| {
        let failure = Failure::new(FailureCode::Internal, "the server made a mistake; its log has more");
        Outcome {
            end: End::Failed(failure),
            exit_code: None,
            signal: None,
            cpu: Duration::ZERO,
            peak_memory_bytes: None,
        }
    })
}

/// Passes on what the attempt tells of itself.
struct Reporter<'a> {
    queue: &'a Queue,
    job: JobId,
    entry: &'a Arc<Entry>,
}

impl Observer for Reporter<'_> {
    fn started(&self, pid: u32) {
        tracing::debug!(job.id = %self.job, pid, "ffmpeg runs");
    }

    fn progress(&self, progress: JobProgress) {
        self.queue.set_progress(self.job, self.entry, progress);
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.queue.add_log_line(self.job, self.entry, level, line);
    }
}

fn end_of(outcome: Outcome, entry: &Entry) -> AttemptEnd {
    let ending = match outcome.end {
        // Whatever it made, it had no right to it any more.
        _ if entry.is_fenced() => Ending::Lost,
        End::Succeeded(outputs) => Ending::Succeeded(outputs),
        End::Failed(failure) => Ending::Failed(failure),
        End::Stopped { method, drain_ms, outputs, note } => {
            // Stopped without a reason of its own: by the server's token.
            let reason = entry.reason().get().copied().unwrap_or(CancelReason::Shutdown);
            Ending::Stopped { reason, method, drain_ms, outputs, note }
        }
    };
    AttemptEnd { ending, exit_code: outcome.exit_code, signal: outcome.signal, progress: entry.progress() }
}

/// Writes the end until the database takes it: an hour's work must not be lost to a disk that is full for a minute.
async fn record(room: &Room, claimed: &Claimed, entry: &Entry, end: AttemptEnd) -> Result<Job, Error> {
    let mut end = end;
    loop {
        if entry.is_fenced() {
            end.ending = Ending::Lost;
        }
        match room.queue.finish(claimed.lease, end.clone()).await {
            Err(error) if error.is_outage() => {
                let job = claimed.job;
                tracing::error!(job.id = %job, %error, "the end of job {job} could not be recorded; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

fn report(job: &Job, took: Duration) {
    let (id, state) = (job.id, job.state);
    let error = job.error.as_ref().map(|error| error.message.as_str());
    if state == JobState::Failed {
        tracing::warn!(job.id = %id, error, "job {id} failed");
    } else {
        tracing::info!(job.id = %id, job.state = %state, error, "job {id} is {state}");
    }
    histogram!("transcoded_attempt_duration_seconds").record(took.as_secs_f64());
    if state.is_terminal() {
        counter!("transcoded_jobs_finished_total", "state" => state.name()).increment(1);
    }
}
