//! What becomes of jobs that are claimed: leases, ends, retries, cancels and pauses.

use transcoded::db::{CancelAnswer, Error, Renewal};
use transcoded::domain::failure::FailureCode;
use transcoded::domain::job::{AttemptOutcome, CancelReason, JobState};

use super::super::backend::{World, done, end, failed, id, stopped};

pub(super) async fn a_submitted_job_is_there_after_a_restart(world: World) {
    let job = world.submit(1).await;
    let before = world.job(job).await;
    let world = world.restart().await;
    assert_eq!(world.job(job).await, before);
}

pub(super) async fn higher_priority_comes_first_and_equal_ones_in_order(world: World) {
    for (number, priority) in [(1, 0), (2, 5), (3, 0), (4, -5), (5, 5)] {
        world.submit_at(number, priority).await;
    }
    let claims = world.store.claim(4).await.unwrap();
    let order: Vec<_> = claims.jobs.iter().map(|claimed| claimed.spec.labels["n"].as_str()).collect();
    assert_eq!((order, claims.waiting), (vec!["2", "5", "1", "3"], 1));
}

pub(super) async fn a_stale_lease_can_write_nothing(world: World) {
    let job = world.submit(1).await;
    let first = world.claim().await;
    let world = world.restart().await;
    let second = world.claim().await;
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert!(second.lease > first.lease);
    let stale = world.store.finish(first.lease, end(done())).await;
    assert!(matches!(stale, Err(Error::StaleLease(lease)) if lease == first.lease));
    let renewals = [first.lease, second.lease].map(|lease| Renewal { lease, progress: None });
    assert_eq!(world.store.renew(renewals.into()).await.unwrap(), [second.lease]);
    assert_eq!(world.state(job).await, JobState::Running);
    world.finish(second.lease, done()).await;
    let again = world.store.finish(second.lease, end(done())).await;
    assert!(matches!(again, Err(Error::StaleLease(_))));
}

pub(super) async fn leases_grow_over_jobs_restarts_and_purges(world: World) {
    let mut last = None;
    let mut world = world;
    for number in 1..=4 {
        let job = world.submit(number).await;
        let claimed = world.claim().await;
        assert!(last < Some(claimed.lease), "{last:?} {claimed:?}");
        last = Some(claimed.lease);
        world.finish(claimed.lease, done()).await;
        world.store.purge(job).await.unwrap();
        world = world.restart().await;
    }
}

pub(super) async fn a_lease_that_is_not_renewed_is_over_and_one_that_is_stays(world: World) {
    let jobs = [world.submit(1).await, world.submit(2).await];
    let claimed = world.store.claim(2).await.unwrap().jobs;
    world.clock.pass(29_000);
    assert_eq!(world.store.expire().await.unwrap(), 0);
    let renewal = Renewal { lease: claimed[0].lease, progress: None };
    assert_eq!(world.store.renew(vec![renewal.clone()]).await.unwrap().len(), 1);
    world.clock.pass(2_000);
    assert_eq!(world.store.expire().await.unwrap(), 1);
    assert_eq!(world.state(jobs[0]).await, JobState::Running);
    let lost = world.job(jobs[1]).await;
    assert_eq!((lost.state, lost.attempts[0].outcome), (JobState::Queued, Some(AttemptOutcome::Lost)));
    let stale = world.store.finish(claimed[1].lease, end(done())).await;
    assert!(matches!(stale, Err(Error::StaleLease(_))));
    world.clock.pass(40_000);
    assert!(world.store.renew(vec![renewal]).await.unwrap().is_empty(), "one that is over isn't renewed any more");
}

pub(super) async fn a_clock_that_is_set_ends_no_lease_and_loses_no_job(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    for hours in [1, -48, 24] {
        world.clock.set_by(hours * 3_600_000);
        assert_eq!(world.store.expire().await.unwrap(), 0);
        assert_eq!(world.store.renew(vec![Renewal { lease: claimed.lease, progress: None }]).await.unwrap().len(), 1);
    }
    let over = world.finish(claimed.lease, done()).await;
    assert_eq!((over.id, over.state), (job, JobState::Succeeded));
}

