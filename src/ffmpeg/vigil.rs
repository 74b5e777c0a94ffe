//! Watches over a running process until there is a reason to stop it, and pauses it meanwhile as it is told.
//!
//! `clock` keeps the process's own time, `pause` the switch, `watchdog` tells a stall; how to stop is up to `run`.

use std::future::pending;
use std::time::Instant;

use rustix::process::Signal;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::pause::Switch;
use super::process::Process;
use super::watchdog::Watchdog;

/// Why a process is to stop, and when that was decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) cause: Cause,
    pub(super) at: Instant,
}

/// Why a process is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A token was cancelled.
    Asked,
    /// Its time is over.
    TimedOut,
    /// It stood still for too long.
    Stalled,
}

/// A process that nobody wants to stop yet.
pub(super) struct Vigil<'a> {
    pub(super) process: &'a Process,
    pub(super) clock: &'a mut Clock,
    pub(super) switch: &'a mut Switch,
    /// The end of its time, in its own time.
    pub(super) end: Option<Instant>,
    pub(super) watchdog: Option<Watchdog<'a>>,
}

impl Vigil<'_> {
    /// Waits for a reason to stop the process. Afterwards no pause is heard any more; the last one may still hold.
    pub(super) async fn keep(&mut self, request: &CancellationToken, kill: &CancellationToken) -> Request {
        let cause = loop {
            let end = self.end.and_then(|end| self.clock.due(end));
            let look = self.watchdog.as_ref().and_then(|watchdog| self.clock.due(watchdog.next()));
            tokio::select! {
                biased;
                () = kill.cancelled() => break Cause::Asked,
                () = request.cancelled() => break Cause::Asked,
                pause = self.switch.turned(self.clock.is_paused()) => self.turn(pause),
                () = until(end) => break Cause::TimedOut,
                () = until(look) => if self.has_stalled() { break Cause::Stalled },
            }
        };
        Request { cause, at: Instant::now() }
    }

    /// Ends a pause that still holds, so that the process can finish.
    pub(super) fn release(&mut self) {
        if self.clock.is_paused() {
            self.turn(false);
        }
    }

    /// Stops the process and its clock, or lets both go on.
    fn turn(&mut self, pause: bool) {
        let (now, signal) = (Instant::now(), if pause { Signal::STOP } else { Signal::CONT });
        if pause {
            self.clock.pause(now);
        } else {
            self.clock.resume(now);
        }
        // One that has ended might have been reaped by somebody else, and its id be a stranger's.
        if !self.process.has_ended() {
            self.process.signal_group(signal);
        }
    }

    fn has_stalled(&mut self) -> bool {
        let now = self.clock.own(Instant::now());
        self.watchdog.as_mut().is_some_and(|watchdog| watchdog.has_stalled(now))
    }
}

/// Waits until `time`; for ever where there is none.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => pending().await,
    }
}
