//! What must hold of jobs, their leases and their turns, in the model's own words.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use transcoded::db::{NewJob, Rules};
use transcoded::domain::id::{JobId, Lease};
use transcoded::domain::job::{Attempt, AttemptEnd, Ending, Job, JobState};
use transcoded::domain::time::Timestamp;

use super::calls::{Answer, Call};
use super::history::History;

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) time: Timestamp,
    pub(super) steady: Duration,
}

/// A job that was submitted at some time.
#[derive(Debug)]
pub(super) struct Known {
    /// How it must look; once it is removed, how it looked last.
    pub(super) job: Job,
    /// Whether its time was still to come when somebody last looked at the time for it.
    pub(super) held: bool,
    /// Its open attempt.
    pub(super) open: Option<Open>,
    /// How many attempts were made before a client last wanted it tried again.
    pub(super) fresh_after: usize,
    /// Whether it is gone.
    pub(super) removed: bool,
    /// Between which times it must be tried again, where that was just decided.
    pub(super) wait: Option<(Timestamp, Timestamp)>,
}

/// An attempt that hasn't ended.
#[derive(Debug)]
pub(super) struct Open {
    /// The how manieth start of any job it was.
    pub(super) start: u64,
    /// Its lease, unless whoever claimed it never got to know.
    pub(super) lease: Option<Lease>,
    /// When the lease is over, on the steady clock.
    pub(super) until: Duration,
}

/// An idempotency key that was used.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) request: [u8; 32],
    pub(super) job: usize,
    pub(super) at: Timestamp,
}

/// All that a store must know.
#[derive(Debug)]
pub(super) struct Model {
    /// In order of submission.
    pub(super) jobs: Vec<Known>,
    pub(super) keys: HashMap<String, Key>,
    /// How many attempts were started.
    pub(super) starts: u64,
    /// Every lease that somebody got, in order.
    pub(super) given: Vec<Lease>,
    pub(super) history: History,
    pub(super) rules: Rules,
}

pub(super) const DAY: Duration = Duration::from_hours(24);

