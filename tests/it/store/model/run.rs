//! Runs a sequence on a store and on the model, and compares everything that can be observed after each step.

use futures_util::FutureExt;
use futures_util::future::join_all;
use transcoded::db::{Error, ListQuery, Rules};
use transcoded::domain::id::{JobId, Lease};
use transcoded::domain::job::{Job, JobState};
use transcoded::domain::time::Clock;

use super::calls::{Answer, Call, attempt_end, new_job, retention, send};
use super::life::{Known, Model, Now};
use super::requests::is_over;
use super::steps::{Look, Op, Pick, Step};
use crate::store::backend::{Backend, RULES, World, id};

/// So short a queue is often full.
const MOST_QUEUED: u64 = 6;
/// The number of a job that is never submitted.
const NOBODY: u8 = 255;

struct Run {
    world: World,
    model: Model,
    submits: u8,
}

/// Runs `steps` on a new store.
pub(super) async fn run(backend: Box<dyn Backend>, steps: Vec<Step>) {
    let rules = Rules { most_queued: MOST_QUEUED, ..RULES };
    let mut run = Run { world: World::with_rules(backend, rules), model: Model::new(rules), submits: 0 };
    for step in steps {
        match step {
            Step::One(op) => run.ask(vec![op]).await,
            Step::Together(ops) => run.ask(ops).await,
            Step::Dropped(op) => run.ask_and_go_away(op).await,
            Step::Restart => {
                run.world = run.world.restart().await;
                run.model.history.hear(&run.world.told());
                let now = run.now();
                run.model.restart(now);
            }
            Step::Pass(millis) => run.world.clock.pass(millis),
            Step::Set(millis) => run.world.clock.set_by(millis),
            Step::Look(look) => run.look(look).await,
        }
        run.compare().await;
    }
}

impl Run {
    fn now(&self) -> Now {
        Now { time: self.world.clock.now(), steady: self.world.clock.steady() }
    }

    async fn ask(&mut self, ops: Vec<Op>) {
        let calls: Vec<_> = ops.into_iter().map(|op| self.call(op)).collect();
        let answers = join_all(calls.iter().map(|call| send(&*self.world.store, call))).await;
        self.model.history.hear(&self.world.told());
        for (call, (answer, leases)) in calls.iter().zip(answers) {
            let leases = matches!(answer, Answer::Claimed { .. }).then_some(&leases[..]);
            assert_eq!(answer, self.model.answer(call, self.now(), leases), "{call:?}");
        }
    }

    /// What was sent is carried out, whether or not somebody waits for the answer.
    async fn ask_and_go_away(&mut self, op: Op) {
        let call = self.call(op);
        drop(send(&*self.world.store, &call).now_or_never());
        // Comes after it, and changes nothing.
        assert!(matches!(self.world.store.cancel(id(NOBODY)).await, Err(Error::UnknownJob(_))));
        self.model.history.hear(&self.world.told());
        self.model.answer(&call, self.now(), None);
    }

    fn call(&mut self, op: Op) -> Call {
        match op {
            Op::Submit(submit) => {
                self.submits += 1;
                assert!(self.submits < NOBODY);
                Call::Submit(Box::new(new_job(self.submits, &submit, self.now().time)))
            }
            Op::Claim(limit) => Call::Claim(limit),
            Op::Renew(picks) => Call::Renew(picks.iter().map(|pick| self.lease(pick)).collect()),
            Op::Expire => Call::Expire,
            Op::Finish(pick, end) => Call::Finish(self.lease(&pick), Box::new(attempt_end(&end))),
            Op::Cancel(pick) => Call::Cancel(self.job(&pick, |known| !is_over(known.job.state))),
            Op::Pause(pick) => Call::Pause(self.job(&pick, |known| !is_over(known.job.state))),
            Op::Resume(pick) => Call::Resume(self.job(&pick, |known| known.job.state == JobState::Paused)),
            Op::Retry(pick) => Call::Retry(self.job(&pick, |known| is_over(known.job.state))),
            Op::Purge(pick) => Call::Purge(self.job(&pick, |known| is_over(known.job.state))),
            Op::Tidy { kept_secs, most_events } => Call::Tidy(retention(kept_secs, most_events)),
        }
    }

    fn job(&self, pick: &Pick, fits: impl Fn(&Known) -> bool) -> JobId {
        let fitting = |known: &&Known| !pick.fitting || !known.removed && fits(known);
        let mut found: Vec<_> = self.model.jobs.iter().filter(fitting).map(|known| known.job.id).collect();
        if found.is_empty() {
            found.extend(self.model.jobs.iter().map(|known| known.job.id));
        }
        if found.is_empty() { id(NOBODY) } else { found[pick.index.index(found.len())] }
    }

