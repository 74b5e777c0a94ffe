//! From steps to calls of the store, and from its answers to what can be compared.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use transcoded::db::{CancelAnswer, Claims, Error, IdempotencyKey, NewJob, Renewal, Retention, Store};
use transcoded::domain::failure::{Failure, FailureCode};
use transcoded::domain::id::{JobId, Lease};
use transcoded::domain::job::{AttemptEnd, Ending, Job, JobProgress, JobState, Output};
use transcoded::domain::request::{JobSpec, Work};
use transcoded::domain::time::Timestamp;

use super::steps::{End, How, Submit};
use crate::store::backend::id;

/// A call of the store.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Submit(Box<NewJob>),
    Claim(u32),
    Renew(Vec<Lease>),
    Expire,
    Finish(Lease, Box<AttemptEnd>),
    Cancel(JobId),
    Pause(JobId),
    Resume(JobId),
    Retry(JobId),
    Purge(JobId),
    Tidy(Retention),
}

/// What a store has answered, or must answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Submitted(Job),
    Replayed(Job),
    Claimed { jobs: Vec<(JobId, u32, bool)>, waiting: u32, next_due: Option<Timestamp> },
    Held(Vec<Lease>),
    Count(u64),
    Job(Job),
    CancelledNow(Job),
    Stopping(Job),
    CancelledBefore(Job),
    TooLate(Job),
    Purged,
    Tidied { jobs: Vec<JobId>, more: bool },
    Unknown,
    WrongState(JobState),
    Stale,
    KeyReused,
    QueueFull,
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownJob(_) => Self::Unknown,
            Error::WrongState { state, .. } => Self::WrongState(state),
            Error::StaleLease(_) => Self::Stale,
            Error::KeyReused => Self::KeyReused,
            Error::QueueFull(_) => Self::QueueFull,
            error => panic!("the store failed: {error}"),
        }
    }
}

/// Makes the call, and sends it at once: what follows needn't be polled. Returns the leases that were given, too.
pub(super) fn send<'a>(store: &'a dyn Store, call: &Call) -> BoxFuture<'a, (Answer, Vec<Lease>)> {
    fn answer<T>(result: Result<T, Error>, make: impl FnOnce(T) -> Answer) -> (Answer, Vec<Lease>) {
        (result.map_or_else(Answer::from, make), Vec::new())
    }
    match call.clone() {
        Call::Submit(new) => {
            let made = |made: transcoded::db::Submitted| {
                if made.replayed { Answer::Replayed(made.job) } else { Answer::Submitted(made.job) }
            };
            store.submit(*new).map(move |result| answer(result, made)).boxed()
        }
        Call::Claim(limit) => store.claim(limit).map(|claims| claimed(&claims.unwrap())).boxed(),
        Call::Renew(leases) => {
            let renewals = leases.into_iter().map(|lease| Renewal { lease, progress: None }).collect();
            store.renew(renewals).map(|result| answer(result, Answer::Held)).boxed()
        }
        Call::Expire => store.expire().map(|result| answer(result, Answer::Count)).boxed(),
        Call::Finish(lease, end) => store.finish(lease, *end).map(|result| answer(result, Answer::Job)).boxed(),
        Call::Cancel(job) => store.cancel(job).map(|result| answer(result, cancelled)).boxed(),
        Call::Pause(job) => store.pause(job).map(|result| answer(result, Answer::Job)).boxed(),
        Call::Resume(job) => store.resume(job).map(|result| answer(result, Answer::Job)).boxed(),
        Call::Retry(job) => store.retry(job).map(|result| answer(result, Answer::Job)).boxed(),
        Call::Purge(job) => store.purge(job).map(|result| answer(result, |()| Answer::Purged)).boxed(),
        Call::Tidy(retention) => {
            let tidied = |mut tidied: transcoded::db::Tidied| {
                tidied.jobs.sort_unstable();
                Answer::Tidied { jobs: tidied.jobs, more: tidied.more }
            };
            store.tidy(retention).map(move |result| answer(result, tidied)).boxed()
        }
    }
}

fn claimed(claims: &Claims) -> (Answer, Vec<Lease>) {
    let jobs = claims.jobs.iter().map(|claimed| (claimed.job, claimed.attempt, claimed.resumed)).collect();
    let leases = claims.jobs.iter().map(|claimed| claimed.lease).collect();
    (Answer::Claimed { jobs, waiting: claims.waiting, next_due: claims.next_due }, leases)
}

fn cancelled(answer: CancelAnswer) -> Answer {
    match answer {
        CancelAnswer::Cancelled(job) => Answer::CancelledNow(job),
        CancelAnswer::Stopping(job) => Answer::Stopping(job),
        CancelAnswer::AlreadyCancelled(job) => Answer::CancelledBefore(job),
        CancelAnswer::TooLate(job) => Answer::TooLate(job),
    }
}

/// The job that is submitted as number `number`.
pub(super) fn new_job(number: u8, submit: &Submit, now: Timestamp) -> NewJob {
    let at = |seconds: i64| Timestamp::from_millis(now.as_millis() + seconds * 1000);
    let spec = JobSpec {
        input: "a.mp4".into(),
        work: Work::Outputs(Vec::new()),
        mode: submit.mode,
        priority: submit.priority,
        labels: BTreeMap::from([("n".into(), number.to_string()), ("odd".into(), (number % 2 == 1).to_string())]),
        timeout_seconds: 60,
        grace_seconds: 120,
        max_attempts: submit.max_attempts,
        run_at: submit.run_at.map(at),
        verify: None,
        crash_safe: false,
    };
    let key = |(key, request): (u8, u8)| IdempotencyKey {
        caller: String::new(),
        key: key.to_string(),
        request: [request; 32],
    };
    NewJob { id: id(number), spec, idempotency: submit.key.map(key) }
}

/// The end of an attempt.
pub(super) fn attempt_end(end: &End) -> AttemptEnd {
    let outputs: Vec<_> = end.output.then(file).into_iter().collect();
    let ending = match end.how.clone() {
        How::Succeeded => Ending::Succeeded(outputs),
        How::Failed(code) => Ending::Failed(Failure::new(code, "it failed")),
        How::Stopped { reason, method, drain_ms, note } => {
            let note = note.then(|| Failure::new(FailureCode::OutputInvalid, "too short"));
            Ending::Stopped { reason, method, drain_ms, outputs, note }
        }
        How::Lost => Ending::Lost,
    };
    let progress = end.progress.then(|| JobProgress { percent: Some(12.5), ..JobProgress::default() });
    AttemptEnd { ending, exit_code: end.exit_code, signal: end.exit_code.map(|code| code + 1), progress }
}

/// A file that was made.
pub(super) fn file() -> Output {
    serde_json::from_value(serde_json::json!({
        "name": "a b.mp4", "preset": null, "container": "mp4", "size_bytes": 7, "sha256": "00", "media": null,
        "partial": true, "playable": true, "url": null,
    }))
    .unwrap()
}

/// How long each kind of job that is over is kept, and how many events.
pub(super) fn retention(kept_secs: [Option<u32>; 3], most_events: u64) -> Retention {
    let [succeeded, failed, cancelled] = kept_secs.map(|kept| kept.map(|secs| Duration::from_secs(secs.into())));
    Retention { succeeded, failed, cancelled, most_events }
}
