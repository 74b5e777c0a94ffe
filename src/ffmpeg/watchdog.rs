//! Tells a process that stands still from one that gets on, over minutes and at next to no cost.
//!
//! `liveness` measures work; here it is measured rarely, and a progress block that advances counts as work, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::liveness::Liveness;
use super::monitor::Monitor;

/// How many looks the limit is divided into.
const LOOKS: u32 = 20;
/// The shortest and the longest time between two looks.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// A look that comes so many intervals late tells of this program: it was held up, and may have held up the process.
const LATE: u32 = 5;

/// Watches one process group. All times are the process's own.
pub(super) struct Watchdog<'a> {
    limit: Duration,
    group: Pid,
    received: Arc<AtomicU64>,
    monitor: Option<&'a Monitor>,
    next: Instant,
    /// `None` before the first look: a run that is over by then pays nothing.
    liveness: Option<Liveness>,
    /// How many advancing blocks there were at the last look.
    blocks: u64,
}

impl<'a> Watchdog<'a> {
    /// Watches `group` from `start` on for standing still as long as `limit`.
    pub(super) fn new(
        limit: Duration,
        group: Pid,
        received: Arc<AtomicU64>,
        monitor: Option<&'a Monitor>,
        start: Instant,
    ) -> Self {
        Self { limit, group, received, monitor, next: start + interval(limit), liveness: None, blocks: 0 }
    }

    /// When to look again.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Looks at the process. Whether it has stood still for as long as the limit.
    pub(super) fn has_stalled(&mut self, now: Instant) -> bool {
        let interval = interval(self.limit);
        let late = now.saturating_duration_since(self.next) > interval * LATE;
        self.next = now + interval;
        let received = self.received.load(Ordering::Relaxed);
        let blocks = self.monitor.map_or(0, Monitor::advances);
        let advanced = std::mem::replace(&mut self.blocks, blocks) != blocks;
        let Some(liveness) = &mut self.liveness else {
            self.liveness = Some(Liveness::new(self.group, received, now));
            return false;
        };
        let idle = liveness.sample(received, now).idle;
        if advanced || late {
            liveness.restart(now);
            return false;
        }
        idle >= self.limit && !liveness.look_closer(now)
    }
}

/// How long to wait between two looks.
fn interval(limit: Duration) -> Duration {
    (limit / LOOKS).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_long_limit_is_looked_at_once_a_second_and_a_short_one_not_without_pause() {
        let cases = [(0, 50), (100, 50), (1000, 50), (4000, 200), (20_000, 1000), (3_600_000, 1000)];
        for (limit, expected) in cases {
            assert_eq!(interval(Duration::from_millis(limit)), Duration::from_millis(expected), "{limit}");
        }
    }
}
