//! The events: exactly one for each change, told in order, kept as long as they should be.

use std::collections::VecDeque;

use transcoded::db::StateEvent;
use transcoded::domain::id::JobId;
use transcoded::domain::job::{Job, JobState};

use super::ending::ANY;
use super::life::{Known, Model};
use super::requests::is_over;

/// The events that a store must have.
#[derive(Debug, Default)]
pub(super) struct History {
    /// What was told and is still to be accounted for.
    told: VecDeque<StateEvent>,
    /// How many were told.
    heard: usize,
    /// The number of the last one.
    pub(super) last: u64,
    /// Those that are kept.
    pub(super) kept: Vec<StateEvent>,
    /// Those of jobs that were removed, and those that were too many.
    gone: Vec<(u64, JobId)>,
    /// Up to which number there were too many.
    trimmed: u64,
}

impl History {
    /// Takes in what was told since the last time.
    pub(super) fn hear(&mut self, told: &[StateEvent]) {
        self.told.extend(told[self.heard..].iter().cloned());
        self.heard = told.len();
    }

    pub(super) fn is_accounted_for(&self) -> bool {
        self.told.is_empty()
    }

    fn next(&mut self) -> StateEvent {
        let event = self.told.pop_front().expect("an event for each change");
        assert!(event.id > self.last, "event {} after {}", event.id, self.last);
        self.last = event.id;
        self.kept.push(event.clone());
        event
    }

    /// Only the newest are kept, as many numbers back as there may be events.
    pub(super) fn trim(&mut self, most: u64) {
        let Some(newest) = self.kept.last() else { return };
        let up_to = newest.id.saturating_sub(most);
        for event in self.kept.extract_if(.., |event| event.id <= up_to) {
            self.trimmed = event.id;
            self.gone.push((event.id, event.job));
        }
    }

    pub(super) fn forget(&mut self, job: JobId) {
        self.gone.extend(self.kept.extract_if(.., |event| event.job == job).map(|event| (event.id, event.job)));
    }

    /// Whether a reader that asks for what came after `after` misses something; `None` where it may say either.
    pub(super) fn misses(&self, after: u64, job: Option<&Known>) -> Option<bool> {
        match job {
            None => Some(self.gone.iter().any(|(id, _)| *id > after)),
            Some(known) if self.trimmed <= after => Some(false).filter(|_| !known.removed),
            Some(known) => self.gone.iter().any(|(id, job)| *id > after && *job == known.job.id).then_some(true),
        }
    }
}

impl Model {
    /// A job has changed: that was told, with the job as it is now, and nothing else was told before it.
    pub(super) fn changed(&mut self, index: usize) {
        let event = self.history.next();
        let seen: Job = serde_json::from_str(&event.document).unwrap();
        let known = &mut self.jobs[index];
        settle(known, &seen);
        assert_eq!(seen, known.job);
        assert_eq!((event.job, event.state, event.open), (known.job.id, known.job.state, known.open.is_some()));
        check_sense(&seen);
    }
}

/// Takes over what the store may choose, where it has chosen within bounds.
fn settle(known: &mut Known, seen: &Job) {
    if let Some((earliest, latest)) = known.wait.take() {
        let at = seen.run_at.expect("a time at which it is tried again");
        assert!((earliest..=latest).contains(&at), "{at} isn't between {earliest} and {latest}");
        known.job.run_at = Some(at);
    }
    if let (Some(error), Some(seen)) = (&mut known.job.error, &seen.error)
        && error.message == ANY
        && !seen.message.is_empty()
    {
        error.message.clone_from(&seen.message);
    }
}

/// What no job ever contradicts.
fn check_sense(job: &Job) {
    let numbers: Vec<_> = job.attempts.iter().map(|attempt| attempt.number).collect();
    assert!(numbers.iter().copied().eq(1..=u32::try_from(numbers.len()).unwrap()), "{numbers:?}");
    let open: Vec<_> = job.attempts.iter().filter(|attempt| attempt.outcome.is_none()).collect();
    assert!(open.len() <= 1 && open.first().copied() == job.open_attempt(), "at most one, the last: {job:?}");
    let runs = matches!(job.state, JobState::Running | JobState::Cancelling);
    assert!(!runs || open.len() == 1, "what runs has an attempt: {job:?}");
    assert!(!is_over(job.state) || open.is_empty(), "what is over runs no more: {job:?}");
    assert_eq!(is_over(job.state), job.finished_at.is_some(), "{job:?}");
    assert!(!runs || job.run_at.is_none(), "what runs waits for no time: {job:?}");
}
