//! One attempt at a job, from looking at the input to the end of ffmpeg.
//!
//! What becomes of the files is decided in `finish` and `salvage`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clean::Cleaner;
use super::input::Brought;
use super::meter::{Meter, Step};
use super::order::{Controls, End, Observer, Order, Outcome};
use super::plan::{self, Make, Measured, Measurement, Plan, Surroundings};
use super::transcoder::{ProbeFailure, Transcoder, unfound};
use super::{classify, finish, raw, space};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::input::shown;
use crate::domain::job::{CancelMethod, CancelReason, Mode, Phase};
use crate::domain::media::MediaInfo;
use crate::domain::request::Work;
use crate::failpoint::{Point, failpoint};
use crate::ffmpeg::{self, Command, Exit, Report};
use crate::storage::Workspace;

/// Variables that ffmpeg gets; all others stay with the server, as they may hold secrets or change what ffmpeg does.
const ENVIRONMENT: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "TZ", "FONTCONFIG_PATH"];

/// One attempt.
pub(super) struct Attempt<'a> {
    pub(super) transcoder: &'a Transcoder,
    pub(super) order: Order<'a>,
    pub(super) controls: &'a Controls,
    observer: &'a dyn Observer,
}

/// Why an attempt goes no further.
#[derive(Debug)]
pub(super) enum Halt {
    /// It can't be done.
    Failed(Failure),
    /// It was asked to stop, and nothing is published.
    Stopped,
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What ffmpeg cost, and what it said.
#[derive(Default)]
struct Account {
    exit: Option<Exit>,
    /// How long ffmpeg has run, pauses not counted.
    ran: Duration,
    cpu: Duration,
    peak_memory_bytes: Option<u64>,
    log: String,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        transcoder: &'a Transcoder,
        order: Order<'a>,
        controls: &'a Controls,
        observer: &'a dyn Observer,
    ) -> Self {
        Self { transcoder, order, controls, observer }
    }

    pub(super) async fn run(self) -> Outcome {
        let mut account = Account::default();
        let end = match self.steps(&mut account).await {
            Ok(end) => end,
            Err(Halt::Failed(failure)) => End::Failed(failure),
            Err(Halt::Stopped) => stopped_before_anything(),
        };
        if let End::Failed(failure) = &end {
            account.log.extend(["failed: ", &failure.message, "\n"]);
        }
        self.keep_log(account.log).await;
        let (exit_code, signal) = match account.exit {
            Some(Exit::Code(code)) => (Some(code), None),
            Some(Exit::Signal(signal)) => (None, Some(signal)),
            None => (None, None),
        };
        Outcome { end, exit_code, signal, cpu: account.cpu, peak_memory_bytes: account.peak_memory_bytes }
    }

    async fn steps(&self, account: &mut Account) -> Result<End, Halt> {
        let mut meter = Meter::new(self.observer, &*self.transcoder.clock);
        self.go_on()?;
        let workspace = self.workspace().await?;
        let brought = self.bring(&workspace, &mut meter).await?;
        account.log.push_str(&self.note_of(&brought));
        let Brought { path: input, took, .. } = brought;
        let info = self.look(&input).await?;
        let mut measured = Measured::default();
        let mut plan = self.plan(&input, info.as_deref(), &workspace, &measured)?;
        let cleaner = self.cleaner(&input, &plan, &workspace);
        self.check_room(&input, info.as_deref(), &plan).await?;
        self.while_paused().await;
        self.go_on()?;
        meter.plan(steps(&plan));
        let time = Duration::from_secs(self.order.spec.timeout_seconds.into()).saturating_sub(took);
        let place = Place { input: &input, workspace: &workspace, cleaner: &cleaner, time };
        if !plan.measurements.is_empty() {
            for measurement in &plan.measurements {
                measured.add(self.measure(measurement, place, account, &mut meter).await?);
            }
            plan = self.plan(&input, info.as_deref(), &workspace, &measured)?;
        }
        account.log.extend(["ffmpeg ", &shown_args(&plan.args, &cleaner), "\n"]);
        prepare_folders(&plan, &workspace)?;
        let report = self.transcode(&plan, place, account.ran, &mut meter).await;
        account.note(&report, &cleaner);
        failpoint(Point::FfmpegEnded);
        finish::finish(self, plan, report, workspace, &cleaner, &mut meter).await
    }

