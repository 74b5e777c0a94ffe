//! What can be read of the jobs, and how long they are kept.

use transcoded::db::{Error, ListQuery, Page, Retention, StateEvent};
use transcoded::domain::failure::FailureCode;
use transcoded::domain::job::{CancelReason, JobState};

use super::super::backend::{World, done, failed, id, stopped};

pub(super) async fn events_are_complete_in_order_and_never_renumbered(world: World) {
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

pub(super) async fn the_history_is_bounded_and_says_where_it_begins(world: World) {
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

pub(super) async fn what_is_over_is_kept_by_state_and_age(world: World) {
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

pub(super) async fn tidying_goes_in_small_steps(world: World) {
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

pub(super) async fn pages_neither_repeat_nor_skip_while_jobs_arrive(world: World) {
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

pub(super) async fn only_jobs_that_are_over_can_be_removed(world: World) {
    let job = world.submit(1).await;
    assert!(matches!(world.store.purge(job).await, Err(Error::WrongState { .. })));
    world.store.cancel(job).await.unwrap();
    world.store.purge(job).await.unwrap();
    assert_eq!(world.store.job(job).await.unwrap(), None);
    assert!(matches!(world.store.purge(job).await, Err(Error::UnknownJob(_))));
}

pub(super) async fn counts_agree_with_the_jobs(world: World) {
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

pub(super) async fn the_snapshot_is_bounded_and_holds_what_runs(world: World) {
    for number in 1..=5 {
        world.submit_at(number, i32::from(number)).await;
    }
    let running = world.claim().await.job;
    let (jobs, position) = world.store.unfinished(3).await.unwrap();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    assert_eq!((ids, position), (vec![id(1), id(2), running], 6));
}
