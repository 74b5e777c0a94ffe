//! What became of a run: how it ended, by whose doing, and what it cost.
//!
//! Plain values; `run` fills them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What became of a run.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// The exit code or the signal; `None` where nothing was started.
    pub exit: Option<Exit>,
    /// From the start to the exit, pauses included.
    pub wall: Duration,
    /// How much of that it was paused by [`Command::pause_when`](super::Command::pause_when).
    pub paused: Duration,
    /// Processor time of the process and of the children that it waited for, user and system together.
    pub cpu: Duration,
    /// The most memory that the process (or one of the children that it waited for) held, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// How a stop that we asked for went; `None` where we stopped nothing.
    pub stop: Option<Stop>,
    /// The lines of standard error that name the cause, first ones first, cleaned of addresses in memory; bounded.
    ///
    /// These are lines marked `[error]` or `[fatal]` (`-loglevel level` marks them) and the encoders' own. Where a run
    /// failed without such a line, they are its last lines.
    pub errors: Vec<String>,
    /// The first 50 and the last 200 lines of standard error; bounded.
    pub stderr_tail: Vec<String>,
    /// Why the media fed to standard input broke off, where its source failed. The process took that for its end.
    pub feed_error: Option<String>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// By itself, whatever its exit code.
    Finished,
    /// Because its token was cancelled.
    Stopped,
    /// Because its time was over.
    TimedOut,
    /// Because it stood still for too long.
    Stalled,
    /// By a signal that we did not send: a crash, the kernel short of memory, somebody else. ffmpeg takes SIGTERM and
    /// SIGINT for a request and ends with an exit code all the same.
    Killed,
    /// It never ran.
    NotStarted(StartError),
}

/// What a process leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself, with this code.
    Code(i32),
    /// A signal with this number ended it.
    Signal(i32),
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The step that ended the process.
    pub step: StopStep,
    /// From the request to the exit.
    pub took: Duration,
}

/// The steps of a stop, gentlest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopStep {
    /// `q` on standard input, or its end where it is the media.
    Quit,
    /// One SIGTERM.
    Terminate,
    /// SIGKILL to the process group.
    Kill,
}

/// Why nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The token was cancelled before the start.
    #[error("cancelled before it was started")]
    Cancelled,
    /// There is no such program.
    #[error("there is no program {}", program.display())]
    NotFound {
        /// The program as the command named it.
        program: PathBuf,
    },
    /// The folder to work in can't be used.
    #[error("the working folder {} is not a folder", path.display())]
    WorkingFolder {
        /// The folder as the command named it.
        path: PathBuf,
    },
    /// The system refused.
    #[error("failed to start the process: {0}")]
    Io(#[from] io::Error),
}

impl Report {
    /// The report of a run that never started.
    pub(super) fn not_started(error: StartError) -> Self {
        Self {
            ending: Ending::NotStarted(error),
            exit: None,
            wall: Duration::ZERO,
            paused: Duration::ZERO,
            cpu: Duration::ZERO,
            peak_memory_bytes: None,
            stop: None,
            errors: Vec::new(),
            stderr_tail: Vec::new(),
            feed_error: None,
        }
    }

    /// Whether it ended by itself with exit code 0, and was fed all of its input.
    ///
    /// ffmpeg also exits with 0 where the input was cut short or a full disk swallowed the output, so read the output
    /// before you call it good.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self.ending, Ending::Finished) && self.exit == Some(Exit::Code(0)) && self.feed_error.is_none()
    }
}
