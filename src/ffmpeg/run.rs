//! The three modes: starts a command, watches over it until its end, and tells what became of it.
//!
//! `process` holds the process, `readers` its pipes; `vigil` finds the reason to stop, `stop` is the way down a graceful
//! stop takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_util::sync::CancellationToken;
use wait4::ResUse;

use super::clock::Clock;
use super::command::Command;
use super::feed::Stdin;
use super::monitor::Monitor;
use super::pause::Switch;
use super::process::{Piped, Process};
use super::readers::{Readers, Stdout};
use super::report::{Ending, Exit, Report, StartError, Stop, StopStep};
use super::stop::{Asked, Ladder, Steps};
use super::vigil::{Cause, Request, Vigil};
use super::watchdog::Watchdog;

/// Runs a command at the lowest cost: nothing is read from it but the end of its standard error.
///
/// Cancelling `token` kills its process group at once.
///
/// # Cancel safety
/// Dropping the future kills the process group at once; nobody learns what became of it.
pub async fn slim(token: &CancellationToken, command: Command) -> Report {
    run(token, command, Mode { graceful: false, stdout: Stdout::Null, monitor: None }).await.0
}

/// Runs a command and passes its output to `monitor`.
///
/// Cancelling `token` kills its process group at once.
///
/// # Cancel safety
/// Dropping the future kills the process group at once; nobody learns what became of it.
pub async fn standard(token: &CancellationToken, command: Command, monitor: Monitor) -> Report {
    run(token, command, Mode { graceful: false, stdout: Stdout::Lines, monitor: Some(Arc::new(monitor)) }).await.0
}

/// Runs a command, passes its output to `monitor`, and stops it so that what it has written can be used.
///
/// Cancelling `token` asks the process to finish. One that is visibly finishing is given the time that
/// [`Command::stop_within`] allows; one that stands still has its input ended, then gets one SIGTERM, then SIGKILL, all
/// within 5 s of the request. The report tells which step ended it. Without `-progress pipe:1` (see
/// [`GLOBAL_ARGS`](super::GLOBAL_ARGS)) it can't be known whether anything was encoded, and the first step is SIGTERM.
///
/// # Cancel safety
/// Dropping the future kills the process group at once; nobody learns what became of it.
pub async fn graceful(token: &CancellationToken, command: Command, monitor: Monitor) -> Report {
    run(token, command, Mode { graceful: true, stdout: Stdout::Lines, monitor: Some(Arc::new(monitor)) }).await.0
}

/// What sets the modes apart.
pub(super) struct Mode {
    pub(super) graceful: bool,
    pub(super) stdout: Stdout,
    pub(super) monitor: Option<Arc<Monitor>>,
}

/// Runs `command`; also returns what was kept of its standard output.
pub(super) async fn run(token: &CancellationToken, mut command: Command, mode: Mode) -> (Report, Vec<u8>) {
    let request = token.child_token();
    let kill = command.kill_when.as_ref().map_or_else(CancellationToken::new, CancellationToken::child_token);
    if request.is_cancelled() || kill.is_cancelled() {
        return (Report::not_started(StartError::Cancelled), Vec::new());
    }
    let feed = command.feed.take();
    let wanted = Piped { stdin: mode.graceful || feed.is_some(), stdout: !matches!(mode.stdout, Stdout::Null) };
    let (process, mut pipes) = match Process::spawn(&command, wanted) {
        Ok(started) => started,
        Err(error) => return (Report::not_started(error), Vec::new()),
    };
    if let Some(monitor) = &mode.monitor {
        monitor.started(process.id().as_raw_nonzero().get().unsigned_abs());
    }
    let readers = Readers::start(&mut pipes, &mode.stdout, mode.monitor.as_ref());
    let stdin = Stdin::start(pipes.stdin.take(), feed);
    let watch = Watch {
        process,
        readers,
        stdin,
        monitor: mode.monitor,
        clock: Clock::default(),
        switch: Switch::new(command.pause_when),
        request,
        kill,
        exited: CancellationToken::new(),
    };
    let limits = Limits {
        timeout: command.timeout,
        stall: command.stall_after,
        grace: mode.graceful.then_some(command.stop_within),
        tells_progress: command.args.windows(2).any(|pair| pair[0] == "-progress" && pair[1] == "pipe:1"),
    };
    watch.until_ended(limits).await
}