pub(super) async fn a_passing_failure_waits_and_is_tried_again_until_the_attempts_are_used_up(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    let waiting = world.finish(claimed.lease, failed(FailureCode::DiskFull)).await;
    assert_eq!(waiting.state, JobState::Queued);
    assert_eq!(waiting.error.map(|error| error.code), Some(FailureCode::DiskFull), "it says why it waits");
    let wait = waiting.run_at.expect("a wait").millis_since(world.now());
    assert!((6_000..=10_000).contains(&wait), "{wait}");
    let claims = world.store.claim(1).await.unwrap();
    assert!(claims.jobs.is_empty());
    assert_eq!(claims.next_due, waiting.run_at);
    world.clock.pass(10_000);
    // An interruption uses up no attempt, and waits for nothing.
    let claimed = world.claim().await;
    let interrupted = world.finish(claimed.lease, stopped(CancelReason::Shutdown)).await;
    assert_eq!((interrupted.state, interrupted.run_at), (JobState::Queued, None));
    let claimed = world.claim().await;
    let over = world.finish(claimed.lease, failed(FailureCode::DiskFull)).await;
    assert_eq!(over.state, JobState::Failed);
    let outcomes: Vec<_> = over.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed, AttemptOutcome::Interrupted, AttemptOutcome::Failed]);
    assert_eq!(over.id, job);
}

pub(super) async fn a_lasting_failure_fails_at_once(world: World) {
    world.submit(1).await;
    let claimed = world.claim().await;
    assert_eq!(world.finish(claimed.lease, failed(FailureCode::InputInvalid)).await.state, JobState::Failed);
}

pub(super) async fn a_job_that_takes_the_server_down_again_and_again_is_set_aside(mut world: World) {
    let job = world.submit(1).await;
    for crash in 1..=3 {
        world.clock.pass(20_000);
        world.claim().await;
        world = world.restart().await;
        let expected = if crash < 3 { JobState::Queued } else { JobState::Failed };
        assert_eq!(world.state(job).await, expected, "crash {crash}");
    }
    assert_eq!(world.job(job).await.error.unwrap().code, FailureCode::CrashLoop);
}

pub(super) async fn a_retry_keeps_the_history_and_gives_all_attempts_anew(world: World) {
    let job = world.submit(1).await;
    assert!(matches!(world.store.retry(job).await, Err(Error::WrongState { .. })));
    let claimed = world.claim().await;
    world.finish(claimed.lease, failed(FailureCode::InputInvalid)).await;
    for round in 0..2 {
        let queued = world.store.retry(job).await.unwrap();
        assert_eq!((queued.state, queued.error, queued.finished_at), (JobState::Queued, None, None));
        for (attempt, expected) in [(1, JobState::Queued), (2, JobState::Failed)] {
            world.clock.pass(20_000);
            let claimed = world.claim().await;
            assert_eq!(claimed.attempt, 1 + 2 * round + attempt);
            assert_eq!(world.finish(claimed.lease, failed(FailureCode::Killed)).await.state, expected);
        }
    }
    assert_eq!(world.job(job).await.attempts.len(), 5);
}

pub(super) async fn a_cancel_asked_for_before_a_crash_is_honoured_after_it(world: World) {
    let (job, other) = (world.submit(1).await, world.submit(2).await);
    world.store.claim(2).await.unwrap();
    assert!(matches!(world.store.cancel(job).await.unwrap(), CancelAnswer::Stopping(_)));
    let world = world.restart().await;
    assert_eq!(world.state(job).await, JobState::Cancelled);
    assert_eq!(world.state(other).await, JobState::Queued);
    assert_eq!(world.store.claim(2).await.unwrap().jobs.len(), 1);
}

pub(super) async fn cancelling_answers_by_the_jobs_state(world: World) {
    let (waiting, running) = (world.submit(2).await, world.submit(1).await);
    assert!(matches!(world.store.cancel(waiting).await.unwrap(), CancelAnswer::Cancelled(_)));
    assert!(matches!(world.store.cancel(waiting).await.unwrap(), CancelAnswer::AlreadyCancelled(_)));
    let claimed = world.claim().await;
    assert_eq!(claimed.job, running);
    for _ in 0..2 {
        assert!(matches!(world.store.cancel(running).await.unwrap(), CancelAnswer::Stopping(_)));
    }
    world.clock.pass(9);
    // It was done before the request reached it; it is cancelled all the same.
    let over = world.finish(claimed.lease, done()).await;
    assert_eq!(over.state, JobState::Cancelled);
    assert_eq!(over.cancellation.unwrap().drain_ms, Some(9));
    assert!(matches!(world.store.cancel(id(9)).await, Err(Error::UnknownJob(_))));
}

