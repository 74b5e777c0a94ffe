//! Turns progress into a percentage and a time left.
//!
//! How long the output will be is worked out by `expected`.

use std::time::Duration;

use super::progress::Progress;

/// The percentage of a process that hasn't ended is held below 100.
const ALMOST: f64 = 99.9;
/// How far back the pace is looked at: what is so old counts a third of what is new.
const MEMORY: Duration = Duration::from_secs(10);
/// How much must have been seen before the pace means anything.
const WARM_UP: Duration = Duration::from_millis(500);

/// How far a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// From 0 to 100, and never less than before; `None` while it can't be known.
    pub percent: Option<f64>,
    /// The time left; `None` while it can't be known.
    pub eta: Option<Duration>,
}

/// Follows one process.
#[derive(Clone, Debug)]
pub struct Estimator {
    expected: Option<f64>,
    frames: Option<u64>,
    /// How much of the output was written at most, from 0 to 1.
    done: f64,
    known: bool,
    last_at: Option<Duration>,
    /// What was done, and how long it took, both fading with age.
    recent: (f64, f64),
}

impl Estimator {
    /// Begins for an output of this duration; `None` where it isn't known.
    #[must_use]
    pub fn new(expected: Option<Duration>) -> Self {
        let expected = expected.map(|time| time.as_secs_f64()).filter(|seconds| *seconds > 0.0);
        Self { expected, frames: None, done: 0.0, known: false, last_at: None, recent: (0.0, 0.0) }
    }

    /// Counts frames instead, where the number of the output's frames is known and its duration isn't.
    #[must_use]
    pub fn with_frames(mut self, frames: Option<u64>) -> Self {
        self.frames = frames.filter(|frames| *frames > 0);
        self
    }

    /// Takes a progress block that came `at` so long after the start.
    pub fn update(&mut self, progress: &Progress, at: Duration) -> Estimate {
        match self.share(progress) {
            Some(done) => self.update_share(done, at),
            None => self.estimate(),
        }
    }

    /// Takes the share of the whole that is done, from 0 to 1, as it was `at` so long after the start.
    pub fn update_share(&mut self, done: f64, at: Duration) -> Estimate {
        let done = done.clamp(0.0, 1.0);
        let step = (done - self.done).max(0.0);
        self.done = self.done.max(done);
        self.known = true;
        if let Some(before) = self.last_at {
            let passed = at.saturating_sub(before).as_secs_f64();
            let fade = (-passed / MEMORY.as_secs_f64()).exp();
            self.recent = (self.recent.0 * fade + step, self.recent.1 * fade + passed);
        }
        self.last_at = Some(at);
        self.estimate()
    }

    /// The process has ended well.
    pub fn finish(&mut self) -> Estimate {
        self.done = 1.0;
        Estimate { percent: Some(100.0), eta: Some(Duration::ZERO) }
    }

    /// The share of the output that a block tells of; `None` where it tells nothing or nothing credible.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    fn share(&self, progress: &Progress) -> Option<f64> {
        if let Some(expected) = self.expected {
            let out = progress.out_time?.as_secs_f64();
            // Time stamps that run away say nothing about how much is done.
            return (out <= 10.0 * expected + 60.0).then_some((out / expected).min(1.0));
        }
        Some((progress.frame? as f64 / self.frames? as f64).min(1.0))
    }

    fn estimate(&self) -> Estimate {
        if !self.known {
            return Estimate::default();
        }
        let (done, took) = self.recent;
        let eta = (took >= WARM_UP.as_secs_f64() && done > 0.0)
            .then(|| Duration::try_from_secs_f64((1.0 - self.done) / (done / took)).ok())
            .flatten();
        Estimate { percent: Some((self.done * 100.0).min(ALMOST)), eta }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(out_ms: u64) -> Progress {
        Progress { out_time: Some(Duration::from_millis(out_ms)), ..Progress::default() }
    }

    fn percent(estimate: Estimate) -> f64 {
        estimate.percent.expect("a percentage")
    }

    #[test]
    fn the_percentage_never_goes_back_and_reaches_100_only_at_the_end() {
        let mut estimator = Estimator::new(Some(Duration::from_secs(10)));
        let mut last = 0.0;
        for (second, out) in [0, 1000, 5000, 2100, 4590, 9000, 12_000, 10_000].into_iter().enumerate() {
            let now = percent(estimator.update(&at(out), Duration::from_secs(second as u64)));
            assert!(now >= last && now < 100.0, "{last} -> {now}");
            last = now;
        }
        assert!((last - ALMOST).abs() < f64::EPSILON);
        assert_eq!(estimator.finish(), Estimate { percent: Some(100.0), eta: Some(Duration::ZERO) });
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        let mut unknown = Estimator::new(None);
        assert_eq!(unknown.update(&at(5000), Duration::from_secs(1)), Estimate::default());
        let mut empty = Estimator::new(Some(Duration::ZERO));
        assert_eq!(empty.update(&at(5000), Duration::from_secs(1)), Estimate::default());
        let mut known = Estimator::new(Some(Duration::from_secs(10)));
        assert_eq!(known.update(&Progress::default(), Duration::ZERO), Estimate::default());
        assert_eq!(known.update(&at(9_000_000_000), Duration::ZERO), Estimate::default());
        assert!((percent(known.update(&at(1000), Duration::from_secs(1))) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_time_left_settles_on_an_unsteady_pace() {
        let mut estimator = Estimator::new(Some(Duration::from_mins(10)));
        let mut estimates = Vec::new();
        // Twice real time on average, in fits and starts, after a slow beginning.
        for tick in 1..=400_u64 {
            let out = if tick < 8 { 0 } else { tick * 500 + if tick % 3 == 0 { 400 } else { 0 } };
            let now = Duration::from_millis(tick * 250);
            let estimate = estimator.update(&at(out), now);
            if tick > 80 {
                let truth = 300.0 - now.as_secs_f64();
                estimates.push(estimate.eta.expect("a time left").as_secs_f64() / truth);
            }
        }
        assert!(estimates.iter().all(|ratio| (0.8..1.2).contains(ratio)), "{estimates:?}");
    }

    #[test]
    fn a_stall_lengthens_the_time_left() {
        let mut estimator = Estimator::new(Some(Duration::from_secs(100)));
        let mut eta = None;
        for second in 0..10 {
            eta = estimator.update(&at(second * 1000), Duration::from_secs(second)).eta;
        }
        let before = eta.expect("a time left");
        let after = estimator.update(&at(9000), Duration::from_secs(30)).eta.expect("a time left");
        assert!(after > before * 2, "{before:?} {after:?}");
    }

    #[test]
    fn frames_stand_in_for_an_unknown_duration() {
        let mut estimator = Estimator::new(None).with_frames(Some(200));
        let block = Progress { frame: Some(50), ..Progress::default() };
        assert!((percent(estimator.update(&block, Duration::from_secs(1))) - 25.0).abs() < 1e-9);
    }
}