/// What a command says about its end.
#[derive(Clone, Copy, Debug)]
struct Limits {
    timeout: Option<Duration>,
    /// How long it may stand still.
    stall: Option<Duration>,
    /// How long a graceful stop may take; `None` is no grace.
    grace: Option<Duration>,
    /// Whether it was told to send progress blocks to us.
    tells_progress: bool,
}

/// A running process with everything that belongs to it.
struct Watch {
    process: Process,
    readers: Readers,
    stdin: Stdin,
    monitor: Option<Arc<Monitor>>,
    clock: Clock,
    switch: Switch,
    /// Asks the process to end.
    request: CancellationToken,
    /// Kills it.
    kill: CancellationToken,
    /// Says that it has ended, which disarms the kill.
    exited: CancellationToken,
}

impl Watch {
    async fn until_ended(mut self, limits: Limits) -> (Report, Vec<u8>) {
        let (mut steps, mut requested, mut killed) = (Steps::default(), None, None);
        let received = self.readers.received();
        let Self { process, stdin, monitor, clock, switch, request, kill, exited, .. } = &mut self;
        let (process, monitor, request, kill, exited) = (&*process, monitor.as_deref(), &*request, &*kill, &*exited);
        let (start, heard) = (process.started(), Arc::clone(&received));
        let watchdog = limits.stall.map(|limit| Watchdog::new(limit, process.id(), heard, monitor, start));
        let end_of_time = limits.timeout.and_then(|timeout| start.checked_add(timeout));
        let mut vigil = Vigil { process, clock, switch, end: end_of_time, watchdog };
        let end = async {
            process.ended().await;
            exited.cancel();
        };
        let stop = async {
            let asked = vigil.keep(request, kill).await;
            // A process that ended first has not been stopped, whatever is asked of it now.
            if process.has_ended() {
                return;
            }
            requested = Some(asked);
            if let Some(limit) = limits.grace.filter(|_| !kill.is_cancelled()) {
                vigil.release();
                let has_output = monitor.is_some_and(Monitor::has_output);
                let has_begun = monitor.is_some_and(Monitor::has_begun);
                let nothing_to_save = limits.tells_progress && !has_begun;
                let ladder = Ladder { process, stdin, received, has_output, nothing_to_save, steps: &mut steps };
                let _ = tokio::time::timeout(limit, ladder.climb()).await;
            }
            kill.cancel();
        };
        let execute = async {
            kill.cancelled().await;
            if !exited.is_cancelled() && !process.has_ended() {
                killed = Some(Instant::now());
                process.signal_group(Signal::KILL);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = end => {}
            () = async { tokio::join!(execute, stop); } => {}
        }
        let ended = Instant::now();
        steps.killed = killed.is_some();
        self.report(steps, requested_by(requested, killed), ended).await
    }

    async fn report(self, steps: Steps, requested: Option<Request>, ended: Instant) -> (Report, Vec<u8>) {
        let Self { process, readers, stdin, monitor, clock, .. } = self;
        let wall = ended.duration_since(process.started());
        let paused = clock.paused(ended);
        let quit_unread = stdin.unread() > 0;
        let feed_error = stdin.feed_error();
        let usage = process.reap();
        let (log, kept) = readers.finish().await;
        // The reader of lines learns of the end no sooner than everything is in the report.
        drop(monitor);
        let exit = usage.as_ref().ok().and_then(exit_of);
        let (ending, last) = match judge(exit, steps, quit_unread, requested) {
            // It took somebody else's signal for a request and ended by itself.
            (Ending::Finished, None) if log.signalled() => (Ending::Killed, None),
            judged => judged,
        };
        let failed =
            !matches!(ending, Ending::Stopped | Ending::TimedOut | Ending::Stalled) && exit != Some(Exit::Code(0));
        let (errors, stderr_tail) = log.finish(failed);
        let (cpu, peak_memory_bytes) = usage.map_or((Duration::ZERO, None), |usage| {
            (usage.rusage.utime + usage.rusage.stime, Some(usage.rusage.maxrss))
        });
        let stopped = last.zip(requested);
        let stop = stopped.map(|(step, request)| Stop { step, took: ended.duration_since(request.at) });
        (Report { ending, exit, wall, paused, cpu, peak_memory_bytes, stop, errors, stderr_tail, feed_error }, kept)
    }
}

fn exit_of(usage: &ResUse) -> Option<Exit> {
    use std::os::unix::process::ExitStatusExt as _;
    usage.status.code().map(Exit::Code).or_else(|| usage.status.signal().map(Exit::Signal))
}

/// What was asked of the process. A kill may be faster than the look for its reason, and a token is the only other one.
fn requested_by(requested: Option<Request>, killed: Option<Instant>) -> Option<Request> {
    requested.or_else(|| killed.map(|at| Request { cause: Cause::Asked, at }))
}

/// Decides by whose doing a process ended.
fn judge(
    exit: Option<Exit>,
    steps: Steps,
    quit_unread: bool,
    requested: Option<Request>,
) -> (Ending, Option<StopStep>) {
    let signalled_by = |signal: Signal| exit == Some(Exit::Signal(signal.as_raw()));
    let step = match exit {
        Some(Exit::Signal(_)) if steps.killed && signalled_by(Signal::KILL) => Some(StopStep::Kill),
        Some(Exit::Signal(_)) if steps.terminated && signalled_by(Signal::TERM) => Some(StopStep::Terminate),
        Some(Exit::Signal(_)) => return (Ending::Killed, None),
        _ if steps.terminated => Some(StopStep::Terminate),
        _ if steps.unblocked => Some(StopStep::Quit),
        // It reached its end without having read the `q`.
        _ if steps.asked == Some(Asked::Quit) && quit_unread => None,
        _ => steps.asked.map(|_| StopStep::Quit),
    };
    let ending = match (step, requested.map(|request| request.cause)) {
        (None, _) => Ending::Finished,
        (Some(_), Some(Cause::TimedOut)) => Ending::TimedOut,
        (Some(_), Some(Cause::Stalled)) => Ending::Stalled,
        (Some(_), Some(Cause::Asked) | None) => Ending::Stopped,
    };
    (ending, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_the_step_that_ended_the_process() {
        let (code, signal) = (|code| Some(Exit::Code(code)), |signal| Some(Exit::Signal(signal)));
        let none = Steps::default();
        let quit = Steps { asked: Some(Asked::Quit), ..none };
        let terminated = Steps { terminated: true, ..quit };
        let killed = Steps { killed: true, ..terminated };
        let cases = [
            (code(0), none, false, None),
            (code(1), none, false, None),
            (code(0), quit, false, Some(StopStep::Quit)),
            (code(0), quit, true, None),
            (code(0), Steps { unblocked: true, ..quit }, true, Some(StopStep::Quit)),
            (code(0), Steps { asked: Some(Asked::EndOfMedia), ..none }, false, Some(StopStep::Quit)),
            (code(255), terminated, true, Some(StopStep::Terminate)),
            (signal(15), terminated, true, Some(StopStep::Terminate)),
            (signal(9), killed, true, Some(StopStep::Kill)),
            (code(255), killed, false, Some(StopStep::Terminate)),
            (code(0), Steps { killed: true, ..none }, false, None),
        ];
        for (exit, steps, unread, expected) in cases {
            for cause in [Cause::Asked, Cause::TimedOut, Cause::Stalled] {
                let request = Request { cause, at: Instant::now() };
                let (ending, step) = judge(exit, steps, unread, Some(request));
                assert_eq!(step, expected, "{exit:?} {steps:?}");
                let told = matches!(
                    (&ending, expected, cause),
                    (Ending::Finished, None, _)
                        | (Ending::Stopped, Some(_), Cause::Asked)
                        | (Ending::TimedOut, Some(_), Cause::TimedOut)
                        | (Ending::Stalled, Some(_), Cause::Stalled)
                );
                assert!(told, "{ending:?} {exit:?} {steps:?}");
            }
        }
    }

    #[test]
    fn a_kill_that_was_faster_than_its_reason_is_told_as_a_kill() {
        let at = Instant::now();
        let request = requested_by(None, Some(at)).expect("the kill was asked for");
        assert_eq!((request.cause, request.at), (Cause::Asked, at));
        let overdue = Request { cause: Cause::TimedOut, at };
        assert_eq!(requested_by(Some(overdue), Some(at)).map(|request| request.cause), Some(Cause::TimedOut));
        assert!(requested_by(None, None).is_none());
    }

    #[test]
    fn a_signal_that_was_not_ours_is_told_as_such() {
        let quit = Steps { asked: Some(Asked::Quit), ..Steps::default() };
        for (number, steps) in [(9, Steps::default()), (9, quit), (11, quit), (15, quit)] {
            let (ending, step) = judge(Some(Exit::Signal(number)), steps, false, None);
            assert!(matches!((ending, step), (Ending::Killed, None)));
        }
    }
}