    fn lease(&self, pick: &Pick) -> Lease {
        let open = self.model.jobs.iter().filter_map(|known| known.open.as_ref()?.lease);
        let mut found: Vec<_> = open.filter(|_| pick.fitting).collect();
        if found.is_empty() {
            found.clone_from(&self.model.given);
        }
        if found.is_empty() { Lease::new(1 << 40) } else { found[pick.index.index(found.len())] }
    }

    /// Compares what a server looks at all the time.
    async fn compare(&self) {
        let (world, model) = (&self.world, &self.model);
        assert!(model.history.is_accounted_for(), "an event without a change");
        let page = world.store.list(ListQuery { limit: 1000, ..ListQuery::default() }).await.unwrap();
        let expected: Vec<_> = model.there().rev().map(|known| known.job.clone()).collect();
        assert_eq!(page.jobs, expected);
        for (state, count) in world.store.counts().await.unwrap() {
            assert_eq!(count, model.count(state), "{state}");
        }
        let unfinished: Vec<_> = model.there().filter(|known| !is_over(known.job.state)).collect();
        let ids: Vec<_> = unfinished.iter().map(|known| known.job.id).collect();
        assert_eq!(world.store.unfinished_ids().await.unwrap(), ids);
        let (jobs, position) = world.store.unfinished(1000).await.unwrap();
        assert!(jobs.iter().eq(unfinished.iter().map(|known| &known.job)));
        assert_eq!(position, model.history.last);
    }

    async fn look(&self, look: Look) {
        let (store, model) = (&self.world.store, &self.model);
        match look {
            Look::Pages { state, odd, limit } => {
                let state = state.map(|state| JobState::ALL[state.index(JobState::ALL.len())]);
                self.look_at_pages(state, odd, limit).await;
            }
            Look::Unfinished(limit) => self.look_at_unfinished(limit as usize).await,
            Look::Events { after, job, limit } => {
                let after = after.index(usize::try_from(model.history.last).unwrap() + 2) as u64;
                let job = job.filter(|_| !model.jobs.is_empty()).map(|job| &model.jobs[job.index(model.jobs.len())]);
                let of = job.map(|known| known.job.id);
                let found = store.events_after(after, of, limit).await.unwrap();
                let asked =
                    model.history.kept.iter().filter(|event| event.id > after && of.is_none_or(|job| job == event.job));
                let expected: Vec<_> = asked.take(limit as usize).map(|event| (event.id, &event.document)).collect();
                let seen: Vec<_> = found.events.iter().map(|event| (event.id, &event.document)).collect();
                assert_eq!(seen, expected);
                let misses = model.history.misses(after, job);
                assert!(
                    misses.is_none_or(|misses| misses == found.gone),
                    "after {after}: {misses:?}, says {}",
                    found.gone
                );
            }
            Look::Job(_) if model.jobs.is_empty() => {}
            Look::Job(index) => {
                let known = &model.jobs[index.index(model.jobs.len())];
                let expected = (!known.removed).then(|| (known.job.clone(), model.history.last));
                assert_eq!(store.job_and_position(known.job.id).await.unwrap(), expected);
                assert_eq!(store.job(known.job.id).await.unwrap(), expected.map(|(job, _)| job));
            }
        }
    }

    async fn look_at_pages(&self, state: Option<JobState>, odd: Option<bool>, limit: u32) {
        let labels: Vec<_> = odd.map(|odd| ("odd".to_owned(), odd.to_string())).into_iter().collect();
        let fits = |job: &Job| {
            state.is_none_or(|state| state == job.state) && labels.iter().all(|(k, v)| job.labels.get(k) == Some(v))
        };
        let expected: Vec<_> = self.model.there().rev().map(|known| &known.job).filter(|job| fits(job)).collect();
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let query = ListQuery { state, labels: labels.clone(), before, limit };
            let page = self.world.store.list(query).await.unwrap();
            assert!(page.next.is_none() || page.jobs.len() == limit as usize, "only the last page is short");
            seen.extend(page.jobs);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert!(seen.iter().eq(expected));
    }

    /// In order of submission; all that have an open attempt before any other, and of the others those submitted first.
    async fn look_at_unfinished(&self, limit: usize) {
        let (jobs, _) = self.world.store.unfinished(u32::try_from(limit).unwrap()).await.unwrap();
        let all: Vec<_> = self.model.there().filter(|known| !is_over(known.job.state)).collect();
        let (open, waiting): (Vec<&Known>, Vec<&Known>) = all.iter().copied().partition(|known| known.open.is_some());
        let with_attempt = jobs.iter().filter(|job| job.open_attempt().is_some()).count();
        assert_eq!((jobs.len(), with_attempt), (limit.min(all.len()), limit.min(open.len())));
        let others = jobs.iter().filter(|job| job.open_attempt().is_none());
        assert!(others.eq(waiting.iter().take(limit.saturating_sub(open.len())).map(|known| &known.job)));
        let places = jobs.iter().map(|job| all.iter().position(|known| known.job == *job).expect("as it is"));
        assert!(places.is_sorted());
    }
}
