//! The states of a job and the one table of legal changes between them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits: for a slot, for its `run_at`, or to be tried again.
    Queued,
    /// An attempt runs.
    Running,
    /// It is held until a client resumes it; an attempt that ran stands still.
    Paused,
    /// It was asked to stop and hasn't yet.
    Cancelling,
    /// Every output is there and good.
    Succeeded,
    /// It ended without its outputs; `error` says why.
    Failed,
    /// It was stopped; in graceful mode the outputs hold what was encoded until then.
    Cancelled,
}

use JobState as S;

impl JobState {
    /// Every state.
    pub const ALL: [Self; 7] = [S::Queued, S::Running, S::Paused, S::Cancelling, S::Succeeded, S::Failed, S::Cancelled];

    /// The states that a job may go to from this one. What isn't listed here can't happen.
    ///
    /// An attempt that was paused stays open: while its job is paused, and while it is queued again for a slot to go on.
    /// That is how those two states can be followed by `cancelling` and by the end of an attempt.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            S::Queued => &[S::Running, S::Paused, S::Cancelling, S::Succeeded, S::Failed, S::Cancelled],
            // Back to the queue: the server stopped, or the attempt failed for a passing reason.
            S::Running => &[S::Queued, S::Paused, S::Cancelling, S::Succeeded, S::Failed, S::Cancelled],
            S::Paused => &[S::Queued, S::Cancelling, S::Succeeded, S::Failed, S::Cancelled],
            S::Cancelling => &[S::Cancelled],
            // A client wants it tried again.
            S::Succeeded | S::Failed | S::Cancelled => &[S::Queued],
        }
    }

    /// Whether the change to `next` is legal.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self.next().contains(&next)
    }

    /// Whether the job is over. It stays over unless a client wants it tried again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, S::Succeeded | S::Failed | S::Cancelled)
    }

    /// The name in JSON, SQL, metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            S::Queued => "queued",
            S::Running => "running",
            S::Paused => "paused",
            S::Cancelling => "cancelling",
            S::Succeeded => "succeeded",
            S::Failed => "failed",
            S::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_over_can_only_be_tried_again() {
        for state in JobState::ALL {
            if state.is_terminal() {
                assert_eq!(state.next(), [S::Queued], "{state}");
            }
            assert!(!state.may_become(state), "{state} is no change");
        }
    }

    #[test]
    fn a_job_asked_to_stop_is_never_run_again() {
        assert_eq!(S::Cancelling.next(), [S::Cancelled]);
    }

    #[test]
    fn states_are_spelled_the_same_everywhere() {
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(JobState::of_name(state.name()), Some(state));
        }
    }
}
