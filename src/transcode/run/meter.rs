//! Turns what ffmpeg reports into the progress that a job shows: one percentage over all steps of an attempt.

use std::time::Duration;

use crate::domain::job::{JobProgress, Phase};
use crate::domain::time::Clock;
use crate::ffmpeg::{Estimate, Estimator, Progress};
use crate::transcode::order::Observer;

/// One step of an attempt, and how much of the whole it is likely to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::transcode) struct Step {
    pub(in crate::transcode) phase: Phase,
    pub(in crate::transcode) weight: f64,
}

/// Tells the observer how far an attempt is. Its percentage never goes back, and is 100 only in the end.
pub(in crate::transcode) struct Meter<'a> {
    observer: &'a dyn Observer,
    clock: &'a dyn Clock,
    estimator: Estimator,
    steps: Vec<Step>,
    /// The step that it is in, once there are some.
    current: Option<usize>,
    latest: JobProgress,
}

impl<'a> Meter<'a> {
    pub(in crate::transcode) fn new(observer: &'a dyn Observer, clock: &'a dyn Clock) -> Self {
        let (estimator, latest) = (Estimator::new(None), JobProgress::default());
        Self { observer, clock, estimator, steps: Vec::new(), current: None, latest }
    }

    /// What is to come. Only now a percentage can be told.
    pub(in crate::transcode) fn plan(&mut self, steps: Vec<Step>) {
        self.steps = steps;
        self.current = None;
    }

    /// These steps come next, before those that were planned.
    pub(in crate::transcode) fn insert(&mut self, steps: Vec<Step>) {
        let next = self.current.map_or(0, |current| current + 1);
        self.steps.splice(next..next, steps);
    }

    /// From now on it is busy with the next step of this phase.
    pub(in crate::transcode) fn enter(&mut self, phase: Phase) {
        let next = self.current.map_or(0, |current| current + 1);
        let found = self.steps.iter().skip(next).position(|step| step.phase == phase).map(|place| next + place);
        self.current = found.or(self.current);
        self.latest.phase = phase;
        if phase == Phase::Preparing {
            // Of the input, not of what is made of it.
            self.latest.size_bytes = None;
        }
        // Where a step begins is known if something was known before it, or it comes after ffmpeg's.
        if found.is_some() && (self.latest.percent.is_some() || phase > Phase::Transcoding) {
            self.advance(self.before());
        }
        self.latest.eta_ms = None;
        self.tell();
    }

    /// From now on it is busy with `phase`, but goes no further: it was stopped.
    pub(in crate::transcode) fn stay(&mut self, phase: Phase) {
        self.latest.phase = phase;
        self.latest.eta_ms = None;
        self.tell();
    }

    /// ffmpeg is about to start, and its longest output will be so long.
    pub(in crate::transcode) fn expect(&mut self, duration: Option<Duration>) {
        self.estimator = Estimator::new(duration);
    }

    /// ffmpeg reported something, so long after its start. `read` is the share of the input that it has read, where its length
    /// isn't known.
    pub(in crate::transcode) fn measured(&mut self, block: &Progress, read: Option<f64>, at: Duration) {
        let estimate = match read {
            Some(read) => self.estimator.update_share(read, at),
            None => self.estimator.update(block, at),
        };
        if let Some(percent) = estimate.percent {
            self.advance(self.before() + self.share() * percent / 100.0);
        }
        self.latest = JobProgress {
            phase: self.latest.phase,
            percent: self.latest.percent,
            out_time_ms: block.out_time.map(millis),
            frame: block.frame,
            fps: block.fps,
            speed: block.speed,
            bitrate_bps: block.bitrate_bps,
            size_bytes: block.size_bytes,
            eta_ms: self.time_left(estimate, at).map(millis),
            updated_at: None,
        };
        self.tell();
    }

    /// So many bytes of the input have been fetched.
    pub(in crate::transcode) fn fetched(&mut self, bytes: u64) {
        self.latest.size_bytes = Some(bytes);
        self.tell();
    }

    /// Everything is published.
    pub(in crate::transcode) fn done(&mut self) {
        self.latest.eta_ms = Some(0);
        self.advance(100.0);
        self.tell();
    }

