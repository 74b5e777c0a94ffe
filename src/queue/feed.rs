//! What clients follow: changes of state in the order of the commits, progress of which only the latest counts, log lines.
//!
//! Each event is made into its frame once, for all readers. Nothing here waits for a reader, and no reader has a buffer
//! here: each comes for what is new since its last visit, and who stays away too long is served from the database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::db::StateEvent;
use crate::domain::id::JobId;
use crate::domain::job::{JobProgress, JobState};
use crate::domain::log::LogLevel;

/// How many frames of state events are kept in memory.
const KEPT: usize = 1024;
/// How many log lines a reader may be behind before it loses the oldest.
const LOG_LINES: usize = 1024;

/// A change of state, ready to be sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The number of the event.
    pub id: u64,
    /// The job.
    pub job: JobId,
    /// Whether the job is over with it.
    pub terminal: bool,
    /// `id`, `event` and `data`, as they go over the wire.
    pub text: Arc<str>,
}

impl From<&StateEvent> for Frame {
    fn from(event: &StateEvent) -> Self {
        let text = format!("id: {}\nevent: state\ndata: {}\n\n", event.id, event.document).into();
        Self { id: event.id, job: event.job, terminal: event.state.is_terminal(), text }
    }
}

/// A log line, ready to be sent.
#[derive(Clone, Debug)]
pub struct LogFrame {
    /// The job.
    pub job: JobId,
    /// `event` and `data`, as they go over the wire.
    pub text: Arc<str>,
}

/// The latest of everything.
#[derive(Debug)]
pub struct Feed {
    recent: RwLock<VecDeque<Frame>>,
    last_id: watch::Sender<u64>,
    progress: RwLock<HashMap<JobId, (u64, Arc<str>)>>,
    progress_version: watch::Sender<u64>,
    log: broadcast::Sender<LogFrame>,
}

impl Feed {
    pub(super) fn new(last_id: u64) -> Self {
        Self {
            recent: RwLock::default(),
            last_id: watch::Sender::new(last_id),
            progress: RwLock::default(),
            progress_version: watch::Sender::new(0),
            log: broadcast::Sender::new(LOG_LINES),
        }
    }

    /// Tells when there are new state events: its value is the number of the last one.
    #[must_use]
    pub fn last_id(&self) -> watch::Receiver<u64> {
        self.last_id.subscribe()
    }

    /// The state events after `after`, of one job or of all; `None` where memory doesn't go back so far.
    #[must_use]
    pub fn after(&self, after: u64, job: Option<JobId>) -> Option<Vec<Frame>> {
        let recent = read(&self.recent);
        let kept_from = recent.front().map_or(*self.last_id.borrow(), |frame| frame.id - 1);
        if after < kept_from {
            return None;
        }
        let start = recent.partition_point(|frame| frame.id <= after);
        Some(recent.range(start..).filter(|frame| job.is_none_or(|job| frame.job == job)).cloned().collect())
    }

    /// Tells when there is new progress: its value grows with each.
    #[must_use]
    pub fn progress_version(&self) -> watch::Receiver<u64> {
        self.progress_version.subscribe()
    }

    /// The latest progress of one job or of all, where it is newer than the version `after`.
    #[must_use]
    pub fn progress_after(&self, after: u64, job: Option<JobId>) -> Vec<Arc<str>> {
        let progress = read(&self.progress);
        let newer = |(version, text): &(u64, Arc<str>)| (*version > after).then(|| Arc::clone(text));
        match job {
            Some(job) => progress.get(&job).and_then(newer).into_iter().collect(),
            None => progress.values().filter_map(newer).collect(),
        }
    }

    /// The log lines of all jobs from now on.
    #[must_use]
    pub fn log(&self) -> broadcast::Receiver<LogFrame> {
        self.log.subscribe()
    }

