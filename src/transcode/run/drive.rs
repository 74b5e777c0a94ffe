//! Runs ffmpeg for an attempt: to measure the input, and to make the outputs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Attempt, Halt};
use super::clean::Cleaner;
use super::meter::Meter;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::{CancelReason, Mode, Phase};
use crate::ffmpeg::{self, Command, Exit, Progress, Report, Stop};
use crate::storage::Workspace;
use crate::transcode::faults::classify;
use crate::transcode::make::pictures::read_times;
use crate::transcode::plan::{Measurement, PartKind, Plan, Taken};

/// Variables that ffmpeg gets; all others stay with the server, as they may hold secrets or change what ffmpeg does.
const ENVIRONMENT: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "TZ", "FONTCONFIG_PATH"];

/// One run of ffmpeg.
#[derive(Clone, Copy)]
struct Run<'a> {
    args: &'a [OsString],
    mode: Mode,
    /// What tells how far it is.
    signal: &'a Signal,
    /// How long earlier runs of the attempt took, which share its time.
    ran: Duration,
}

/// What tells how far ffmpeg is.
enum Signal {
    /// What it reports.
    Reported,
    /// How much it has read of an input of this size, as nobody knows how long that is.
    Read(u64),
    /// When the latest picture was taken, as this file says, until it reports something: it does so only once the last of its
    /// outputs has begun, and a sheet of pictures begins when it is full.
    Pictures(PathBuf),
}

impl Signal {
    /// For a run that makes outputs.
    fn of(plan: &Plan, place: Place<'_>) -> Self {
        let parts = plan.outputs.iter().flat_map(|planned| &planned.parts);
        let mut times = parts.filter_map(|part| match &part.kind {
            PartKind::Pictures { times, .. } => Some(place.workspace.outputs().join(times)),
            _ => None,
        });
        match times.next() {
            Some(times) if plan.expected.is_some() => Self::Pictures(times),
            _ => Self::of_input(plan.expected, place),
        }
    }

    /// For a run whose output will be so long.
    fn of_input(expected: Option<Duration>, place: Place<'_>) -> Self {
        match size_of(place.input) {
            Some(size) if expected.is_none() => Self::Read(size),
            _ => Self::Reported,
        }
    }
}

/// Where an attempt works.
#[derive(Clone, Copy)]
pub(in crate::transcode) struct Place<'a> {
    pub(in crate::transcode) input: &'a Path,
    pub(in crate::transcode) workspace: &'a Workspace,
    pub(in crate::transcode) cleaner: &'a Cleaner,
    /// How long each ffmpeg may run: what the input has left of the attempt's time.
    pub(in crate::transcode) time: Duration,
}

/// What ffmpeg cost, and what it said.
#[derive(Default)]
pub(in crate::transcode) struct Account {
    pub(in crate::transcode) exit: Option<Exit>,
    /// How the last of them was stopped.
    pub(in crate::transcode) stop: Option<Stop>,
    /// How long ffmpeg has run, pauses not counted.
    pub(in crate::transcode) ran: Duration,
    pub(in crate::transcode) cpu: Duration,
    pub(in crate::transcode) peak_memory_bytes: Option<u64>,
    pub(in crate::transcode) log: String,
}

impl Account {
    pub(in crate::transcode) fn note(&mut self, report: &Report, cleaner: &Cleaner) {
        self.exit = report.exit;
        self.stop = report.stop;
        self.ran += report.wall.saturating_sub(report.paused);
        self.cpu += report.cpu;
        self.peak_memory_bytes = self.peak_memory_bytes.max(report.peak_memory_bytes);
        for line in &report.stderr_tail {
            let (level, text) = cleaner.line(line);
            self.log.extend(["[", level.name(), "] ", &text, "\n"]);
        }
    }
}

