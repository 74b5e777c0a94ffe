//! Turns what ffmpeg reports into the progress that a job shows.

use std::time::Duration;

use super::order::Observer;
use crate::domain::job::{JobProgress, Phase};
use crate::domain::time::Clock;
use crate::ffmpeg::{Estimator, Progress};

/// How much of a job ffmpeg's part is; the rest is checking and publishing.
const FFMPEG_SHARE: f64 = 0.97;
/// How far a job is when its outputs are being read.
pub(super) const VERIFYING: f64 = 97.0;
/// How far a job is when its outputs are being published.
pub(super) const PUBLISHING: f64 = 99.0;

/// Tells the observer how far an attempt is. Its percentage never goes back.
pub(super) struct Meter<'a> {
    observer: &'a dyn Observer,
    clock: &'a dyn Clock,
    estimator: Estimator,
    latest: JobProgress,
}

impl<'a> Meter<'a> {
    pub(super) fn new(observer: &'a dyn Observer, clock: &'a dyn Clock) -> Self {
        Self { observer, clock, estimator: Estimator::new(None), latest: JobProgress::default() }
    }

    /// From now on it is busy with `phase`, which began at so many percent; `None` leaves the percentage as it is.
    pub(super) fn phase(&mut self, phase: Phase, percent: Option<f64>) {
        self.latest.phase = phase;
        self.advance(percent);
        self.latest.eta_ms = None;
        self.tell();
    }

    /// ffmpeg is about to start, and its longest output will be so long.
    pub(super) fn expect(&mut self, duration: Option<Duration>) {
        self.estimator = Estimator::new(duration);
    }

    /// ffmpeg reported something, so long after its start.
    pub(super) fn measured(&mut self, block: &Progress, at: Duration) {
        let estimate = self.estimator.update(block, at);
        self.advance(estimate.percent.map(|percent| percent * FFMPEG_SHARE));
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.latest = JobProgress {
            phase: Phase::Transcoding,
            percent: self.latest.percent,
            out_time_ms: block.out_time.map(millis),
            frame: block.frame,
            fps: block.fps,
            speed: block.speed,
            bitrate_bps: block.bitrate_bps,
            size_bytes: block.size_bytes,
            eta_ms: estimate.eta.map(millis),
            updated_at: None,
        };
        self.tell();
    }

    /// Everything is published.
    pub(super) fn done(&mut self) {
        self.latest.eta_ms = Some(0);
        self.advance(Some(100.0));
        self.tell();
    }

    fn advance(&mut self, percent: Option<f64>) {
        if let Some(percent) = percent {
            let rounded = (percent * 10.0).round() / 10.0;
            self.latest.percent = Some(self.latest.percent.map_or(rounded, |before| before.max(rounded)));
        }
    }

    fn tell(&mut self) {
        self.latest.updated_at = Some(self.clock.now());
        self.observer.progress(self.latest.clone());
    }
}
