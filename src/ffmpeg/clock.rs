//! The time of a process that may be paused. Pure; `vigil` says when it is.

use std::time::{Duration, Instant};

/// Counts a process's own time, which stands still while the process is paused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// How long the pauses took that are over.
    over: Duration,
    /// Since when it is paused now.
    since: Option<Instant>,
}

impl Clock {
    /// Stops the clock, unless it stands already.
    pub(super) fn pause(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Lets the clock go on, unless it goes already.
    pub(super) fn resume(&mut self, now: Instant) {
        self.over = self.paused(now);
        self.since = None;
    }

    /// Whether the clock stands.
    pub(super) fn is_paused(&self) -> bool {
        self.since.is_some()
    }

    /// How long it has stood so far.
    pub(super) fn paused(&self, now: Instant) -> Duration {
        self.over + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// The process's own time: `now`, less all pauses.
    pub(super) fn own(&self, now: Instant) -> Instant {
        // Every pause came after the start of the process, so there is always so much to take away.
        now.checked_sub(self.paused(now)).unwrap_or(now)
    }

    /// When the process's own time will be `own`: `None` while it is paused, and where that is beyond all time.
    pub(super) fn due(&self, own: Instant) -> Option<Instant> {
        if self.is_paused() { None } else { own.checked_add(self.over) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_stands_still_in_pauses_and_goes_on_after_them() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = Clock::default();
        assert_eq!((clock.own(at(3)), clock.due(at(10))), (at(3), Some(at(10))));
        clock.pause(at(3));
        assert_eq!((clock.own(at(8)), clock.due(at(10))), (at(3), None));
        clock.resume(at(9));
        assert_eq!((clock.own(at(10)), clock.due(at(10))), (at(4), Some(at(16))));
        clock.pause(at(12));
        clock.resume(at(14));
        assert_eq!((clock.own(at(18)), clock.due(at(10)), clock.paused(at(18))), (at(10), Some(at(18)), at(8) - start));
    }

    #[test]
    fn to_pause_or_resume_twice_is_to_do_it_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = Clock::default();
        clock.resume(at(1));
        clock.pause(at(2));
        clock.pause(at(4));
        assert!(clock.is_paused());
        clock.resume(at(5));
        clock.resume(at(9));
        assert_eq!((clock.is_paused(), clock.paused(at(20))), (false, Duration::from_secs(3)));
    }
}