impl Attempt<'_> {
    /// Runs ffmpeg for the outputs, in the job's mode.
    pub(in crate::transcode) async fn transcode(
        &self,
        plan: &Plan,
        place: Place<'_>,
        ran: Duration,
        meter: &mut Meter<'_>,
    ) -> Report {
        meter.expect(plan.expected);
        meter.enter(Phase::Transcoding);
        let signal = Signal::of(plan, place);
        let run = Run { args: &plan.args, mode: self.order.spec.mode, signal: &signal, ran };
        let report = self.run_ffmpeg(run, place, meter).await;
        let overdue = match report.ending {
            ffmpeg::Ending::TimedOut => Some(CancelReason::Timeout),
            ffmpeg::Ending::Stalled => Some(CancelReason::Stalled),
            _ => None,
        };
        if let Some(reason) = overdue {
            // Fails only where somebody else gave a reason in the same moment, which is then as good.
            let _ = self.controls.reason.set(reason);
        }
        report
    }

    /// Runs ffmpeg to measure something. There is nothing to be saved of that when it is stopped.
    pub(in crate::transcode) async fn measure(
        &self,
        measurement: &Measurement,
        place: Place<'_>,
        account: &mut Account,
        meter: &mut Meter<'_>,
    ) -> Result<Taken, Halt> {
        meter.expect(measurement.expected);
        meter.enter(Phase::Analyzing);
        account.log.extend(["ffmpeg ", &shown_args(&measurement.args, place.cleaner), "\n"]);
        let mode = if self.order.spec.mode == Mode::Slim { Mode::Slim } else { Mode::Standard };
        let signal = Signal::of_input(measurement.expected, place);
        let run = Run { args: &measurement.args, mode, signal: &signal, ran: account.ran };
        let report = self.run_ffmpeg(run, place, meter).await;
        account.note(&report, place.cleaner);
        self.go_on()?;
        match report.ending {
            ffmpeg::Ending::Finished if report.succeeded() => {}
            ffmpeg::Ending::Stopped | ffmpeg::Ending::NotStarted(ffmpeg::StartError::Cancelled) => {
                return Err(Halt::Stopped);
            }
            ffmpeg::Ending::TimedOut | ffmpeg::Ending::Stalled => {
                let message = "looking at the input took too long; it may be damaged";
                return Err(Failure::new(FailureCode::InputInvalid, message).into());
            }
            _ => return Err(classify::of_measurement(&report, place.cleaner).into()),
        }
        let taken = measurement.read(&report.stderr_tail, place.workspace.scratch());
        let odd = || {
            Failure::new(FailureCode::FfmpegFailed, "ffmpeg measured the input, but what it said can't be understood")
        };
        Ok(taken.ok_or_else(odd)?)
    }

    /// Runs ffmpeg.
    async fn run_ffmpeg(&self, run: Run<'_>, place: Place<'_>, meter: &mut Meter<'_>) -> Report {
        let Run { args, mode, signal, ran } = run;
        let spec = self.order.spec;
        let timeout = place.time.saturating_sub(ran);
        let command = self
            .command()
            .args(args)
            .current_dir(place.workspace.scratch())
            .timeout(timeout)
            .stop_within(Duration::from_secs(spec.grace_seconds.into()))
            .stall_after(self.transcoder.stall_after)
            .pause_when(self.controls.paused.clone())
            .kill_when(self.controls.kill.clone());
        let stop = self.controls.stop.child_token();
        if mode == Mode::Slim {
            return ffmpeg::slim(&stop, command).await;
        }
        let (monitor, output) = ffmpeg::monitor();
        let run = async {
            match mode {
                Mode::Graceful => ffmpeg::graceful(&stop, command, monitor).await,
                Mode::Standard | Mode::Slim => ffmpeg::standard(&stop, command, monitor).await,
            }
        };
        tokio::join!(run, self.watch(output, signal, place, meter)).0
    }

    /// ffmpeg, with as much of our environment as it needs.
    pub(in crate::transcode) fn command(&self) -> Command {
        let command = Command::new(&self.transcoder.tools.ffmpeg).env_clear().env("LC_ALL", "C");
        // SVT-AV1 prints its settings past ffmpeg's own log.
        ENVIRONMENT.iter().fold(command.env("SVT_LOG", "1"), |command, name| match std::env::var_os(name) {
            Some(value) => command.env(name, value),
            None => command,
        })
    }

    /// Passes on what ffmpeg says, until it has ended and said all.
    async fn watch(&self, mut output: ffmpeg::Output, signal: &Signal, place: Place<'_>, meter: &mut Meter<'_>) {
        let (mut blocks, mut pid) = (output.progress(), output.pid());
        let (mut measuring, mut starting, mut silent) = (true, true, matches!(signal, Signal::Pictures(_)));
        let start = Instant::now();
        let (mut looks, mut latest) = (tokio::time::interval(LOOK), None);
        loop {
            tokio::select! {
                biased;
                changed = pid.changed(), if starting => {
                    starting = false;
                    if let (Ok(()), Some(pid)) = (changed, *pid.borrow_and_update()) {
                        self.observer.started(pid);
                    }
                }
                changed = blocks.changed(), if measuring => match changed {
                    Ok(()) => if let Some(block) = blocks.borrow_and_update().as_ref() {
                        let read = match signal {
                            Signal::Read(size) => pid.borrow().and_then(|pid| share_read(pid, place.input, *size)),
                            Signal::Reported | Signal::Pictures(_) => None,
                        };
                        silent &= block.out_time.is_none();
                        if !silent {
                            meter.measured(block, read, start.elapsed());
                        }
                    },
                    Err(_) => measuring = false,
                },
                _ = looks.tick(), if silent => if let Signal::Pictures(times) = signal {
                    let out_time = pictures_until(times);
                    // Nothing is new while the job stands still.
                    if out_time > latest {
                        latest = out_time;
                        let block = blocks.borrow().clone().unwrap_or_default();
                        meter.measured(&Progress { out_time, ..block }, None, start.elapsed());
                    }
                },
                line = output.next_line() => match line {
                    Some(line) => {
                        let (level, text) = place.cleaner.line(&line.text);
                        self.observer.log(level, &text);
                    }
                    None => return,
                },
            }
        }
    }
}

/// Files below this size are read ahead at once, so that how much was read tells nothing.
const TELLING: u64 = 2_000_000;

fn size_of(input: &Path) -> Option<u64> {
    std::fs::metadata(input).ok().map(|meta| meta.len()).filter(|size| *size >= TELLING)
}

/// How often it is looked at how far ffmpeg is, where it doesn't say.
const LOOK: Duration = Duration::from_millis(250);

/// How long it is from the first to the latest picture, of those whose times are in this file.
fn pictures_until(times: &Path) -> Option<Duration> {
    let taken = read_times(&std::fs::read_to_string(times).ok()?);
    taken.last()?.checked_sub(*taken.first()?)
}

/// How much of the input was read, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share_read(pid: u32, input: &Path, size: u64) -> Option<f64> {
    ffmpeg::read_position(pid, input).map(|read| (read as f64 / size as f64).min(1.0))
}

/// Arguments, as far as clients may see them.
pub(in crate::transcode) fn shown_args(args: &[OsString], cleaner: &Cleaner) -> String {
    let shown = args.iter().map(|arg| {
        let arg = cleaner.text(&arg.to_string_lossy());
        if arg.is_empty() || arg.contains([' ', '\'', '"']) { format!("{arg:?}") } else { arg }
    });
    shown.collect::<Vec<_>>().join(" ")
}
