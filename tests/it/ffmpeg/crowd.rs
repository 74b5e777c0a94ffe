//! How crowded the machine is, for bounds on time that hold on a busy one, too, and are strict on a free one.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Measures how much longer work takes because others use the processors, too.
pub(crate) struct Crowd {
    done: Arc<AtomicBool>,
    watcher: JoinHandle<f64>,
}

impl Crowd {
    /// Begins to measure.
    pub(crate) fn watch() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let watcher = thread::spawn(move || {
            let (mut passed, mut worked) = (0.0, 0.0);
            loop {
                let (begun, before) = (Instant::now(), processor_time());
                for number in 0..100_000_u32 {
                    black_box(number);
                }
                passed += begun.elapsed().as_secs_f64();
                worked += processor_time() - before;
                if until.load(Ordering::Relaxed) {
                    return passed / worked;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { done, watcher }
    }

    /// `limit`, made longer as work was since the beginning.
    pub(crate) fn stretch(self, limit: Duration) -> Duration {
        self.done.store(true, Ordering::Relaxed);
        let factor = self.watcher.join().expect("no panic");
        if factor.is_finite() { limit.mul_f64(factor.max(1.0)) } else { limit }
    }
}

/// Seconds of processor time of this thread; 0 where the system doesn't tell.
fn processor_time() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split_ascii_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).map_or(0.0, |nanos| nanos / 1e9)
}
