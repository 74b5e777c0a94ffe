//! One reader's way through the feed. It holds no buffer: it comes for what is new when the connection takes more, so a
//! slow reader costs nobody anything and misses no change of state.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use crate::domain::id::JobId;
use crate::http::context::Context;
use crate::http::errors::unknown_job;
use crate::http::problem::Problem;
use crate::queue::{Frame, LogFrame};

/// The least time between two `progress` events of a job on one stream.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// The most time without anything on the wire.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many events are fetched from the database at once.
const PAGE: u32 = 256;

/// Whose events are followed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    All,
    Job(JobId),
}

impl Scope {
    const fn job(self) -> Option<JobId> {
        match self {
            Self::All => None,
            Self::Job(job) => Some(job),
        }
    }
}

struct Reader {
    context: Context,
    job: Option<JobId>,
    /// What is ready to be sent.
    ready: VecDeque<Bytes>,
    /// The last state event that was made ready.
    position: u64,
    /// Ends once everything ready is sent.
    over: bool,
    /// Ends once everything missed is sent.
    job_is_over: bool,
    /// More was missed than is ready; it is fetched once that is sent, so that a reader holds one page at most.
    behind: bool,
    last_id: watch::Receiver<u64>,
    progress: watch::Receiver<u64>,
    progress_seen: u64,
    progress_due: Instant,
    log: Option<broadcast::Receiver<LogFrame>>,
}

/// Opens a stream: a snapshot, then what was missed since `seen`, then what happens.
///
/// # Errors
/// 404 for an unknown job, 503 without the database.
pub(super) async fn open(
    context: Context,
    scope: Scope,
    seen: Option<u64>,
    with_log: bool,
) -> Result<impl Stream<Item = Result<Bytes, Infallible>>, Problem> {
    let feed = context.queue.feed();
    // Listens before it looks, so that nothing can happen in between.
    let (last_id, progress) = (feed.last_id(), feed.progress_version());
    let log = with_log.then(|| feed.log());
    let Look { mut data, current, job_is_over } = look(&context, scope).await?;
    let seen = match seen {
        Some(seen) if is_gone(&context, scope, seen, current).await? => {
            data["history_gone"] = true.into();
            None
        }
        seen => seen,
    };
    // The snapshot stands where the reader stands, so that it may break off anywhere and resume without a gap.
    let position = match seen {
        Some(seen) => seen,
        None if job_is_over => before_the_end(&context, scope, current).await?,
        None => current,
    };
    let snapshot = format!("id: {position}\nevent: snapshot\ndata: {data}\n\n");
    let mut reader = Reader {
        job: scope.job(),
        ready: VecDeque::from([snapshot.into()]),
        position,
        over: false,
        job_is_over: false,
        behind: false,
        last_id,
        progress,
        progress_seen: 0,
        progress_due: Instant::now(),
        log,
        context,
    };
    reader.catch_up().await?;
    // Nothing more will come of a job that is over, even if its last event was seen before.
    reader.job_is_over = job_is_over;
    Ok(unfold(reader, |mut reader| async move { reader.next().await.map(|bytes| (Ok(bytes), reader)) }))
}

/// What is there now.
struct Look {
    /// The data of the snapshot.
    data: Value,
    /// The number of the last event before it.
    current: u64,
    /// Whether the job that is followed is over.
    job_is_over: bool,
}

async fn look(context: &Context, scope: Scope) -> Result<Look, Problem> {
    let (data, current, job_is_over) = match scope {
        Scope::All => {
            let (jobs, current) = context.queue.unfinished().await?;
            (serde_json::to_value(jobs).map(|jobs| json!({ "jobs": jobs })), current, false)
        }
        Scope::Job(id) => {
            let (job, current) = context.queue.job_and_position(id).await?.ok_or_else(|| unknown_job(id))?;
            (serde_json::to_value(&job), current, job.state.is_terminal())
        }
    };
    Ok(Look { data: data.map_err(|_| Problem::internal())?, current, job_is_over })
}