    /// Adds the events of one commit.
    pub(super) fn commit(&self, events: &[StateEvent]) {
        let Some(last) = events.last() else { return };
        let mut recent = write(&self.recent);
        for event in events {
            if recent.len() == KEPT {
                recent.pop_front();
            }
            recent.push_back(event.into());
            if !matches!(event.state, JobState::Running | JobState::Cancelling) {
                write(&self.progress).remove(&event.job);
            }
        }
        // Under the lock, so that who sees the number finds the frames.
        self.last_id.send_replace(last.id);
    }

    /// Makes `progress` the latest of the job.
    pub(super) fn set_progress(&self, job: JobId, progress: &JobProgress) {
        #[derive(Serialize)]
        struct Progress<'a> {
            job_id: JobId,
            #[serde(flatten)]
            progress: &'a JobProgress,
        }
        let Some(text) = frame("progress", &Progress { job_id: job, progress }) else { return };
        let mut all = write(&self.progress);
        let version = *self.progress_version.borrow() + 1;
        all.insert(job, (version, text));
        self.progress_version.send_replace(version);
    }

    /// Sends a log line to those who listen.
    pub(super) fn add_log_line(&self, job: JobId, level: LogLevel, line: &str) {
        #[derive(Serialize)]
        struct Data<'a> {
            job_id: JobId,
            line: &'a str,
            level: &'static str,
        }
        if self.log.receiver_count() == 0 {
            return;
        }
        if let Some(text) = frame("log", &Data { job_id: job, line, level: level.name() }) {
            // Nobody may be left to hear it.
            let _ = self.log.send(LogFrame { job, text });
        }
    }
}

/// An event without a number, as it goes over the wire.
fn frame(event: &str, data: &impl Serialize) -> Option<Arc<str>> {
    let data = serde_json::to_string(data).ok()?;
    Some(format!("event: {event}\ndata: {data}\n\n").into())
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn event(id: u64, number: u8, state: JobState) -> StateEvent {
        StateEvent {
            id,
            job: JobId::new(Timestamp::from_millis(0), &[number; 10]),
            state,
            open: false,
            document: "{}".into(),
        }
    }

    #[test]
    fn a_reader_that_stays_away_too_long_is_sent_to_the_database() {
        let feed = Feed::new(10);
        assert!(feed.after(9, None).is_none() && feed.after(10, None).unwrap().is_empty());
        for id in 11..=10 + KEPT as u64 {
            feed.commit(&[event(id, 1, JobState::Queued)]);
        }
        assert_eq!(feed.after(10, None).unwrap().len(), KEPT);
        feed.commit(&[event(11 + KEPT as u64, 1, JobState::Queued)]);
        assert!(feed.after(10, None).is_none());
        assert_eq!(*feed.last_id().borrow(), 11 + KEPT as u64);
    }

    #[test]
    fn events_are_found_by_job_and_numbers_may_have_gaps() {
        let feed = Feed::new(0);
        feed.commit(&[event(1, 1, JobState::Queued), event(3, 2, JobState::Queued), event(7, 1, JobState::Running)]);
        let ids = |frames: Vec<Frame>| frames.iter().map(|frame| frame.id).collect::<Vec<_>>();
        assert_eq!(ids(feed.after(0, None).unwrap()), [1, 3, 7]);
        assert_eq!(ids(feed.after(1, Some(event(0, 1, JobState::Queued).job)).unwrap()), [7]);
    }

    #[test]
    fn only_the_latest_progress_counts_and_none_is_left_of_a_job_that_is_over() {
        let feed = Feed::new(0);
        let job = event(1, 1, JobState::Running).job;
        for percent in [1.0, 2.0] {
            feed.set_progress(job, &JobProgress { percent: Some(percent), ..JobProgress::default() });
        }
        let found = feed.progress_after(0, None);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(r#""percent":2.0"#), "{}", found[0]);
        assert!(feed.progress_after(2, Some(job)).is_empty());
        feed.commit(&[event(1, 1, JobState::Succeeded)]);
        assert!(feed.progress_after(0, Some(job)).is_empty());
    }
}
