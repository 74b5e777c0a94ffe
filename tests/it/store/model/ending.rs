//! What the end of an attempt must mean for its job, in the model's own words.

use std::time::Duration;

use transcoded::domain::failure::{Failure, FailureCode};
use transcoded::domain::job::{
    AttemptEnd, AttemptOutcome, CancelMethod, CancelReason, Cancellation, Ending, JobState, Mode, Output,
};
use transcoded::domain::time::Timestamp;

use super::life::{Known, Model};

/// A message that the store may word as it likes.
pub(super) const ANY: &str = "(any message)";

impl Model {
    /// Ends the open attempt of a job.
    pub(super) fn end(&mut self, index: usize, end: &AttemptEnd, now: Timestamp) {
        let retry = self.rules.retry;
        let known = &mut self.jobs[index];
        known.open = None;
        known.job.progress.clone_from(&end.progress);
        known.job.error = None;
        known.job.outputs = Vec::new();
        let outcome = if known.job.state == JobState::Cancelling {
            stopped_as_asked(known, &end.ending, now);
            AttemptOutcome::Cancelled
        } else {
            known.job.cancellation = None;
            match &end.ending {
                Ending::Succeeded(outputs) => {
                    over(known, JobState::Succeeded, now);
                    publish(known, outputs);
                    AttemptOutcome::Succeeded
                }
                Ending::Failed(failure) => {
                    // Interruptions and losses use up no attempt.
                    let failed = fresh(known).filter(|outcome| *outcome == AttemptOutcome::Failed).count() + 1;
                    if failure.retryable && failed < known.job.max_attempts as usize {
                        wait(known, doubled(retry.delay, failed - 1).min(retry.longest), now);
                    } else {
                        over(known, JobState::Failed, now);
                    }
                    known.job.error = Some(failure.clone());
                    AttemptOutcome::Failed
                }
                Ending::Lost => {
                    let row = fresh(known).rev().take_while(|outcome| *outcome == AttemptOutcome::Lost).count() + 1;
                    if row >= retry.most_crashes as usize {
                        over(known, JobState::Failed, now);
                        known.job.error = Some(Failure::new(FailureCode::CrashLoop, ANY));
                    } else if row == 1 {
                        wait(known, Duration::ZERO, now);
                    } else {
                        wait(known, doubled(retry.delay, row - 2).min(retry.longest), now);
                    }
                    AttemptOutcome::Lost
                }
                Ending::Stopped { reason: CancelReason::Shutdown, .. } => {
                    wait(known, Duration::ZERO, now);
                    AttemptOutcome::Interrupted
                }
                Ending::Stopped { reason, method, drain_ms, outputs, note } => {
                    let requested_at = Timestamp::from_millis(now.as_millis() - i64::try_from(*drain_ms).unwrap());
                    over(known, JobState::Cancelled, now);
                    known.job.cancellation = Some(Cancellation {
                        requested_at,
                        reason: *reason,
                        method: Some(*method),
                        drain_ms: Some(*drain_ms),
                    });
                    keep_of_stopped(known, outputs);
                    known.job.error = match reason {
                        CancelReason::Timeout => Some(Failure::new(FailureCode::Timeout, ANY)),
                        CancelReason::Stalled => Some(Failure::new(FailureCode::Stalled, ANY)),
                        CancelReason::Client | CancelReason::Shutdown => note.clone(),
                    };
                    AttemptOutcome::Cancelled
                }
            }
        };
        let error = known.job.error.clone().filter(|_| outcome == AttemptOutcome::Failed);
        let attempt = known.job.attempts.last_mut().expect("an attempt that ends");
        attempt.finished_at = Some(now);
        (attempt.outcome, attempt.error) = (Some(outcome), error);
        (attempt.exit_code, attempt.signal) = (end.exit_code, end.signal);
        self.changed(index);
    }
}

/// A job whose stop was asked for is cancelled, whatever else happened to it.
fn stopped_as_asked(known: &mut Known, ending: &Ending, now: Timestamp) {
    over(known, JobState::Cancelled, now);
    let asked = known.job.cancellation.as_mut().expect("that it was asked");
    let passed = u64::try_from(now.as_millis() - asked.requested_at.as_millis()).unwrap_or(0);
    (asked.method, asked.drain_ms) = (Some(CancelMethod::NotStarted), Some(passed));
    match ending {
        Ending::Stopped { method, drain_ms, outputs, note, .. } => {
            (asked.method, asked.drain_ms) = (Some(*method), Some(*drain_ms));
            keep_of_stopped(known, outputs);
            known.job.error.clone_from(note);
        }
        Ending::Succeeded(outputs) => keep_of_stopped(known, outputs),
        Ending::Failed(failure) => known.job.error = Some(failure.clone()),
        Ending::Lost => asked.method = Some(CancelMethod::Kill),
    }
}

fn over(known: &mut Known, state: JobState, now: Timestamp) {
    known.job.state = state;
    known.job.run_at = None;
    known.job.finished_at = Some(now);
}

/// Back to the queue, or to being held where it was paused; to be tried again a quarter before or after `wait`.
fn wait(known: &mut Known, wait: Duration, now: Timestamp) {
    let paused = known.job.state == JobState::Paused;
    known.job.state = if paused { JobState::Paused } else { JobState::Queued };
    known.job.run_at = None;
    known.held = false;
    if !wait.is_zero() {
        known.wait = Some((now.after(wait * 3 / 4), now.after(wait * 5 / 4 + Duration::from_millis(1))));
        known.held = !paused;
    }
}

/// How the attempts ended since the submit, or since a client last wanted the job tried again.
fn fresh(known: &Known) -> impl DoubleEndedIterator<Item = AttemptOutcome> {
    known.job.attempts[known.fresh_after..].iter().filter_map(|attempt| attempt.outcome)
}

fn doubled(delay: Duration, times: usize) -> Duration {
    (0..times).fold(delay, |delay, _| delay * 2)
}

/// Only this mode keeps what was made of a job that was stopped.
fn keep_of_stopped(known: &mut Known, outputs: &[Output]) {
    if known.job.mode == Mode::Graceful {
        publish(known, outputs);
    }
}

fn publish(known: &mut Known, outputs: &[Output]) {
    known.job.outputs = outputs.to_vec();
    for output in &mut known.job.outputs {
        output.url = Some(format!("/v1/jobs/{}/outputs/a%20b.mp4", known.job.id));
    }
}