    /// # Errors
    /// Once the job was asked to stop.
    pub(super) fn go_on(&self) -> Result<(), Halt> {
        let halted = self.controls.stop.is_cancelled() || self.controls.kill.is_cancelled();
        if halted { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Waits as long as it is to stand still, unless it is to stop.
    async fn while_paused(&self) {
        let mut paused = self.controls.paused.clone();
        tokio::select! {
            biased;
            () = self.controls.stop.cancelled() => {}
            // Fails where nobody is left to let it go on.
            _ = paused.wait_for(|paused| !paused) => {}
        }
    }

    /// # Errors
    /// Where the disk has less room than the outputs are likely to need: a passing failure, before any work is wasted.
    async fn check_room(&self, input: &std::path::Path, info: Option<&MediaInfo>, plan: &Plan) -> Result<(), Halt> {
        let Some(info) = info else { return Ok(()) };
        let (files, input) = (Arc::clone(&self.transcoder.files), input.to_owned());
        let looked = blocking(move || Ok((files.free_bytes()?, std::fs::metadata(&input)?.len()))).await;
        // A disk that doesn't say is found out by writing.
        let Ok((free, input_bytes)) = looked else { return Ok(()) };
        let needed = space::needed(&plan.outputs, info, input_bytes);
        if needed <= free {
            return Ok(());
        }
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let message = format!(
            "the server's disk has {} MB left, and the outputs are likely to need {} MB",
            megabytes(free),
            megabytes(needed)
        );
        Err(Failure::new(FailureCode::DiskFull, message).into())
    }

    /// The input's facts; none where a job with arguments of its own may read what we can't.
    async fn look(&self, input: &Path) -> Result<Option<Arc<MediaInfo>>, Halt> {
        let needed = match &self.order.spec.work {
            Work::Outputs(_) => true,
            Work::Args(args) if raw::reads_input(args) => false,
            Work::Args(_) => return Ok(None),
        };
        match self.transcoder.facts(&self.controls.stop.child_token(), input).await {
            Ok(info) => Ok(Some(info)),
            Err(ProbeFailure::Cancelled) => Err(Halt::Stopped),
            Err(_) if !needed => Ok(None),
            Err(ProbeFailure::Media(failure)) => Err(failure.into()),
            Err(ProbeFailure::Input(error)) => Err(unfound(&error).into()),
        }
    }

    pub(super) async fn workspace(&self) -> Result<Workspace, Halt> {
        let (files, job, attempt) = (Arc::clone(&self.transcoder.files), self.order.job, self.order.attempt);
        let crash_safe = self.order.spec.crash_safe;
        let made = blocking(move || {
            let mut workspace = files.begin(job, attempt)?;
            if crash_safe {
                workspace.keep_remains()?;
            }
            Ok(workspace)
        });
        Ok(made.await.map_err(|error| disk_failure("make room for the job", &error))?)
    }

    fn plan(
        &self,
        input: &Path,
        info: Option<&MediaInfo>,
        workspace: &Workspace,
        measured: &Measured,
    ) -> Result<Plan, Failure> {
        match (&self.order.spec.work, info) {
            (Work::Outputs(specs), Some(info)) => {
                let encoders = &self.transcoder.encoders;
                let around = Surroundings {
                    input,
                    outputs: workspace.outputs(),
                    scratch: workspace.scratch(),
                    encoders,
                    threads: self.order.threads,
                    crash_safe: self.order.spec.crash_safe,
                    measured,
                };
                plan::plan(specs, info, around)
            }
            (Work::Outputs(_), None) => Err(Failure::new(FailureCode::Internal, "the input's facts are missing")),
            (Work::Args(args), info) => {
                let probed = info.and_then(|info| info.duration_ms).map(Duration::from_millis);
                Ok(raw::plan(args, Some(input), workspace.outputs(), probed))
            }
        }
    }

    /// What the attempt's log says of where the input came from.
    fn note_of(&self, brought: &Brought) -> String {
        let fetched =
            brought.fetched.map(|bytes| format!("fetched {bytes} bytes from {}\n", shown(&self.order.spec.input)));
        fetched.unwrap_or_default()
    }

    fn cleaner(&self, input: &std::path::Path, plan: &Plan, workspace: &Workspace) -> Cleaner {
        let paths: Vec<(PathBuf, &str)> = plan
            .outputs
            .iter()
            .flat_map(|output| output.parts.iter().map(|part| (&part.file, output.spec.name.as_str())))
            .map(|(file, name)| (workspace.outputs().join(file), name))
            .collect();
        let outputs = paths.iter().map(|(path, name)| (path.as_path(), *name));
        let name = shown(&self.order.spec.input);
        let others = [(input, &*name), (workspace.outputs(), "{output}"), (workspace.scratch(), ".")];
        Cleaner::new(outputs.chain(others))
    }

    /// Runs ffmpeg for the outputs, in the job's mode.
    async fn transcode(&self, plan: &Plan, place: Place<'_>, ran: Duration, meter: &mut Meter<'_>) -> Report {
        meter.expect(plan.expected);
        meter.enter(Phase::Transcoding);
        let size = if plan.expected.is_none() { size_of(place.input) } else { None };
        let run = Run { args: &plan.args, mode: self.order.spec.mode, size, ran };
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
    async fn measure(
        &self,
        measurement: &Measurement,
        place: Place<'_>,
        account: &mut Account,
        meter: &mut Meter<'_>,
    ) -> Result<plan::Taken, Halt> {
        meter.expect(measurement.expected);
        meter.enter(Phase::Analyzing);
        account.log.extend(["ffmpeg ", &shown_args(&measurement.args, place.cleaner), "\n"]);
        let mode = if self.order.spec.mode == Mode::Slim { Mode::Slim } else { Mode::Standard };
        let run = Run { args: &measurement.args, mode, size: None, ran: account.ran };
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
        let Run { args, mode, size, ran } = run;
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
        tokio::join!(run, self.watch(output, size, place, meter)).0
    }

    /// ffmpeg, with as much of our environment as it needs.
    pub(super) fn command(&self) -> Command {
        let command = Command::new(&self.transcoder.tools.ffmpeg).env_clear().env("LC_ALL", "C");
        // SVT-AV1 prints its settings past ffmpeg's own log.
        ENVIRONMENT.iter().fold(command.env("SVT_LOG", "1"), |command, name| match std::env::var_os(name) {
            Some(value) => command.env(name, value),
            None => command,
        })
    }

    /// Passes on what ffmpeg says, until it has ended and said all.
    async fn watch(&self, mut output: ffmpeg::Output, size: Option<u64>, place: Place<'_>, meter: &mut Meter<'_>) {
        let (mut blocks, mut pid) = (output.progress(), output.pid());
        let (mut measuring, mut starting) = (true, true);
        let start = Instant::now();
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
                        let read = size.zip(*pid.borrow()).and_then(|(size, pid)| share_read(pid, place.input, size));
                        meter.measured(block, read, start.elapsed());
                    },
                    Err(_) => measuring = false,
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

    async fn keep_log(&self, text: String) {
        let (files, job, attempt) = (Arc::clone(&self.transcoder.files), self.order.job, self.order.attempt);
        if let Err(error) = blocking(move || files.write_log(job, attempt, &text)).await {
            tracing::warn!(job.id = %self.order.job, %error, "failed to keep the log of a job");
        }
    }
}

impl Account {
    fn note(&mut self, report: &Report, cleaner: &Cleaner) {
        self.exit = report.exit;
        self.ran += report.wall.saturating_sub(report.paused);
        self.cpu += report.cpu;
        self.peak_memory_bytes = self.peak_memory_bytes.max(report.peak_memory_bytes);
        for line in &report.stderr_tail {
            let (level, text) = cleaner.line(line);
            self.log.extend(["[", level.name(), "] ", &text, "\n"]);
        }
    }
}

/// One run of ffmpeg.
#[derive(Clone, Copy)]
struct Run<'a> {
    args: &'a [OsString],
    mode: Mode,
    /// The size of the input, where only what was read of it can tell how far ffmpeg is.
    size: Option<u64>,
    /// How long earlier runs of the attempt took, which share its time.
    ran: Duration,
}

/// Where an attempt works.
#[derive(Clone, Copy)]
struct Place<'a> {
    input: &'a Path,
    workspace: &'a Workspace,
    cleaner: &'a Cleaner,
    /// How long each ffmpeg may run: what the input has left of the attempt's time.
    time: Duration,
}

/// What is to come after the input was looked at, and how much of the whole each step is likely to be.
fn steps(plan: &Plan) -> Vec<Step> {
    let step = |phase, weight| Step { phase, weight };
    let mut steps: Vec<Step> = plan.measurements.iter().map(|_| step(Phase::Analyzing, 5.0)).collect();
    steps.push(step(Phase::Transcoding, 97.0));
    if plan.outputs.iter().any(|planned| planned.make != Make::AsItIs) {
        steps.push(step(Phase::Packaging, 1.0));
    }
    steps.push(step(Phase::Verifying, 2.0));
    steps.push(step(Phase::Publishing, 1.0));
    steps
}

/// ffmpeg makes files, but no folders.
fn prepare_folders(plan: &Plan, workspace: &Workspace) -> Result<(), Failure> {
    let folders =
        plan.outputs.iter().filter(|planned| planned.spec.shape.is_pictures() && planned.spec.shape.is_folder());
    for part in folders.flat_map(|planned| &planned.parts) {
        std::fs::create_dir(workspace.outputs().join(&part.file))
            .map_err(|error| disk_failure("make room for the job", &error))?;
    }
    Ok(())
}

/// Files below this size are read ahead at once, so that how much was read tells nothing.
const TELLING: u64 = 2_000_000;

fn size_of(input: &Path) -> Option<u64> {
    std::fs::metadata(input).ok().map(|meta| meta.len()).filter(|size| *size >= TELLING)
}

/// How much of the input was read, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share_read(pid: u32, input: &Path, size: u64) -> Option<f64> {
    ffmpeg::read_position(pid, input).map(|read| (read as f64 / size as f64).min(1.0))
}

/// Arguments, as far as clients may see them.
fn shown_args(args: &[OsString], cleaner: &Cleaner) -> String {
    let shown = args.iter().map(|arg| {
        let arg = cleaner.text(&arg.to_string_lossy());
        if arg.is_empty() || arg.contains([' ', '\'', '"']) { format!("{arg:?}") } else { arg }
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn stopped_before_anything() -> End {
    End::Stopped { method: CancelMethod::NotStarted, drain_ms: 0, outputs: Vec::new(), note: None }
}

/// Runs what blocks away from the tasks that must not.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A failure of the server's own disk. The operator finds the details in the server's log.
pub(super) fn disk_failure(what: &str, error: &io::Error) -> Failure {
    tracing::error!(%error, "failed to {what}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(FailureCode::DiskFull, "the server's disk is full")
        }
        kind => Failure::new(FailureCode::IoError, format!("the server failed to {what}: {kind}")),
    }
}
