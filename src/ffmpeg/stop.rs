//! The graceful stop: a ladder of ever less gentle steps, of which a process that is visibly finishing sees only one.
//!
//! `liveness` tells whether it is; `run` decides when the ladder is climbed and kills at its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::sleep;

use super::feed::Stdin;
use super::liveness::Liveness;
use super::process::Process;
use super::unblock;

/// How often the process is looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long it must stand still before its input is unblocked.
const STALLED: Duration = Duration::from_millis(1500);
/// The same for each step after that. Together with [`STALLED`] this stays below 5 s.
const STALLED_AGAIN: Duration = Duration::from_secs(1);
/// How long a `q` may stay unread by a process that is at work before it gets a SIGTERM instead: one that was started
/// with `-nostdin`, or by a wrapper that gave it another standard input.
const UNHEARD: Duration = Duration::from_secs(3);
/// How long a process that hasn't begun to encode may be busy with something else.
const NOTHING_TO_SAVE: Duration = Duration::from_secs(2);

/// What was done to a process so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    /// How it was asked to finish, if that was possible.
    pub(super) asked: Option<Asked>,
    /// Its input was unblocked.
    pub(super) unblocked: bool,
    /// SIGTERM was sent. Never twice: a second one makes ffmpeg drop the file.
    pub(super) terminated: bool,
    /// SIGKILL was sent to the group.
    pub(super) killed: bool,
}

/// The first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// `q` was written.
    Quit,
    /// The media on standard input was ended.
    EndOfMedia,
}

/// A process on the way down.
pub(super) struct Ladder<'a> {
    pub(super) process: &'a Process,
    pub(super) stdin: &'a mut Stdin,
    pub(super) received: Arc<AtomicU64>,
    /// Whether anything was encoded that is worth keeping.
    pub(super) has_output: bool,
    /// Whether it is known that it hasn't even begun to encode.
    pub(super) nothing_to_save: bool,
    pub(super) steps: &'a mut Steps,
}

impl Ladder<'_> {
    /// Goes from step to step and returns when nothing is left but SIGKILL. Drop it when the process has ended.
    pub(super) async fn climb(mut self) {
        let mut liveness = Liveness::new(self.process.id(), self.received(), Instant::now());
        self.wake_if_stopped(&mut liveness);
        self.ask().await;
        self.until_still(&mut liveness, STALLED).await;
        if self.unblock() {
            self.until_still(&mut liveness, STALLED_AGAIN).await;
        }
        if self.terminate() {
            self.until_still(&mut liveness, STALLED_AGAIN).await;
        }
    }

    /// The first step.
    async fn ask(&mut self) {
        if self.stdin.is_fed() {
            self.stdin.end_media().await;
            self.steps.asked = Some(Asked::EndOfMedia);
        } else if self.has_output && self.stdin.quit() {
            self.steps.asked = Some(Asked::Quit);
        } else {
            // Little is lost by ending it at once, and `q` isn't read while ffmpeg probes its inputs.
            self.terminate();
        }
    }

    /// Waits while the process is at work.
    async fn until_still(&mut self, liveness: &mut Liveness, still: Duration) {
        let begun = Instant::now();
        liveness.restart(begun);
        loop {
            sleep(SAMPLE).await;
            let now = Instant::now();
            let sample = liveness.sample(self.received(), now);
            if sample.stopped {
                self.wake();
            } else if sample.idle >= still && !liveness.look_closer(now) {
                return;
            }
            if self.nothing_to_save && now.duration_since(begun) >= NOTHING_TO_SAVE {
                return;
            }
            if self.steps.asked == Some(Asked::Quit) && self.stdin.unread() > 0 && now.duration_since(begun) >= UNHEARD
            {
                self.terminate();
            }
        }
    }

    fn wake_if_stopped(&self, liveness: &mut Liveness) {
        if liveness.sample(self.received(), Instant::now()).stopped {
            self.wake();
        }
    }

    fn wake(&self) {
        self.process.signal_group(Signal::CONT);
    }

    fn unblock(&mut self) -> bool {
        let unblocked = !self.process.has_ended() && unblock::unblock(self.process.id());
        self.steps.unblocked |= unblocked;
        unblocked
    }

    /// Sends SIGTERM, unless it was sent before. Whether it was sent now.
    fn terminate(&mut self) -> bool {
        if self.steps.terminated || self.process.has_ended() {
            return false;
        }
        self.steps.terminated = unblock::terminate(self.process.id());
        self.steps.terminated
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}
