//! A reference model of the life of jobs, held against a real store in random interleavings.
//!
//! Whatever was done, and in whatever order, everything that can be observed of the store must be what a simple model says
//! in its own words (`life`): it is told what was asked and what was answered, and decides by itself what must hold. It
//! shares no decision with the house.
//!
//! Every step makes sense in every state (it picks its job or lease among those that there are), so that a sequence can be
//! cut down to the few steps that matter when it has found something.

mod calls;
mod ending;
mod history;
mod life;
mod requests;
mod run;
mod steps;

use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::backend::{Backend, Sqlite};
use crate::harness::long_run;

/// How many interleavings the normal test run tries, always the same ones.
const NORMAL: u32 = 240;
/// How many the long run tries, other ones each time.
const LONG: u32 = 10_000;
/// How many run at a time: most of the time goes into waiting for the disk.
const THREADS: u32 = 4;

fn config(thread: u32) -> Config {
    let (cases, rng_seed) = if long_run() { (LONG, RngSeed::Random) } else { (NORMAL, RngSeed::Fixed(thread.into())) };
    // What is found becomes a named test of the suite, not a file of seeds.
    Config { cases: cases / THREADS, rng_seed, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() }
}

fn holds_for(config: Config, backend: fn() -> Box<dyn Backend>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = TestRunner::new(config).run(&steps::sequence(), |steps| {
        runtime.block_on(run::run(backend(), steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn a_store_does_what_the_model_says_in_every_interleaving() {
    std::thread::scope(|threads| {
        for thread in 0..THREADS {
            threads.spawn(move || holds_for(config(thread), || Box::new(Sqlite::new())));
        }
    });
}
