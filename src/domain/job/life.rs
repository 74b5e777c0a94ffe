//! What a request or the end of an attempt means for a job. Pure decisions; the stores carry them out.

use super::attempt::{AttemptEnd, AttemptOutcome, Ending};
use super::cancellation::{CancelMethod, CancelReason, Cancellation};
use super::record::{Job, Mode, Output};
use super::retry::{Cause, Next, RetryPolicy, Tries};
use super::state::JobState;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::id::Lease;
use crate::domain::time::Timestamp;

/// What a request to cancel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// Nothing of it runs: it is cancelled at once.
    CancelNow,
    /// Its attempt is asked to stop.
    AskToStop,
    /// It was asked before.
    AskedBefore,
    /// It was cancelled before.
    CancelledBefore,
    /// It is over, and wasn't cancelled.
    TooLate,
}

/// What a request to cancel does to a job in `state`, whose attempt may be `open`.
#[must_use]
pub const fn on_cancel(state: JobState, open: bool) -> OnCancel {
    match state {
        JobState::Queued | JobState::Running | JobState::Paused if open => OnCancel::AskToStop,
        JobState::Queued | JobState::Running | JobState::Paused => OnCancel::CancelNow,
        JobState::Cancelling => OnCancel::AskedBefore,
        JobState::Cancelled => OnCancel::CancelledBefore,
        JobState::Succeeded | JobState::Failed => OnCancel::TooLate,
    }
}

/// Whether a client may do something to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is done.
    Do,
    /// It is so already.
    DoneBefore,
    /// Not in this state.
    Refuse,
}

/// Whether a job in `state` may be paused.
#[must_use]
pub const fn may_pause(state: JobState) -> Decision {
    match state {
        JobState::Queued | JobState::Running => Decision::Do,
        JobState::Paused => Decision::DoneBefore,
        JobState::Cancelling | JobState::Succeeded | JobState::Failed | JobState::Cancelled => Decision::Refuse,
    }
}

/// Whether a job in `state` may be resumed.
#[must_use]
pub const fn may_resume(state: JobState) -> Decision {
    match state {
        JobState::Paused => Decision::Do,
        JobState::Queued | JobState::Running => Decision::DoneBefore,
        JobState::Cancelling | JobState::Succeeded | JobState::Failed | JobState::Cancelled => Decision::Refuse,
    }
}

/// Whether a client may have a job in `state` tried again.
#[must_use]
pub const fn may_retry(state: JobState) -> Decision {
    if state.is_terminal() { Decision::Do } else { Decision::Refuse }
}

/// Whether what an attempt has left of a job in `state` may be saved: not while it may still come to its end.
#[must_use]
pub const fn may_salvage(state: JobState) -> Decision {
    match state {
        JobState::Failed | JobState::Cancelled => Decision::Do,
        JobState::Queued | JobState::Running | JobState::Paused | JobState::Cancelling | JobState::Succeeded => {
            Decision::Refuse
        }
    }
}

/// What a job becomes by the end of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The state of the job.
    pub state: JobState,
    /// How the attempt ended.
    pub outcome: AttemptOutcome,
    /// What was published.
    pub outputs: Option<Vec<Output>>,
    /// That it was asked to stop, and how that went.
    pub cancellation: Option<Cancellation>,
    /// Why the attempt, or the job, failed.
    pub error: Option<Failure>,
    /// Before this time it isn't tried again.
    pub run_at: Option<Timestamp>,
}

/// Decides what the end of the attempt with `lease` means for its job. A job that was asked to stop is cancelled, whatever
/// else happened to it. Attempts up to number `fresh_after` don't count against it any more.
#[must_use]
pub fn ended(
    job: &Job,
    lease: Lease,
    end: &AttemptEnd,
    fresh_after: u32,
    policy: &RetryPolicy,
    now: Timestamp,
) -> Verdict {
    if let Some(asked) = job.cancellation.as_ref().filter(|_| job.state == JobState::Cancelling) {
        return ended_as_asked(job, asked, &end.ending, now);
    }
    let tries = Tries::of(&job.attempts, fresh_after);
    let next = |cause| policy.next(cause, tries, job.max_attempts, lease.number());
    match &end.ending {
        Ending::Succeeded(outputs) => {
            Verdict { outputs: kept(job, outputs), ..verdict(JobState::Succeeded, AttemptOutcome::Succeeded) }
        }
        Ending::Failed(failure) => {
            let verdict = again_or_failed(job, next(Cause::Failed(failure)), AttemptOutcome::Failed, now);
            Verdict { error: Some(failure.clone()), ..verdict }
        }
        Ending::Lost => again_or_failed(job, next(Cause::Lost), AttemptOutcome::Lost, now),
        Ending::Stopped { reason: CancelReason::Shutdown, .. } => {
            again_or_failed(job, next(Cause::Interrupted), AttemptOutcome::Interrupted, now)
        }
        Ending::Stopped { reason, method, drain_ms, outputs, note } => {
            let requested_at = Timestamp::from_millis(now.as_millis() - i64::try_from(*drain_ms).unwrap_or(0));
            let cancellation =
                Cancellation { requested_at, reason: *reason, method: Some(*method), drain_ms: Some(*drain_ms) };
            cancelled(kept_of_stopped(job, outputs), cancellation, overdue(job, *reason).or_else(|| note.clone()))
        }
    }
}

