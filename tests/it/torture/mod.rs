//! Torture: jobs are submitted, cancelled, paused and retried on a server that is killed again and again, at random and
//! between any two steps that belong together. In the end nothing may be lost, doubled or left over.
//!
//! `TRANSCODED_TORTURE_SEED` repeats the plan of a run, `TRANSCODED_TORTURE_KILLS` and `TRANSCODED_TEST_LONG=1` make it
//! longer.

mod checks;
mod clients;
mod host;
mod ledger;
mod media;
mod plan;
mod points;
mod readers;
mod singles;

use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::FutureExt;
use rustix::process::Signal;
use tokio::task::JoinSet;

use clients::World;
use host::Host;
use ledger::Told;
use plan::{End, Plan};

/// No job is set aside, however often it was running when the server died; nobody waits long to be tried again.
const PATIENT: [&str; 4] = ["--max-crashes", "1000000", "--retry-delay-ms", "1"];
/// How long to wait for a server to come to the place where it is to die.
const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_left_over_by_kills() {
    let seed = number("TRANSCODED_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
    let long = std::env::var_os("TRANSCODED_TEST_LONG").is_some();
    let kills = number("TRANSCODED_TORTURE_KILLS").unwrap_or(if long { 1000 } else { 20 });
    println!("TRANSCODED_TORTURE_SEED={seed} TRANSCODED_TORTURE_KILLS={kills}");
    let mut host = Host::new(&PATIENT);
    let run = std::panic::AssertUnwindSafe(torture(&mut host, kills, Rng::with_seed(seed))).catch_unwind().await;
    if let Err(panic) = run {
        println!("seed {seed}; the folder is kept: {}\n{}", host.keep().display(), host.tail());
        std::panic::resume_unwind(panic);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

async fn torture(host: &mut Host, kills: u64, mut rng: Rng) {
    let started = Instant::now();
    let world = World::new(host.url());
    let mut clients = JoinSet::new();
    clients.spawn(world.clone().keep_submitting(rng.fork(), 0));
    clients.spawn(world.clone().keep_submitting(rng.fork(), 1_000_000));
    clients.spawn(world.clone().keep_repeating(rng.fork()));
    clients.spawn(world.clone().keep_meddling(rng.fork()));
    clients.spawn(world.clone().keep_meddling(rng.fork()));
    let reader = tokio::spawn(world.clone().keep_reading());
    let following = tokio::spawn(world.clone().keep_following(rng.fork()));
    let mut killed = 0;
    while killed < kills {
        let plan = Plan::draw(&mut rng);
        host.start(plan.fate);
        killed += u64::from(live(host, &plan).await);
        if killed % 50 == 0 {
            println!("{killed} kills after {:.0?}", started.elapsed());
        }
        assert_eq!(world.ledger().complaints, Vec::<String>::new());
        // A task that has ended has panicked.
        assert!(!reader.is_finished() && clients.try_join_next().is_none(), "a client gave up");
    }
    let killing = started.elapsed();
    host.start(None);
    assert!(host.ready().await, "{}", host.tail());
    host.alone().await;
    clients.shutdown().await;
    world.enough.cancel();
    check(host, &world, &mut rng, following).await;
    let ledger = world.ledger();
    let (jobs, events) = (ledger.last.len(), ledger.history.len());
    println!("{killed} kills in {killing:.0?}, checked after {:.0?}: {jobs} jobs, {events} events", started.elapsed());
    println!("answers: {:?}", ledger.answers);
    reader.abort();
}

/// Lets a server live as planned. Whether it was killed.
async fn live(host: &mut Host, plan: &Plan) -> bool {
    let ready = match plan.end {
        End::AtStart(age) => {
            let died = host.dies_within(age).await;
            assert!(!died, "{}", host.tail());
            false
        }
        _ => host.ready().await,
    };
    if ready {
        host.alone().await;
        match plan.end {
            End::AtStart(_) => {}
            End::Random(age) => drop(host.dies_within(age).await),
            End::Named => drop(host.dies_within(PATIENCE).await),
            End::Stop { age, patience } => {
                host.dies_within(age).await;
                host.signal(Signal::TERM);
                if patience.is_none() && plan.fate.is_none() {
                    let status = host.ended().await;
                    assert!(status.success(), "{status}\n{}", host.tail());
                    return false;
                }
                if host.dies_within(patience.unwrap_or(PATIENCE)).await {
                    return host.ended().await.code().is_none();
                }
            }
        }
    }
    host.kill();
    true
}

/// What has to be true in the end.
async fn check(host: &mut Host, world: &World, rng: &mut Rng, following: tokio::task::JoinHandle<Vec<Vec<Told>>>) {
    checks::drain(world).await;
    // By now every key has to stand for a job, and for the same one as ever.
    world.repeat(rng, 100).await;
    checks::drain(world).await;
    let followed = following.await.unwrap();
    let whole = world.whole_history().await;
    let last = whole.last().map_or(0, |told| told.id);
    crate::harness::eventually("the reader to have read all", || async {
        (world.ledger().history.last().map_or(0, |told| told.id) >= last).then_some(())
    })
    .await;
    let jobs = checks::jobs(world).await;
    assert_eq!(checks::wrong_records(&world.ledger(), &jobs), Vec::<String>::new());
    assert_eq!(checks::wrong_history(&world.ledger(), &whole, &followed), Vec::<String>::new());
    checks::check_metrics(world, &jobs).await;
    let files = checks::files(host, &jobs).await;
    checks::decode(files).await;
    let work = std::fs::read_dir(host.data().join("work")).unwrap().count();
    assert_eq!((work, host.zombies()), (0, 0), "scratch folders, zombies");
    assert_eq!(host.processes().len(), 1, "{:#?}", host.processes());
    host.signal(Signal::TERM);
    let status = host.ended().await;
    assert!(status.success(), "{status}");
    assert_eq!(host.processes(), []);
    checks::check_database(&host.data());
    assert_eq!(host.wrong_lines(), Vec::<String>::new());
}
