//! What a transcoder is asked for, how it is steered and watched meanwhile, and how it ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::failure::Failure;
use crate::domain::id::JobId;
use crate::domain::job::{CancelMethod, CancelReason, JobProgress, Output};
use crate::domain::log::LogLevel;
use crate::domain::request::JobSpec;

/// One attempt at a job.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The job.
    pub job: JobId,
    /// The number of the attempt, 1 for the first.
    pub attempt: u32,
    /// What is asked for.
    pub spec: &'a JobSpec,
    /// Threads for each encoder; 0 leaves the choice to ffmpeg.
    pub threads: u32,
}

/// What steers an attempt from outside.
#[derive(Clone, Debug)]
pub struct Controls {
    /// Asks it to stop, in its mode's own way.
    pub stop: CancellationToken,
    /// Ends a stop that takes too long, at once. Alone it kills ffmpeg.
    pub kill: CancellationToken,
    /// Why it is to stop; set before `stop` is cancelled. A stop without a reason came from the server's own token.
    pub reason: Arc<OnceLock<CancelReason>>,
    /// Whether it is to stand still: ffmpeg is stopped as a group and goes on later, and its clocks stand still as well.
    pub paused: watch::Receiver<bool>,
}

impl Default for Controls {
    /// Controls that nobody touches.
    fn default() -> Self {
        Self {
            stop: CancellationToken::default(),
            kill: CancellationToken::default(),
            reason: Arc::default(),
            paused: watch::channel(false).1,
        }
    }
}

impl Controls {
    /// Why it was asked to stop.
    #[must_use]
    pub fn reason(&self) -> CancelReason {
        self.reason.get().copied().unwrap_or(CancelReason::Shutdown)
    }
}

/// Watches an attempt. Its methods are called in the attempt's own task and must return soon.
pub trait Observer: Send + Sync {
    /// ffmpeg runs under this process id. Not called in slim mode.
    fn started(&self, pid: u32);
    /// A new phase, or a new measurement.
    fn progress(&self, progress: JobProgress);
    /// A line of ffmpeg's log, bounded, without paths or secrets. Not called in slim mode.
    fn log(&self, level: LogLevel, line: &str);
}

/// How an attempt ended, and what it cost.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// ffmpeg's exit code, if it ran and exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended ffmpeg, if one did.
    pub signal: Option<i32>,
    /// Processor time of ffmpeg.
    pub cpu: Duration,
    /// The most memory that ffmpeg held, in bytes.
    pub peak_memory_bytes: Option<u64>,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum End {
    /// All outputs are published.
    Succeeded(Vec<Output>),
    /// Nothing is published.
    Failed(Failure),
    /// It was asked to stop, or its time was over: `Controls::reason` says which.
    Stopped {
        /// What ended ffmpeg.
        method: CancelMethod,
        /// Milliseconds from the request until ffmpeg was gone.
        drain_ms: u64,
        /// What is published: what was encoded until then, or, where everything was done already, all of it.
        outputs: Vec<Output>,
        /// Why there is less than there might be: no file, or one that doesn't play.
        note: Option<Failure>,
    },
}