impl Model {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            jobs: Vec::new(),
            keys: HashMap::new(),
            starts: 0,
            given: Vec::new(),
            history: History::default(),
            rules,
        }
    }

    /// What the store must answer, after which the model is as the store must be. `leases` are those that a claim gave.
    pub(super) fn answer(&mut self, call: &Call, now: Now, leases: Option<&[Lease]>) -> Answer {
        match call {
            Call::Submit(new) => self.submit(new, now.time),
            Call::Claim(limit) => self.claim(*limit, now, leases),
            Call::Renew(leases) => self.renew(leases, now),
            Call::Expire => {
                let over = self.open_where(|open| open.until <= now.steady);
                self.end_all(&over, now)
            }
            Call::Finish(lease, end) => match self.open_where(|open| open.lease == Some(*lease)).first() {
                Some(job) => {
                    self.end(*job, end, now.time);
                    Answer::Job(self.jobs[*job].job.clone())
                }
                None => Answer::Stale,
            },
            Call::Cancel(job) => self.cancel(*job, now.time),
            Call::Pause(job) => self.pause(*job),
            Call::Resume(job) => self.resume(*job, now.time),
            Call::Retry(job) => self.retry(*job),
            Call::Purge(job) => self.purge(*job),
            Call::Tidy(retention) => self.tidy(retention, now.time),
        }
    }

    /// A server was killed and the next one has put right what was left: nothing runs any more.
    pub(super) fn restart(&mut self, now: Now) {
        let open = self.open_where(|_| true);
        self.end_all(&open, now);
    }

    /// The job of that id, unless it is gone.
    pub(super) fn find(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|known| known.job.id == id && !known.removed)
    }

    /// The jobs that are there, oldest first.
    pub(super) fn there(&self) -> impl DoubleEndedIterator<Item = &Known> {
        self.jobs.iter().filter(|known| !known.removed)
    }

    pub(super) fn count(&self, state: JobState) -> u64 {
        self.there().filter(|known| known.job.state == state).count() as u64
    }

    fn submit(&mut self, new: &NewJob, now: Timestamp) -> Answer {
        if let Some(key) = &new.idempotency
            && let Some(used) = self.keys.get(&key.key).filter(|used| used.at.after(DAY) >= now)
        {
            return if used.request == key.request {
                Answer::Replayed(self.jobs[used.job].job.clone())
            } else {
                Answer::KeyReused
            };
        }
        if self.queue_is_full() {
            return Answer::QueueFull;
        }
        let index = self.jobs.len();
        let job = Job::submitted(new.id, new.spec.clone(), now);
        let held = job.run_at.is_some_and(|at| at > now);
        self.jobs.push(Known { job, held, open: None, fresh_after: 0, removed: false, wait: None });
        if let Some(key) = &new.idempotency {
            self.keys.insert(key.key.clone(), Key { request: key.request, job: index, at: now });
        }
        self.changed(index);
        Answer::Submitted(self.jobs[index].job.clone())
    }

    pub(super) fn queue_is_full(&self) -> bool {
        self.count(JobState::Queued) >= self.rules.most_queued
    }

    fn claim(&mut self, limit: u32, now: Now, leases: Option<&[Lease]>) -> Answer {
        for known in &mut self.jobs {
            known.held &= known.job.run_at.is_some_and(|at| at > now.time);
        }
        let mut jobs = Vec::new();
        while let Some(index) = self.next(now.time).filter(|_| jobs.len() < limit as usize) {
            let lease = leases.map(|leases| *leases.get(jobs.len()).expect("a lease for each job"));
            jobs.push(self.start(index, lease, now));
        }
        let left = self.claimable().count().min(limit as usize);
        let next_due = self.there().filter(|known| known.held).filter_map(|known| known.job.run_at).min();
        Answer::Claimed { jobs, waiting: u32::try_from(left).unwrap(), next_due }
    }

    /// The jobs that may run now: never one that is paused or whose time is to come.
    fn claimable(&self) -> impl Iterator<Item = (usize, &Known)> {
        let waits = |known: &Known| known.job.state == JobState::Queued && !known.held && !known.removed;
        self.jobs.iter().enumerate().filter(move |(_, known)| waits(known))
    }

    /// The next to run: the highest priority, of those the first submitted. Each eighth start is that of the job which has
    /// waited longest, if it has lost its patience.
    fn next(&self, now: Timestamp) -> Option<usize> {
        let since = |known: &Known| known.job.run_at.map_or(known.job.created_at, |at| at.max(known.job.created_at));
        if (self.starts + 1).is_multiple_of(8) {
            let impatient = self.claimable().filter(|(_, known)| since(known).after(self.rules.patience) <= now);
            if let Some((index, _)) = impatient.min_by_key(|(index, known)| (since(known), *index)) {
                return Some(index);
            }
        }
        self.claimable().max_by_key(|(index, known)| (known.job.priority, Reverse(*index))).map(|(index, _)| index)
    }

    fn start(&mut self, index: usize, lease: Option<Lease>, now: Now) -> (JobId, u32, bool) {
        let known = &mut self.jobs[index];
        let resumed = known.open.is_some();
        if let Some(open) = &mut known.open {
            assert!(open.lease.is_none() || lease.is_none() || open.lease == lease, "it goes on with its lease");
            open.lease = open.lease.or(lease);
        } else {
            self.starts += 1;
            known.open = Some(Open { start: self.starts, lease, until: now.steady + self.rules.lease });
            let number = u32::try_from(known.job.attempts.len()).unwrap() + 1;
            known.job.attempts.push(Attempt {
                number,
                started_at: now.time,
                finished_at: None,
                outcome: None,
                exit_code: None,
                signal: None,
                error: None,
            });
            known.job.progress = None;
            assert!(lease.is_none() || lease > self.given.last().copied(), "leases grow: {lease:?}");
        }
        if let Some(lease) = lease.filter(|lease| !self.given.contains(lease)) {
            self.given.push(lease);
        }
        let job = &mut known.job;
        (job.state, job.run_at, job.error) = (JobState::Running, None, None);
        job.started_at = job.started_at.or(Some(now.time));
        let claimed = (job.id, u32::try_from(job.attempts.len()).unwrap(), resumed);
        self.changed(index);
        claimed
    }

    /// Only a lease that isn't over can be renewed.
    fn renew(&mut self, leases: &[Lease], now: Now) -> Answer {
        let mut held = Vec::new();
        for lease in leases {
            let open = self.jobs.iter_mut().filter_map(|known| known.open.as_mut());
            if let Some(open) = open.filter(|open| open.until > now.steady).find(|open| open.lease == Some(*lease)) {
                open.until = now.steady + self.rules.lease;
                held.push(*lease);
            }
        }
        Answer::Held(held)
    }

    /// The jobs with such an open attempt, in the order of their starts.
    fn open_where(&self, such: impl Fn(&Open) -> bool) -> Vec<usize> {
        let open = |index: &usize| self.jobs[*index].open.as_ref();
        let mut found: Vec<_> = (0..self.jobs.len()).filter(|index| open(index).is_some_and(&such)).collect();
        found.sort_by_key(|index| open(index).map(|open| open.start));
        found
    }

    fn end_all(&mut self, jobs: &[usize], now: Now) -> Answer {
        let lost = AttemptEnd { ending: Ending::Lost, exit_code: None, signal: None, progress: None };
        for job in jobs {
            self.end(*job, &lost, now.time);
        }
        Answer::Count(jobs.len() as u64)
    }
}