    /// The time that this step needs, and those behind it at the pace of this one.
    fn time_left(&self, estimate: Estimate, at: Duration) -> Option<Duration> {
        let eta = estimate.eta?;
        let whole_step = at + eta;
        let rest = 1.0 - (self.before() + self.share()) / 100.0;
        let behind = whole_step.as_secs_f64() * rest.max(0.0) / (self.share() / 100.0).max(0.01);
        Some(eta + Duration::try_from_secs_f64(behind).unwrap_or_default())
    }

    fn total(&self) -> f64 {
        self.steps.iter().map(|step| step.weight).sum::<f64>().max(f64::MIN_POSITIVE)
    }

    /// How many percent lie before the current step.
    fn before(&self) -> f64 {
        let done: f64 = self.steps.iter().take(self.current.unwrap_or(0)).map(|step| step.weight).sum();
        done / self.total() * 100.0
    }

    /// How many percent the current step is.
    fn share(&self) -> f64 {
        let weight = self.current.and_then(|current| self.steps.get(current)).map_or(0.0, |step| step.weight);
        weight / self.total() * 100.0
    }

    fn advance(&mut self, percent: f64) {
        let rounded = (percent * 10.0).round() / 10.0;
        self.latest.percent = Some(self.latest.percent.map_or(rounded, |before| before.max(rounded)));
    }

    fn tell(&mut self) {
        self.latest.updated_at = Some(self.clock.now());
        self.observer.progress(self.latest.clone());
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::log::LogLevel;
    use crate::domain::time::SystemClock;

    #[derive(Default)]
    struct Told(Mutex<Vec<JobProgress>>);

    impl Observer for Told {
        fn started(&self, _: u32) {}
        fn progress(&self, progress: JobProgress) {
            self.0.lock().unwrap().push(progress);
        }
        fn log(&self, _: LogLevel, _: &str) {}
    }

    fn block(seconds: u64) -> Progress {
        Progress { out_time: Some(Duration::from_secs(seconds)), ..Progress::default() }
    }

    #[test]
    fn one_percentage_goes_over_all_steps() {
        let told = Told::default();
        let mut meter = Meter::new(&told, &SystemClock);
        meter.enter(Phase::Preparing);
        let step = |phase, weight| Step { phase, weight };
        meter.plan(vec![
            step(Phase::Analyzing, 10.0),
            step(Phase::Transcoding, 80.0),
            step(Phase::Verifying, 9.0),
            step(Phase::Publishing, 1.0),
        ]);
        for (phase, half) in [(Phase::Analyzing, 5.0), (Phase::Transcoding, 50.0)] {
            meter.expect(Some(Duration::from_secs(10)));
            meter.enter(phase);
            meter.measured(&block(5), None, Duration::from_secs(1));
            let last = told.0.lock().unwrap().last().cloned().unwrap();
            assert_eq!((last.phase, last.percent), (phase, Some(half)));
        }
        meter.measured(&block(2), None, Duration::from_secs(2));
        meter.enter(Phase::Verifying);
        meter.enter(Phase::Publishing);
        meter.done();
        let told = told.0.into_inner().unwrap();
        let percents: Vec<f64> = told.iter().filter_map(|progress| progress.percent).collect();
        assert!(percents.is_sorted() && percents.last() == Some(&100.0), "{percents:?}");
        assert_eq!(percents[percents.len() - 3..], [90.0, 99.0, 100.0]);
        assert_eq!(told[0].percent, None);
    }

    #[test]
    fn an_unknown_length_is_told_by_what_was_read() {
        let told = Told::default();
        let mut meter = Meter::new(&told, &SystemClock);
        meter.plan(vec![Step { phase: Phase::Transcoding, weight: 1.0 }]);
        meter.enter(Phase::Transcoding);
        meter.measured(&block(5), None, Duration::from_secs(1));
        meter.measured(&block(6), Some(0.25), Duration::from_secs(2));
        let told = told.0.into_inner().unwrap();
        assert_eq!(told.iter().map(|progress| progress.percent).collect::<Vec<_>>(), [None, None, Some(25.0)]);
    }
}
