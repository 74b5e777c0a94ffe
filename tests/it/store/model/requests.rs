//! What clients and the upkeep may do to a job, in the model's own words.

use transcoded::db::Retention;
use transcoded::domain::id::JobId;
use transcoded::domain::job::{CancelMethod, CancelReason, Cancellation, JobState};
use transcoded::domain::time::Timestamp;

use super::calls::Answer;
use super::life::{DAY, Model};

impl Model {
    /// Nothing of a job that has no open attempt needs to be stopped; any other is asked to.
    pub(super) fn cancel(&mut self, job: JobId, now: Timestamp) -> Answer {
        let Some(index) = self.find(job) else { return Answer::Unknown };
        let known = &mut self.jobs[index];
        let asked =
            |method, drain_ms| Cancellation { requested_at: now, reason: CancelReason::Client, method, drain_ms };
        match known.job.state {
            JobState::Succeeded | JobState::Failed => Answer::TooLate(known.job.clone()),
            JobState::Cancelled => Answer::CancelledBefore(known.job.clone()),
            JobState::Cancelling => Answer::Stopping(known.job.clone()),
            JobState::Queued | JobState::Running | JobState::Paused => {
                known.held = false;
                if known.open.is_some() {
                    known.job.state = JobState::Cancelling;
                    known.job.cancellation = Some(asked(None, None));
                    self.changed(index);
                    Answer::Stopping(self.jobs[index].job.clone())
                } else {
                    known.job.state = JobState::Cancelled;
                    known.job.finished_at = Some(now);
                    known.job.run_at = None;
                    known.job.cancellation = Some(asked(Some(CancelMethod::NotStarted), Some(0)));
                    self.changed(index);
                    Answer::CancelledNow(self.jobs[index].job.clone())
                }
            }
        }
    }

    pub(super) fn pause(&mut self, job: JobId) -> Answer {
        let Some(index) = self.find(job) else { return Answer::Unknown };
        let known = &mut self.jobs[index];
        match known.job.state {
            JobState::Queued | JobState::Running => {
                known.job.state = JobState::Paused;
                known.held = false;
                self.changed(index);
            }
            JobState::Paused => {}
            state => return Answer::WrongState(state),
        }
        Answer::Job(self.jobs[index].job.clone())
    }

    /// Back to the queue, without becoming early by that.
    pub(super) fn resume(&mut self, job: JobId, now: Timestamp) -> Answer {
        let Some(index) = self.find(job) else { return Answer::Unknown };
        let known = &mut self.jobs[index];
        match known.job.state {
            JobState::Paused => {
                known.job.state = JobState::Queued;
                known.held = known.job.run_at.is_some_and(|at| at > now);
                self.changed(index);
            }
            JobState::Queued | JobState::Running => {}
            state => return Answer::WrongState(state),
        }
        Answer::Job(self.jobs[index].job.clone())
    }

    /// As it was submitted, but for its history.
    pub(super) fn retry(&mut self, job: JobId) -> Answer {
        let Some(index) = self.find(job) else { return Answer::Unknown };
        let state = self.jobs[index].job.state;
        if !is_over(state) {
            return Answer::WrongState(state);
        }
        if self.queue_is_full() {
            return Answer::QueueFull;
        }
        let known = &mut self.jobs[index];
        known.fresh_after = known.job.attempts.len();
        let job = &mut known.job;
        job.state = JobState::Queued;
        job.outputs = Vec::new();
        (job.cancellation, job.error, job.progress) = (None, None, None);
        (job.run_at, job.finished_at) = (None, None);
        self.changed(index);
        Answer::Job(self.jobs[index].job.clone())
    }

    pub(super) fn purge(&mut self, job: JobId) -> Answer {
        let Some(index) = self.find(job) else { return Answer::Unknown };
        let state = self.jobs[index].job.state;
        if !is_over(state) {
            return Answer::WrongState(state);
        }
        self.remove(index);
        Answer::Purged
    }

    /// There are never so many jobs here that one step isn't enough.
    pub(super) fn tidy(&mut self, retention: &Retention, now: Timestamp) -> Answer {
        let mut gone = Vec::new();
        for index in 0..self.jobs.len() {
            let known = &self.jobs[index];
            let kept = match known.job.state {
                JobState::Succeeded => retention.succeeded,
                JobState::Failed => retention.failed,
                JobState::Cancelled => retention.cancelled,
                _ => None,
            };
            let ended = known.job.finished_at.filter(|_| !known.removed);
            if ended.zip(kept).is_some_and(|(ended, kept)| ended.after(kept) < now) {
                gone.push(known.job.id);
                self.remove(index);
            }
        }
        self.history.trim(retention.most_events);
        self.keys.retain(|_, key| key.at.after(DAY) >= now);
        gone.sort_unstable();
        Answer::Tidied { jobs: gone, more: false }
    }

    /// Of a removed job nothing is left but what its idempotency key remembers.
    fn remove(&mut self, index: usize) {
        self.jobs[index].removed = true;
        self.history.forget(self.jobs[index].job.id);
    }
}

pub(super) fn is_over(state: JobState) -> bool {
    matches!(state, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
}
