//! The suite.

use std::collections::HashSet;

use futures_util::FutureExt;
use futures_util::future::join_all;
use transcoded::db::{CancelAnswer, Error, IdempotencyKey, ListQuery, NewJob, Page, Renewal, Retention, StateEvent};
use transcoded::domain::failure::FailureCode;
use transcoded::domain::job::{AttemptOutcome, CancelReason, JobState};

use super::backend::{World, done, end, failed, id, new_job, stopped};

async fn a_submitted_job_is_there_after_a_restart(world: World) {
    let job = world.submit(1).await;
    let before = world.job(job).await;
    let world = world.restart().await;
    assert_eq!(world.job(job).await, before);
}

async fn higher_priority_comes_first_and_equal_ones_in_order(world: World) {
    for (number, priority) in [(1, 0), (2, 5), (3, 0), (4, -5), (5, 5)] {
        world.submit_at(number, priority).await;
    }
    let claims = world.store.claim(4).await.unwrap();
    let order: Vec<_> = claims.jobs.iter().map(|claimed| claimed.spec.labels["n"].as_str()).collect();
    assert_eq!((order, claims.waiting), (vec!["2", "5", "1", "3"], 1));
}

async fn a_stale_lease_can_write_nothing(world: World) {
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

async fn leases_grow_over_jobs_restarts_and_purges(world: World) {
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

async fn a_lease_that_is_not_renewed_is_over_and_one_that_is_stays(world: World) {
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

async fn a_clock_that_is_set_ends_no_lease_and_loses_no_job(world: World) {
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

async fn a_passing_failure_waits_and_is_tried_again_until_the_attempts_are_used_up(world: World) {
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

async fn a_lasting_failure_fails_at_once(world: World) {
    world.submit(1).await;
    let claimed = world.claim().await;
    assert_eq!(world.finish(claimed.lease, failed(FailureCode::InputInvalid)).await.state, JobState::Failed);
}

async fn a_job_that_takes_the_server_down_again_and_again_is_set_aside(mut world: World) {
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

async fn a_retry_keeps_the_history_and_gives_all_attempts_anew(world: World) {
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

async fn a_cancel_asked_for_before_a_crash_is_honoured_after_it(world: World) {
    let (job, other) = (world.submit(1).await, world.submit(2).await);
    world.store.claim(2).await.unwrap();
    assert!(matches!(world.store.cancel(job).await.unwrap(), CancelAnswer::Stopping(_)));
    let world = world.restart().await;
    assert_eq!(world.state(job).await, JobState::Cancelled);
    assert_eq!(world.state(other).await, JobState::Queued);
    assert_eq!(world.store.claim(2).await.unwrap().jobs.len(), 1);
}

async fn cancelling_answers_by_the_jobs_state(world: World) {
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

async fn a_cancel_while_a_retry_waits_is_final(world: World) {
    let job = world.submit(1).await;
    let claimed = world.claim().await;
    world.finish(claimed.lease, failed(FailureCode::Killed)).await;
    assert!(matches!(world.store.cancel(job).await.unwrap(), CancelAnswer::Cancelled(_)));
    world.clock.pass(3_600_000);
    assert!(world.claims_nothing().await);
}

async fn a_queued_job_is_held_while_it_is_paused(world: World) {
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

async fn a_paused_attempt_stays_open_and_goes_on_with_its_lease(world: World) {
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

async fn a_paused_attempt_is_asked_to_stop_and_a_held_job_is_cancelled_at_once(world: World) {
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

async fn a_pause_survives_a_restart_as_what_it_means(world: World) {
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

async fn an_attempt_that_ends_before_the_pause_takes_hold_ends_the_job(world: World) {
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

async fn a_job_does_not_start_before_its_time(world: World) {
    let at = world.now().after(std::time::Duration::from_mins(1));
    let mut new = new_job(1, 1000);
    new.spec.run_at = Some(at);
    let job = world.store.submit(new).await.unwrap().job;
    assert_eq!((job.state, job.run_at), (JobState::Queued, Some(at)));
    let claims = world.store.claim(1).await.unwrap();
    assert!(claims.jobs.is_empty() && claims.next_due == Some(at));
    let world = world.restart().await;
    world.store.pause(job.id).await.unwrap();
    world.store.resume(job.id).await.unwrap();
    assert!(world.claims_nothing().await, "pausing and resuming doesn't make it early");
    world.clock.pass(60_000);
    assert_eq!(world.claim().await.job, job.id);
}

async fn the_lowest_job_starts_in_a_bounded_time_while_higher_ones_keep_coming(world: World) {
    let low = world.submit_at(1, -1000).await;
    world.clock.pass(601_000);
    let mut starts = 0;
    for number in 2..60 {
        world.submit_at(number, 1000).await;
        let claimed = world.claim().await;
        starts += 1;
        world.finish(claimed.lease, done()).await;
        if claimed.job == low {
            assert!(starts <= 8, "after {starts}");
            return;
        }
    }
    panic!("it never started");
}

async fn the_turn_of_the_patient_goes_to_the_one_that_has_waited_longest(world: World) {
    // Submitted first, but for a time that has only just come.
    let mut late = new_job(1, -1000);
    late.spec.run_at = Some(world.now().after(std::time::Duration::from_mins(20)));
    world.store.submit(late).await.unwrap();
    let longest = world.submit_at(2, -1000).await;
    for number in 3..=20 {
        world.submit_at(number, 1000).await;
    }
    world.clock.pass(21 * 60_000);
    let claims = world.store.claim(8).await.unwrap();
    assert_eq!(claims.jobs[7].job, longest);
}

async fn priorities_keep_their_order_as_long_as_nobody_has_lost_patience(world: World) {
    for number in 1..=20 {
        world.submit_at(number, i32::from(number)).await;
    }
    let claims = world.store.claim(20).await.unwrap();
    let order: Vec<i32> = claims.jobs.iter().map(|claimed| claimed.spec.priority).collect();
    assert!(order.is_sorted_by(|left, right| left > right), "{order:?}");
}

async fn one_key_makes_one_job_however_often_it_is_sent(world: World) {
    let keyed = |number, caller: &str, request| NewJob {
        idempotency: Some(IdempotencyKey { caller: caller.into(), key: "k".into(), request: [request; 32] }),
        ..new_job(number, 0)
    };
    let submits = (1..=50).map(|number| world.store.submit(keyed(number, "", 1)));
    let made = join_all(submits).await;
    let ids: HashSet<_> = made.iter().map(|made| made.as_ref().unwrap().job.id).collect();
    assert_eq!((ids.len(), made.iter().filter(|made| !made.as_ref().unwrap().replayed).count()), (1, 1));
    assert!(matches!(world.store.submit(keyed(51, "", 2)).await, Err(Error::KeyReused)));
    assert!(!world.store.submit(keyed(52, "somebody else", 2)).await.unwrap().replayed);
    // The job's removal doesn't make the key free again.
    let job = made[0].as_ref().unwrap().job.id;
    world.store.cancel(job).await.unwrap();
    world.store.purge(job).await.unwrap();
    let world = world.restart().await;
    let again = world.store.submit(keyed(53, "", 1)).await.unwrap();
    assert!(again.replayed && again.job.id == job && again.job.state == JobState::Cancelled);
    world.clock.pass(24 * 3600 * 1000 + 1);
    assert!(!world.store.submit(keyed(54, "", 2)).await.unwrap().replayed, "after a day it is");
}

async fn a_key_remembers_a_removed_job_whose_events_were_too_many(world: World) {
    let idempotency = IdempotencyKey { caller: String::new(), key: "k".into(), request: [1; 32] };
    let keyed = |number| NewJob { idempotency: Some(idempotency.clone()), ..new_job(number, 0) };
    let job = world.store.submit(keyed(1)).await.unwrap().job.id;
    world.store.cancel(job).await.unwrap();
    world.submit(2).await;
    world.store.tidy(Retention { most_events: 1, ..Retention::default() }).await.unwrap();
    world.store.purge(job).await.unwrap();
    let again = world.store.submit(keyed(3)).await.unwrap();
    assert!(again.replayed && again.job.id == job && again.job.state == JobState::Cancelled);
}

async fn what_was_sent_is_carried_out_though_nobody_waits_for_it(world: World) {
    // Asked for once, then let go of, and the store with it.
    assert!(world.store.submit(new_job(1, 0)).now_or_never().is_none());
    let world = world.restart().await;
    assert_eq!(world.claim().await.job, id(1));
}

async fn one_refused_write_undoes_nothing_of_its_neighbours(world: World) {
    // The same id twice in one batch: the second one breaks a rule of the table.
    let submits = [new_job(1, 0), new_job(1, 0), new_job(2, 0)].map(|job| world.store.submit(job));
    let made = join_all(submits).await;
    assert_eq!(made.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(world.store.unfinished_ids().await.unwrap().len(), 2);
    assert_eq!(world.told().len(), 2, "no event for what was undone");
}

async fn the_input_of_a_job_that_is_not_over_is_needed(world: World) {
    let needed = async |input: &str| world.store.is_input_needed(input.to_owned()).await.unwrap();
    assert!(!needed("a.mp4").await);
    world.submit(1).await;
    assert!(needed("a.mp4").await && !needed("A.mp4").await);
    let claimed = world.claim().await;
    assert!(needed("a.mp4").await);
    world.finish(claimed.lease, done()).await;
    assert!(!needed("a.mp4").await);
}

async fn a_full_queue_takes_no_more_until_there_is_room(world: World) {
    for number in 1..=60 {
        world.submit(number).await;
    }
    assert!(matches!(world.store.submit(new_job(61, 0)).await, Err(Error::QueueFull(60))));
    let claimed = world.claim().await;
    world.submit(61).await;
    world.finish(claimed.lease, done()).await;
    assert!(matches!(world.store.retry(claimed.job).await, Err(Error::QueueFull(60))));
}

async fn events_are_complete_in_order_and_never_renumbered(world: World) {
    let job = world.submit(1).await;
    world.submit(2).await;
    let claimed = world.claim().await;
    world.finish(claimed.lease, stopped(CancelReason::Timeout)).await;
    let told: Vec<u64> = world.told().iter().map(|event| event.id).collect();
    assert_eq!(told, [1, 2, 3, 4]);
    let world = world.restart().await;
    let states = |events: Vec<StateEvent>| events.into_iter().map(|event| (event.id, event.state)).collect::<Vec<_>>();
    let missed = world.store.events_after(1, Some(job), 10).await.unwrap();
    assert!(!missed.gone);
    assert_eq!(states(missed.events), [(3, JobState::Running), (4, JobState::Cancelled)]);
    world.store.purge(job).await.unwrap();
    let left = world.store.events_after(0, None, 10).await.unwrap();
    assert!(left.gone, "the events of the removed job are gone");
    assert_eq!(states(left.events), [(2, JobState::Queued)]);
    assert!(!world.store.events_after(0, Some(id(2)), 10).await.unwrap().gone, "nobody else misses them");
    assert_eq!(world.store.unfinished(9).await.unwrap().1, 4, "removing the newest event lets no number come back");
    world.submit(3).await;
    assert_eq!(world.told().last().unwrap().id, 5);
}

async fn the_history_is_bounded_and_says_where_it_begins(world: World) {
    for number in 1..=20 {
        world.submit(number).await;
    }
    let retention = Retention { most_events: 5, ..Retention::default() };
    while world.store.tidy(retention).await.unwrap().more {}
    let history = world.store.events_after(0, None, 100).await.unwrap();
    assert_eq!((history.gone, history.events.len()), (true, 5));
    assert!(!world.store.events_after(15, None, 100).await.unwrap().gone);
    assert!(world.store.events_after(14, Some(id(20)), 100).await.unwrap().gone);
}

async fn what_is_over_is_kept_by_state_and_age(world: World) {
    let hour = std::time::Duration::from_hours(1);
    let retention = Retention { succeeded: Some(hour), failed: Some(2 * hour), cancelled: None, most_events: 1000 };
    let endings = [done(), failed(FailureCode::InputInvalid), stopped(CancelReason::Timeout)];
    for (number, ending) in (1..).zip(endings) {
        world.submit(number).await;
        let claimed = world.claim().await;
        world.finish(claimed.lease, ending).await;
    }
    world.submit(4).await;
    assert_eq!(world.store.tidy(retention).await.unwrap().jobs, []);
    world.clock.pass(3_600_001);
    assert_eq!(world.store.tidy(retention).await.unwrap().jobs, [id(1)]);
    world.clock.pass(3_600_001);
    assert_eq!(world.store.tidy(retention).await.unwrap().jobs, [id(2)]);
    world.clock.pass(u32::MAX);
    assert_eq!(world.store.tidy(retention).await.unwrap().jobs, []);
    let left: Vec<_> = world
        .store
        .list(ListQuery { limit: 9, ..ListQuery::default() })
        .await
        .unwrap()
        .jobs
        .iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(left, [id(4), id(3)]);
}

async fn tidying_goes_in_small_steps(world: World) {
    for number in 1..=120_u8 {
        if number == 61 {
            for done in 1..=60 {
                world.store.cancel(id(done)).await.unwrap();
            }
        }
        world.submit(number).await;
    }
    for number in 61..=120 {
        world.store.cancel(id(number)).await.unwrap();
    }
    world.clock.pass(2);
    let retention =
        Retention { cancelled: Some(std::time::Duration::from_millis(1)), most_events: 1000, ..Retention::default() };
    let (mut steps, mut removed) = (0, 0);
    loop {
        let tidied = world.store.tidy(retention).await.unwrap();
        steps += 1;
        removed += tidied.jobs.len();
        if !tidied.more {
            break;
        }
    }
    assert!(steps > 1 && removed == 120, "{removed} in {steps}");
}

async fn pages_neither_repeat_nor_skip_while_jobs_arrive(world: World) {
    for number in 1..=5 {
        world.submit(number).await;
    }
    let page = |before, limit| world.store.list(ListQuery { before, limit, ..ListQuery::default() });
    let names = |page: &Page| page.jobs.iter().map(|job| job.labels["n"].clone()).collect::<Vec<_>>();
    let first = page(None, 2).await.unwrap();
    world.submit(6).await;
    let second = page(first.next, 3).await.unwrap();
    assert_eq!(
        (names(&first), names(&second)),
        (vec!["5".into(), "4".into()], vec!["3".into(), "2".into(), "1".into()])
    );
    assert_eq!(second.next, None);
    let labels = vec![("n".to_owned(), "3".to_owned())];
    let found = world.store.list(ListQuery { labels, limit: 9, ..ListQuery::default() }).await.unwrap();
    assert_eq!(names(&found), ["3"]);
    let none = ListQuery { state: Some(JobState::Failed), limit: 9, ..ListQuery::default() };
    assert!(world.store.list(none).await.unwrap().jobs.is_empty());
}

async fn only_jobs_that_are_over_can_be_removed(world: World) {
    let job = world.submit(1).await;
    assert!(matches!(world.store.purge(job).await, Err(Error::WrongState { .. })));
    world.store.cancel(job).await.unwrap();
    world.store.purge(job).await.unwrap();
    assert_eq!(world.store.job(job).await.unwrap(), None);
    assert!(matches!(world.store.purge(job).await, Err(Error::UnknownJob(_))));
}

async fn counts_agree_with_the_jobs(world: World) {
    for number in 1..=4 {
        world.submit(number).await;
    }
    let claimed = world.claim().await;
    world.finish(claimed.lease, done()).await;
    world.claim().await;
    world.store.pause(id(3)).await.unwrap();
    let world = world.restart().await;
    let mut counts = world.store.counts().await.unwrap();
    counts.retain(|(_, count)| *count > 0);
    counts.sort_by_key(|(state, _)| state.name());
    assert_eq!(counts, [(JobState::Paused, 1), (JobState::Queued, 2), (JobState::Succeeded, 1)]);
}

async fn the_snapshot_is_bounded_and_holds_what_runs(world: World) {
    for number in 1..=5 {
        world.submit_at(number, i32::from(number)).await;
    }
    let running = world.claim().await.job;
    let (jobs, position) = world.store.unfinished(3).await.unwrap();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    assert_eq!((ids, position), (vec![id(1), id(2), running], 6));
}

macro_rules! suite {
    ($backend:ident: $($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            super::$name(World::new(Box::new($backend::new()))).await;
        }
    )*};
}

macro_rules! for_each_store {
    ($($module:ident: $backend:ident),*) => {$(
        mod $module {
            use super::World;
            use super::super::backend::$backend;

            suite! { $backend:
                a_submitted_job_is_there_after_a_restart
                higher_priority_comes_first_and_equal_ones_in_order
                a_stale_lease_can_write_nothing
                leases_grow_over_jobs_restarts_and_purges
                a_lease_that_is_not_renewed_is_over_and_one_that_is_stays
                a_clock_that_is_set_ends_no_lease_and_loses_no_job
                a_passing_failure_waits_and_is_tried_again_until_the_attempts_are_used_up
                a_lasting_failure_fails_at_once
                a_job_that_takes_the_server_down_again_and_again_is_set_aside
                a_retry_keeps_the_history_and_gives_all_attempts_anew
                a_cancel_asked_for_before_a_crash_is_honoured_after_it
                cancelling_answers_by_the_jobs_state
                a_cancel_while_a_retry_waits_is_final
                a_queued_job_is_held_while_it_is_paused
                a_paused_attempt_stays_open_and_goes_on_with_its_lease
                a_paused_attempt_is_asked_to_stop_and_a_held_job_is_cancelled_at_once
                a_pause_survives_a_restart_as_what_it_means
                an_attempt_that_ends_before_the_pause_takes_hold_ends_the_job
                a_job_does_not_start_before_its_time
                the_lowest_job_starts_in_a_bounded_time_while_higher_ones_keep_coming
                the_turn_of_the_patient_goes_to_the_one_that_has_waited_longest
                priorities_keep_their_order_as_long_as_nobody_has_lost_patience
                one_key_makes_one_job_however_often_it_is_sent
                a_key_remembers_a_removed_job_whose_events_were_too_many
                what_was_sent_is_carried_out_though_nobody_waits_for_it
                one_refused_write_undoes_nothing_of_its_neighbours
                the_input_of_a_job_that_is_not_over_is_needed
                a_full_queue_takes_no_more_until_there_is_room
                events_are_complete_in_order_and_never_renumbered
                the_history_is_bounded_and_says_where_it_begins
                what_is_over_is_kept_by_state_and_age
                tidying_goes_in_small_steps
                pages_neither_repeat_nor_skip_while_jobs_arrive
                only_jobs_that_are_over_can_be_removed
                counts_agree_with_the_jobs
                the_snapshot_is_bounded_and_holds_what_runs
            }
        }
    )*};
}

for_each_store! { sqlite: Sqlite }
