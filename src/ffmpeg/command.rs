//! The command that a caller prepares: program, arguments and the limits of its run.
//!
//! It says what to run; `process` starts it, `run` watches over it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Arguments that suit every run under this module; put them first.
///
/// They send progress blocks to standard output four times a second (ffmpeg 7 and later also look at the keyboard and
/// at signals only that often), mark each line on standard error with its level, and overwrite without asking, as
/// nobody could answer. `-nostdin` is left out on purpose: with it ffmpeg never sees `q`.
pub const GLOBAL_ARGS: &[&str] = &[
    "-hide_banner",
    "-nostats",
    "-y",
    "-loglevel",
    "repeat+level+info",
    "-stats_period",
    "0.25",
    "-progress",
    "pipe:1",
    "-abort_on",
    "empty_output",
];

/// How long a graceful stop may take unless the command says otherwise.
const STOP_WITHIN: Duration = Duration::from_mins(2);

/// Where a fed command's standard input comes from.
pub(super) type Feed = Box<dyn AsyncRead + Send + Unpin>;

/// An ffmpeg command. Nothing is added to its arguments.
///
/// ```no_run
/// # use transcoded::ffmpeg::{Command, GLOBAL_ARGS};
/// let command = Command::new("/usr/bin/ffmpeg").args(GLOBAL_ARGS).args(["-i", "file:in.mov", "file:out.mp4"]);
/// ```
pub struct Command {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) env_clear: bool,
    pub(super) current_dir: Option<PathBuf>,
    pub(super) nice: i32,
    pub(super) timeout: Option<Duration>,
    pub(super) stall_after: Option<Duration>,
    pub(super) pause_when: Option<watch::Receiver<bool>>,
    pub(super) stop_within: Duration,
    pub(super) kill_when: Option<CancellationToken>,
    pub(super) feed: Option<Feed>,
}

impl Command {
    /// Names the program: a path, or a bare name that is looked up in `PATH` when the command starts.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            env_clear: false,
            current_dir: None,
            nice: 0,
            timeout: None,
            stall_after: None,
            pause_when: None,
            stop_within: STOP_WITHIN,
            kill_when: None,
            feed: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the process's environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts from an empty environment instead of this process's own; variables set with [`env`](Self::env) stay.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.env_clear = true;
        self
    }

    /// Sets the folder that the process works in.
    #[must_use]
    pub fn current_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.current_dir = Some(path.as_ref().to_owned());
        self
    }

    /// Adds to the process's niceness (0 to 19; a higher one yields the processor to others).
    ///
    /// It is set right after the start, and silently stays as it was where the system refuses.
    #[must_use]
    pub fn nice(mut self, added: i32) -> Self {
        self.nice = added;
        self
    }

    /// Ends the run in its mode's own way once it has run for so long, pauses not counted. The report then says
    /// [`Ending::TimedOut`](super::Ending::TimedOut).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Ends the run in its mode's own way once it has stood still for so long, pauses not counted. The report then says
    /// [`Ending::Stalled`](super::Ending::Stalled). It is looked at twenty times within the limit, but no more than once a
    /// second, so the end comes a little later.
    ///
    /// Standing still means for the whole process group: hardly any processor time (less than a twentieth of a
    /// processor), hardly any I/O (less than 64 KiB a second), nobody waiting for a processor or a disk, and no progress
    /// block whose frames, time or size differ from those before. So a process that somebody else stopped with SIGSTOP
    /// stands still, and one that flushes a slow encoder doesn't.
    ///
    /// [`slim`](super::slim) reads no progress, and neither do the other modes without `-progress pipe:1`: then a copy in
    /// real time, which needs next to nothing, can't be told from one that stands still. Choose a limit well above the
    /// time between two progress blocks, and above the look-ahead of an encoder that is fed in real time (libx264: 2 s).
    #[must_use]
    pub fn stall_after(mut self, limit: Duration) -> Self {
        self.stall_after = Some(limit);
        self
    }

    /// Pauses the run while the value is `true`: its process group is stopped (SIGSTOP), and continued (SIGCONT) when
    /// the value turns `false`. A process that starts while it is `true` is stopped right after its start.
    ///
    /// While the run is paused, the clocks of [`timeout`](Self::timeout) and [`stall_after`](Self::stall_after) stand
    /// still. Only the latest value counts; one that went there and back between two looks changes nothing.
    ///
    /// - A request to stop ends the pause for good: a graceful stop continues the process first, the other modes kill
    ///   it as it is. From then on the value means nothing.
    /// - When every sender is dropped, a paused run is continued, as nobody is left who could do so later.
    ///
    /// A process that has left the group, such as one started with `setsid`, isn't paused.
    #[must_use]
    pub fn pause_when(mut self, paused: watch::Receiver<bool>) -> Self {
        self.pause_when = Some(paused);
        self
    }

    /// Sets the longest time that a graceful stop may take; two minutes unless set.
    #[must_use]
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// Cancelling this token kills the process group at once, also in the middle of a graceful stop.
    #[must_use]
    pub fn kill_when(mut self, token: CancellationToken) -> Self {
        self.kill_when = Some(token);
        self
    }

    /// Makes `media` the process's standard input. A graceful stop then closes it instead of writing `q`.
    #[must_use]
    pub fn feed(mut self, media: impl AsyncRead + Send + Unpin + 'static) -> Self {
        self.feed = Some(Box::new(media));
        self
    }
}

impl fmt::Debug for Command {
    /// Leaves out the arguments and the environment, which may hold signed addresses and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("timeout", &self.timeout)
            .field("stall_after", &self.stall_after)
            .field("stop_within", &self.stop_within)
            .field("fed", &self.feed.is_some())
            .finish_non_exhaustive()
    }
}
