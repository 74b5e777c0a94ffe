//! Whether and when a job is tried again: one pure function of what happened.

use std::time::Duration;

use super::attempt::{Attempt, AttemptOutcome};
use crate::domain::failure::Failure;

/// How patient a server is with failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait before the second attempt; it doubles with each further one.
    pub delay: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How often in a row a job may be running when its server crashes, before it is set aside.
    pub most_crashes: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { delay: Duration::from_secs(5), longest: Duration::from_mins(10), most_crashes: 5 }
    }
}

/// Why an attempt made nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cause<'a> {
    /// It failed.
    Failed(&'a Failure),
    /// The server stopped.
    Interrupted,
    /// The server crashed.
    Lost,
}

/// What has been tried before, without the attempt that has just ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    /// How many attempts failed since the submit, or since a client last wanted the job tried again.
    failed: u32,
    /// How many attempts in a row were lost.
    lost: u32,
}

impl Tries {
    /// Counts the attempts after number `fresh_after`.
    pub(super) fn of(attempts: &[Attempt], fresh_after: u32) -> Self {
        let ended =
            attempts.iter().filter(|attempt| attempt.number > fresh_after).filter_map(|attempt| attempt.outcome);
        ended.fold(Self::default(), |tries, outcome| match outcome {
            AttemptOutcome::Failed => Self { failed: tries.failed + 1, lost: 0 },
            AttemptOutcome::Lost => Self { lost: tries.lost + 1, ..tries },
            AttemptOutcome::Succeeded | AttemptOutcome::Cancelled | AttemptOutcome::Interrupted => {
                Self { lost: 0, ..tries }
            }
        })
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after this time.
    Again(Duration),
    /// It has failed.
    Fail,
    /// It has been there too often when the server went down.
    SetAside,
}

impl RetryPolicy {
    /// Decides what follows an attempt that made nothing. `spread` is any number that differs from job to job: it spreads
    /// the waits by a quarter to either side, so that jobs that failed together don't come back together.
    pub(super) fn next(&self, cause: Cause<'_>, tries: Tries, max_attempts: u32, spread: u64) -> Next {
        match cause {
            Cause::Failed(failure) if failure.retryable && tries.failed + 1 < max_attempts => {
                Next::Again(self.wait(tries.failed, spread))
            }
            Cause::Failed(_) => Next::Fail,
            Cause::Interrupted => Next::Again(Duration::ZERO),
            Cause::Lost if tries.lost + 1 >= self.most_crashes => Next::SetAside,
            // A crash blames all that ran; the first time nobody has to wait for it.
            Cause::Lost => Next::Again(tries.lost.checked_sub(1).map_or(Duration::ZERO, |n| self.wait(n, spread))),
        }
    }

    fn wait(&self, doublings: u32, spread: u64) -> Duration {
        let wait = self.delay.saturating_mul(1 << doublings.min(20)).min(self.longest);
        // Neighbouring numbers must differ in all of it (the step of splitmix64).
        let share = spread.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        wait.mul_f64(0.75 + f64::from(u16::try_from(share).unwrap_or(u16::MAX)) / f64::from(u16::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureCode;

    const POLICY: RetryPolicy =
        RetryPolicy { delay: Duration::from_secs(4), longest: Duration::from_mins(1), most_crashes: 3 };

    fn tries(failed: u32, lost: u32) -> Tries {
        Tries { failed, lost }
    }

    #[test]
    fn what_will_never_work_fails_at_once() {
        let failure = Failure::new(FailureCode::InputInvalid, "no media");
        assert_eq!(POLICY.next(Cause::Failed(&failure), tries(0, 0), 20, 1), Next::Fail);
    }

    #[test]
    fn passing_failures_wait_ever_longer_until_the_attempts_are_used_up() {
        let failure = Failure::new(FailureCode::DiskFull, "full");
        let mut waits = Vec::new();
        for failed in 0..8 {
            match POLICY.next(Cause::Failed(&failure), tries(failed, 0), 8, 7) {
                Next::Again(wait) => waits.push(wait.as_secs_f64()),
                other => assert_eq!((failed, other), (7, Next::Fail)),
            }
        }
        for (wait, middle) in waits.iter().zip([4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]) {
            assert!((middle * 0.75..=middle * 1.25).contains(wait), "{waits:?}");
        }
    }

    #[test]
    fn jobs_that_failed_together_come_back_apart() {
        let waits: std::collections::HashSet<_> = (0..100).map(|lease| POLICY.wait(0, lease).as_millis()).collect();
        assert!(waits.len() > 90, "{} of 100 differ", waits.len());
    }

    #[test]
    fn a_stopped_server_costs_a_job_nothing_and_crashes_in_a_row_set_it_aside() {
        assert_eq!(POLICY.next(Cause::Interrupted, tries(2, 2), 3, 1), Next::Again(Duration::ZERO));
        assert_eq!(POLICY.next(Cause::Lost, tries(2, 0), 3, 1), Next::Again(Duration::ZERO));
        assert!(matches!(POLICY.next(Cause::Lost, tries(0, 1), 3, 1), Next::Again(wait) if wait > Duration::ZERO));
        assert_eq!(POLICY.next(Cause::Lost, tries(0, 2), 3, 1), Next::SetAside);
    }
}
