//! One attempt at a job, from looking at the input to the end of ffmpeg.
//!
//! What becomes of the files is decided in `finish` and `salvage`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::clean::Cleaner;
use super::drive::{Account, Place, shown_args};
use super::finish;
use super::meter::{Meter, Step};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::input::shown;
use crate::domain::job::Phase;
use crate::domain::media::MediaInfo;
use crate::domain::request::Work;
use crate::failpoint::{Point, failpoint};
use crate::ffmpeg::{Exit, Stop};
use crate::storage::Workspace;
use crate::transcode::input::Brought;
use crate::transcode::order::{Controls, End, Observer, Order, Outcome};
use crate::transcode::plan::{self, Make, Measured, Plan, Surroundings, raw, space};
use crate::transcode::transcoder::{ProbeFailure, Transcoder, unfound};

/// One attempt.
pub(in crate::transcode) struct Attempt<'a> {
    pub(in crate::transcode) transcoder: &'a Transcoder,
    pub(in crate::transcode) order: Order<'a>,
    pub(in crate::transcode) controls: &'a Controls,
    pub(in crate::transcode) observer: &'a dyn Observer,
}

/// Why an attempt goes no further.
#[derive(Debug)]
pub(in crate::transcode) enum Halt {
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

impl<'a> Attempt<'a> {
    pub(in crate::transcode) fn new(
        transcoder: &'a Transcoder,
        order: Order<'a>,
        controls: &'a Controls,
        observer: &'a dyn Observer,
    ) -> Self {
        Self { transcoder, order, controls, observer }
    }

    pub(in crate::transcode) async fn run(self) -> Outcome {
        let mut account = Account::default();
        let end = match self.steps(&mut account).await {
            Ok(end) => end,
            Err(Halt::Failed(failure)) => End::Failed(failure),
            Err(Halt::Stopped) => stopped_before_anything(account.stop),
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
        // What was measured may tell what else has to be.
        while !plan.measurements.is_empty() {
            for measurement in &plan.measurements {
                measured.add(self.measure(measurement, place, account, &mut meter).await?);
            }
            plan = self.plan(&input, info.as_deref(), &workspace, &measured)?;
            meter.insert(analyses(&plan));
        }
        account.log.extend(["ffmpeg ", &shown_args(&plan.args, &cleaner), "\n"]);
        prepare_files(&plan, &workspace)?;
        prepare_folders(&plan, &workspace)?;
        let report = self.transcode(&plan, place, account.ran, &mut meter).await;
        account.note(&report, &cleaner);
        failpoint(Point::FfmpegEnded);
        finish::finish(self, plan, report, workspace, &cleaner, &mut meter).await
    }

    /// # Errors
    /// Once the job was asked to stop.
    pub(in crate::transcode) fn go_on(&self) -> Result<(), Halt> {
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

    pub(in crate::transcode) async fn workspace(&self) -> Result<Workspace, Halt> {
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

    async fn keep_log(&self, text: String) {
        let (files, job, attempt) = (Arc::clone(&self.transcoder.files), self.order.job, self.order.attempt);
        if let Err(error) = blocking(move || files.write_log(job, attempt, &text)).await {
            tracing::warn!(job.id = %self.order.job, %error, "failed to keep the log of a job");
        }
    }
}

/// What is to come after the input was looked at, and how much of the whole each step is likely to be.
fn steps(plan: &Plan) -> Vec<Step> {
    let step = |phase, weight| Step { phase, weight };
    let mut steps = analyses(plan);
    steps.push(step(Phase::Transcoding, 97.0));
    if plan.outputs.iter().any(|planned| planned.make != Make::AsItIs) {
        steps.push(step(Phase::Packaging, 1.0));
    }
    steps.push(step(Phase::Verifying, 2.0));
    steps.push(step(Phase::Publishing, 1.0));
    steps
}

fn analyses(plan: &Plan) -> Vec<Step> {
    plan.measurements.iter().map(|_| Step { phase: Phase::Analyzing, weight: 5.0 }).collect()
}

/// What ffmpeg is to read beside the input.
fn prepare_files(plan: &Plan, workspace: &Workspace) -> Result<(), Failure> {
    let write = |(name, content): &(String, String)| std::fs::write(workspace.scratch().join(name), content);
    plan.files.iter().try_for_each(write).map_err(|error| disk_failure("make room for the job", &error))
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

/// Nothing was made yet, but ffmpeg may have been measuring.
fn stopped_before_anything(stop: Option<Stop>) -> End {
    let (method, drain) = finish::how_it_stopped(stop);
    let drain_ms = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
    End::Stopped { method, drain_ms, outputs: Vec::new(), note: None }
}

/// Runs what blocks away from the tasks that must not.
pub(in crate::transcode) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A failure of the server's own disk. The operator finds the details in the server's log.
pub(in crate::transcode) fn disk_failure(what: &str, error: &io::Error) -> Failure {
    tracing::error!(%error, "failed to {what}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::new(FailureCode::DiskFull, "the server's disk is full")
        }
        kind => Failure::new(FailureCode::IoError, format!("the server failed to {what}: {kind}")),
    }
}