/// Whether not all events since `seen` are there any more. An id that we have never given out says nothing about what was
/// seen: the database may have been put back from a backup.
async fn is_gone(context: &Context, scope: Scope, seen: u64, current: u64) -> Result<bool, Problem> {
    if seen > current {
        return Ok(true);
    }
    if context.queue.feed().after(seen, scope.job()).is_some() {
        return Ok(false);
    }
    Ok(context.queue.events_after(seen, scope.job(), 0).await?.gone)
}

/// Just before the last event of a job that is over, so that even a late reader gets the event that ends the stream.
async fn before_the_end(context: &Context, scope: Scope, current: u64) -> Result<u64, Problem> {
    let mut position = current;
    let mut after = 0;
    loop {
        let history = context.queue.events_after(after, scope.job(), PAGE).await?;
        let Some(last) = history.events.last() else { return Ok(position) };
        (position, after) = (last.id - 1, last.id);
    }
}

impl Reader {
    /// The next frame; `None` where the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        let silent_until = Instant::now() + KEEP_ALIVE;
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.behind {
                self.catch_up().await.ok()?;
                continue;
            }
            if self.over || self.job_is_over {
                return None;
            }
            let closing = self.context.closing.clone();
            tokio::select! {
                biased;
                changed = self.last_id.changed() => {
                    // A database that can't be read ends the stream; the client comes back and finds out.
                    if changed.is_err() || self.catch_up().await.is_err() {
                        return None;
                    }
                }
                () = closing.cancelled() => return None,
                line = next_line(&mut self.log) => self.add_line(line),
                () = next_progress(&mut self.progress, self.progress_due) => self.add_progress(),
                () = sleep_until(silent_until) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    /// Makes the state events since `position` ready: all of them from memory or, after a long absence, a page of them from
    /// the database.
    async fn catch_up(&mut self) -> Result<(), Problem> {
        let target = *self.last_id.borrow_and_update();
        let page;
        let frames = if let Some(frames) = self.context.queue.feed().after(self.position, self.job) {
            self.behind = false;
            frames
        } else {
            page = self.context.queue.events_after(self.position, self.job, PAGE).await?;
            if page.gone {
                // It was away for so long that there is a gap. It is told so when it comes back.
                return Err(Problem::unavailable("history-gone", "events were missed that are gone"));
            }
            self.behind = page.events.len() == PAGE as usize;
            page.events.iter().map(Frame::from).collect()
        };
        for frame in frames {
            self.add(&frame);
        }
        if !self.behind {
            // All up to here was there, whether or not it was about this job.
            self.position = self.position.max(target);
        }
        Ok(())
    }

    fn add(&mut self, frame: &Frame) {
        self.position = self.position.max(frame.id);
        self.ready.push_back(Bytes::copy_from_slice(frame.text.as_bytes()));
        // Not for good: a job that is over may have been put back into the queue.
        self.over = frame.terminal && self.job.is_some();
    }

    fn add_progress(&mut self) {
        let newest = *self.progress.borrow_and_update();
        let frames = self.context.queue.feed().progress_after(self.progress_seen, self.job);
        self.progress_seen = newest;
        if !frames.is_empty() {
            self.progress_due = Instant::now() + PROGRESS_INTERVAL;
            // In one piece: all of one moment.
            self.ready.push_back(frames.concat().into());
        }
    }

    fn add_line(&mut self, line: Option<LogFrame>) {
        match line {
            None => self.log = None,
            Some(line) if self.job.is_none_or(|job| line.job == job) => {
                self.ready.push_back(Bytes::copy_from_slice(line.text.as_bytes()));
            }
            Some(_) => {}
        }
    }
}

/// The next log line; never, where none are wanted. A reader that was too slow goes on with the oldest that is left.
async fn next_line(log: &mut Option<broadcast::Receiver<LogFrame>>) -> Option<LogFrame> {
    let Some(log) = log else { return std::future::pending().await };
    loop {
        match log.recv().await {
            Ok(line) => return Some(line),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}

/// Waits until there is progress and enough time has passed since the last.
async fn next_progress(progress: &mut watch::Receiver<u64>, due: Instant) {
    sleep_until(due).await;
    if progress.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