fn ended_as_asked(job: &Job, asked: &Cancellation, ending: &Ending, now: Timestamp) -> Verdict {
    let over_before = Cancellation {
        method: Some(CancelMethod::NotStarted),
        drain_ms: Some(now.millis_since(asked.requested_at)),
        ..asked.clone()
    };
    match ending {
        Ending::Stopped { method, drain_ms, outputs, note, .. } => {
            let stopped = Cancellation { method: Some(*method), drain_ms: Some(*drain_ms), ..asked.clone() };
            cancelled(kept_of_stopped(job, outputs), stopped, note.clone())
        }
        // It was over before the request could reach it.
        Ending::Succeeded(outputs) => cancelled(kept_of_stopped(job, outputs), over_before, None),
        Ending::Failed(failure) => cancelled(None, over_before, Some(failure.clone())),
        // ffmpeg dies with its server, so this was the stop.
        Ending::Lost => cancelled(None, Cancellation { method: Some(CancelMethod::Kill), ..over_before }, None),
    }
}

/// Back to the queue, or, where it was paused, to being held.
fn again_or_failed(job: &Job, next: Next, outcome: AttemptOutcome, now: Timestamp) -> Verdict {
    let waiting = if job.state == JobState::Paused { JobState::Paused } else { JobState::Queued };
    match next {
        Next::Again(wait) => {
            let run_at = (!wait.is_zero()).then(|| now.after(wait));
            Verdict { run_at, ..verdict(waiting, outcome) }
        }
        Next::Fail => verdict(JobState::Failed, outcome),
        Next::SetAside => {
            let message = "the server went down again and again while this job ran, so it is set aside; \
                           look into the server's log before you have it tried again";
            let error = Some(Failure::new(FailureCode::CrashLoop, message));
            Verdict { error, ..verdict(JobState::Failed, outcome) }
        }
    }
}

const fn verdict(state: JobState, outcome: AttemptOutcome) -> Verdict {
    Verdict { state, outcome, outputs: None, cancellation: None, error: None, run_at: None }
}

fn cancelled(outputs: Option<Vec<Output>>, cancellation: Cancellation, error: Option<Failure>) -> Verdict {
    let verdict = verdict(JobState::Cancelled, AttemptOutcome::Cancelled);
    Verdict { outputs, cancellation: Some(cancellation), error, ..verdict }
}

/// The outputs with the addresses at which they are to be had; `None` where there are none.
fn kept(job: &Job, outputs: &[Output]) -> Option<Vec<Output>> {
    let mut outputs = outputs.to_vec();
    for output in &mut outputs {
        output.publish(job.id);
    }
    Some(outputs).filter(|outputs| !outputs.is_empty())
}

/// The outputs of a job that was stopped: even whole ones are kept only in the mode that keeps things.
fn kept_of_stopped(job: &Job, outputs: &[Output]) -> Option<Vec<Output>> {
    if job.mode == Mode::Graceful { kept(job, outputs) } else { None }
}

/// Why a job that nobody asked to stop was stopped.
fn overdue(job: &Job, reason: CancelReason) -> Option<Failure> {
    match reason {
        CancelReason::Timeout => {
            let message = format!("it was stopped after {} seconds, its timeout_seconds", job.timeout_seconds);
            Some(Failure::new(FailureCode::Timeout, message))
        }
        CancelReason::Stalled => {
            let message = "it was stopped because ffmpeg stood still: no progress, no work, no output";
            Some(Failure::new(FailureCode::Stalled, message))
        }
        CancelReason::Client | CancelReason::Shutdown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::JobId;
    use crate::domain::request::{JobSpec, Work};

    /// What becomes of a job that was asked to stop while its attempt, which was done already, ended like this.
    fn asked_too_late(mode: Mode, end: fn(Vec<Output>) -> Ending) -> Verdict {
        let at = Timestamp::from_millis(0);
        let output: Output = serde_json::from_str(
            r#"{"name":"a.wav","preset":null,"container":"wav","size_bytes":1,"sha256":null,"media":null,"partial":false,
                "playable":true,"url":null}"#,
        )
        .unwrap();
        let spec = JobSpec {
            input: "a.mp4".to_owned(),
            work: Work::Outputs(Vec::new()),
            mode,
            priority: 0,
            labels: std::collections::BTreeMap::new(),
            timeout_seconds: 60,
            grace_seconds: 60,
            max_attempts: 1,
            run_at: None,
            verify: None,
            crash_safe: false,
        };
        let mut job = Job::submitted(JobId::new(at, &[1; 10]), spec, at);
        job.state = JobState::Cancelling;
        job.cancellation =
            Some(Cancellation { requested_at: at, reason: CancelReason::Client, method: None, drain_ms: None });
        let end = AttemptEnd { ending: end(vec![output]), exit_code: Some(0), signal: None, progress: None };
        ended(&job, Lease::new(1), &end, 0, &RetryPolicy::default(), at)
    }

    #[test]
    fn only_graceful_jobs_keep_what_was_done_when_the_cancel_came() {
        let stopped = |outputs| Ending::Stopped {
            reason: CancelReason::Client,
            method: CancelMethod::NotStarted,
            drain_ms: 0,
            outputs,
            note: None,
        };
        for end in [Ending::Succeeded, stopped] {
            for (mode, kept) in [(Mode::Slim, 0), (Mode::Standard, 0), (Mode::Graceful, 1)] {
                let verdict = asked_too_late(mode, end);
                assert_eq!(verdict.state, JobState::Cancelled);
                assert_eq!(verdict.outputs.map_or(0, |outputs| outputs.len()), kept, "{mode:?}");
            }
        }
    }
}