pub(super) async fn a_cancel_while_a_retry_waits_is_final(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    world.finish(claimed.lease, failed(FailureCode::Killed)).await;
    assert!(matches!(world.store.cancel(job).await.unwrap(), CancelAnswer::Cancelled(_)));
    world.clock.pass(3_600_000);
    assert!(world.claims_nothing().await);
}

pub(super) async fn a_queued_job_is_held_while_it_is_paused(world: World) {
    let (job, other) = (world.submit(1).await, world.submit(2).await);
    assert_eq!(world.store.pause(job).await.unwrap().state, JobState::Paused);
    assert_eq!(world.store.pause(job).await.unwrap().state, JobState::Paused);
    let world = world.restart().await;
    assert_eq!(world.state(job).await, JobState::Paused, "it survives a restart");
    assert_eq!(world.claim().await.job, other);
    assert!(world.claims_nothing().await);
    assert_eq!(world.store.resume(job).await.unwrap().state, JobState::Queued);
    assert_eq!(world.store.resume(job).await.unwrap().state, JobState::Queued);
    assert_eq!(world.claim().await.job, job);
}

pub(super) async fn a_paused_attempt_stays_open_and_goes_on_with_its_lease(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    let paused = world.store.pause(job).await.unwrap();
    assert!(paused.open_attempt().is_some());
    assert!(world.claims_nothing().await);
    let renewal = Renewal { lease: claimed.lease, progress: None };
    assert_eq!(world.store.renew(vec![renewal]).await.unwrap().len(), 1);
    assert_eq!(world.store.resume(job).await.unwrap().state, JobState::Queued);
    let resumed = world.claim().await;
    assert!(resumed.resumed && resumed.lease == claimed.lease && resumed.attempt == claimed.attempt);
    assert_eq!(world.finish(claimed.lease, done()).await.state, JobState::Succeeded);
}

pub(super) async fn a_paused_attempt_is_asked_to_stop_and_a_held_job_is_cancelled_at_once(world: World) {
    let (running, held) = (world.submit(1).await, world.submit(2).await);
    let claimed = world.claim().await;
    for job in [running, held] {
        world.store.pause(job).await.unwrap();
    }
    assert!(matches!(world.store.cancel(held).await.unwrap(), CancelAnswer::Cancelled(_)));
    assert!(matches!(world.store.cancel(running).await.unwrap(), CancelAnswer::Stopping(_)));
    assert!(matches!(world.store.resume(running).await, Err(Error::WrongState { .. })));
    let over = world.finish(claimed.lease, stopped(CancelReason::Client)).await;
    assert_eq!(over.state, JobState::Cancelled);
}

pub(super) async fn a_pause_survives_a_restart_as_what_it_means(world: World) {
    let (paused, resumed) = (world.submit(1).await, world.submit(2).await);
    let claimed = world.store.claim(2).await.unwrap().jobs;
    for job in [paused, resumed] {
        world.store.pause(job).await.unwrap();
    }
    world.store.resume(resumed).await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.state(paused).await, JobState::Paused);
    assert!(world.job(paused).await.open_attempt().is_none(), "its process is gone");
    let next = world.claim().await;
    assert!(next.job == resumed && !next.resumed && next.lease > claimed[1].lease);
    assert!(world.claims_nothing().await);
    world.store.resume(paused).await.unwrap();
    assert_eq!(world.claim().await.attempt, 2);
}

pub(super) async fn an_attempt_that_ends_before_the_pause_takes_hold_ends_the_job(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    world.store.pause(job).await.unwrap();
    assert_eq!(world.finish(claimed.lease, done()).await.state, JobState::Succeeded);
    // Stopped by a shutdown, it stays paused.
    let job = world.submit(2).await;
    let claimed = world.claim().await;
    world.store.pause(job).await.unwrap();
    assert_eq!(world.finish(claimed.lease, stopped(CancelReason::Shutdown)).await.state, JobState::Paused);
}
