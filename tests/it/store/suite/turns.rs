//! Whose turn it is, and what the queue takes in.

use std::collections::HashSet;

use futures_util::FutureExt;
use futures_util::future::join_all;
use transcoded::db::{Error, IdempotencyKey, NewJob, Retention};
use transcoded::domain::job::JobState;

use super::super::backend::{World, done, id, new_job};

pub(super) async fn a_job_does_not_start_before_its_time(world: World) {
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

pub(super) async fn the_lowest_job_starts_in_a_bounded_time_while_higher_ones_keep_coming(world: World) {
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

pub(super) async fn the_turn_of_the_patient_goes_to_the_one_that_has_waited_longest(world: World) {
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

pub(super) async fn priorities_keep_their_order_as_long_as_nobody_has_lost_patience(world: World) {
    for number in 1..=20 {
        world.submit_at(number, i32::from(number)).await;
    }
    let claims = world.store.claim(20).await.unwrap();
    let order: Vec<i32> = claims.jobs.iter().map(|claimed| claimed.spec.priority).collect();
    assert!(order.is_sorted_by(|left, right| left > right), "{order:?}");
}

pub(super) async fn one_key_makes_one_job_however_often_it_is_sent(world: World) {
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

pub(super) async fn a_key_remembers_a_removed_job_whose_events_were_too_many(world: World) {
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

pub(super) async fn what_was_sent_is_carried_out_though_nobody_waits_for_it(world: World) {
    // Asked for once, then let go of, and the store with it.
    assert!(world.store.submit(new_job(1, 0)).now_or_never().is_none());
    let world = world.restart().await;
    assert_eq!(world.claim().await.job, id(1));
}

pub(super) async fn one_refused_write_undoes_nothing_of_its_neighbours(world: World) {
    // The same id twice in one batch: the second one breaks a rule of the table.
    let submits = [new_job(1, 0), new_job(1, 0), new_job(2, 0)].map(|job| world.store.submit(job));
    let made = join_all(submits).await;
    assert_eq!(made.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(world.store.unfinished_ids().await.unwrap().len(), 2);
    assert_eq!(world.told().len(), 2, "no event for what was undone");
}

pub(super) async fn the_input_of_a_job_that_is_not_over_is_needed(world: World) {
    let needed = async |input: &str| world.store.is_input_needed(input.to_owned()).await.unwrap();
    assert!(!needed("a.mp4").await);
    world.submit(1).await;
    assert!(needed("a.mp4").await && !needed("A.mp4").await);
    let claimed = world.claim().await;
    assert!(needed("a.mp4").await);
    world.finish(claimed.lease, done()).await;
    assert!(!needed("a.mp4").await);
}

pub(super) async fn a_full_queue_takes_no_more_until_there_is_room(world: World) {
    for number in 1..=60 {
        world.submit(number).await;
    }
    assert!(matches!(world.store.submit(new_job(61, 0)).await, Err(Error::QueueFull(60))));
    let claimed = world.claim().await;
    world.submit(61).await;
    world.finish(claimed.lease, done()).await;
    assert!(matches!(world.store.retry(claimed.job).await, Err(Error::QueueFull(60))));
}
