//! Saves what a crash-safe attempt had written when it was killed: up to its last whole fragment, as finished files.

use std::path::{Path, PathBuf};

use super::attempt::{Attempt, Halt, blocking, disk_failure};
use super::finish::publish;
use super::salvage::proven;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::{Job, JobProgress, Output};
use crate::domain::log::LogLevel;
use crate::domain::request::{JobSpec, Work};
use crate::storage::Workspace;
use crate::transcode::check::decode::Target;
use crate::transcode::make::{Made, Making};
use crate::transcode::order::{Controls, Observer, Order};
use crate::transcode::package::whole_length;
use crate::transcode::plan::{Holds, Part, PartKind};
use crate::transcode::transcoder::Transcoder;

/// Nobody watches.
struct Nobody;

impl Observer for Nobody {
    fn started(&self, _: u32) {}
    fn progress(&self, _: JobProgress) {}
    fn log(&self, _: LogLevel, _: &str) {}
}

impl Transcoder {
    /// Saves what there is of a job that is over, and publishes it under its last attempt. The remains are gone then.
    ///
    /// # Errors
    /// Where there is nothing that plays, or the disk refuses.
    pub async fn salvage(&self, job: &Job) -> Result<Vec<Output>, Failure> {
        // Two would make the same folder.
        let _alone = self.salvaging.lock().await;
        let files = std::sync::Arc::clone(&self.files);
        let id = job.id;
        let found = blocking(move || files.remains(id)).await;
        let found = found.map_err(|error| disk_failure("look for what is left of a job", &error))?;
        let Some((_, remains)) = found else { return Err(nothing(job)) };
        let spec = spec_of(job);
        let attempt = job.attempts.last().map_or(1, |attempt| attempt.number);
        let order = Order { job: id, attempt, spec: &spec, threads: 0 };
        let controls = Controls::default();
        let attempt = Attempt::new(self, order, &controls, &Nobody);
        match attempt.save(job, remains).await {
            Ok(outputs) => Ok(outputs),
            Err(Halt::Failed(failure)) => Err(failure),
            Err(Halt::Stopped) => Err(Failure::new(FailureCode::Internal, "saving was stopped")),
        }
    }
}

impl Attempt<'_> {
    async fn save(&self, job: &Job, remains: PathBuf) -> Result<Vec<Output>, Halt> {
        let workspace = self.workspace().await?;
        let abort = self.controls.kill.child_token();
        let making = Making { attempt: self, workspace: &workspace, abort: &abort, whole: false };
        let mut saved = Vec::new();
        for (index, output) in job.outputs.iter().enumerate() {
            saved.extend(save_one(making, &remains, index, output).await?);
        }
        if saved.is_empty() {
            return Err(nothing(job).into());
        }
        let outputs = publish(workspace, saved).await?;
        // It has been published; what isn't removed now goes with the job.
        let _ = blocking(move || std::fs::remove_dir_all(remains)).await;
        Ok(outputs)
    }
}

/// One output, if there is anything of it that plays.
async fn save_one(making: Making<'_>, remains: &Path, index: usize, wanted: &Output) -> Result<Option<Made>, Halt> {
    let Some(container) = wanted.container.filter(|container| container.can_be_fragmented()) else { return Ok(None) };
    let file = format!(".{index}.{container}");
    let part = Part { file, container, kind: PartKind::Media, holds: Holds::default() };
    if !fetch(making.workspace, remains, &part.file).await? {
        return Ok(None);
    }
    let file = match making.defragmented(&part, &wanted.name).await {
        Ok(file) => file,
        // What can't be put together isn't worth more words.
        Err(Halt::Failed(failure)) if failure.code == FailureCode::OutputInvalid => return Ok(None),
        Err(halt) => return Err(halt),
    };
    let path = making.path(&file);
    let produced = making.read(&path, container, &wanted.name).await?;
    let Some(media) = produced.found.map(|found| found.media).filter(|media| media.duration_ms.is_some()) else {
        return Ok(None);
    };
    let target = Target::file(path, &wanted.name, &media);
    let output = Output {
        media: Some(media),
        size_bytes: Some(produced.digest.size_bytes),
        sha256: Some(produced.digest.sha256),
        partial: true,
        playable: Some(true),
        ..wanted.clone()
    };
    Ok(proven(making, Made { file, output, targets: vec![target] }).await)
}

/// Links what was left of a file into the workspace, up to its last whole fragment. Whether there is one.
async fn fetch(workspace: &Workspace, remains: &Path, file: &str) -> Result<bool, Halt> {
    let (from, to) = (remains.join(file), workspace.outputs().join(file));
    let fetched = blocking(move || {
        if !from.exists() {
            return Ok(false);
        }
        let whole = whole_length(&from, &tokio_util::sync::CancellationToken::new()).map_err(std::io::Error::other)?;
        let Some(whole) = whole else { return Ok(false) };
        // What follows is no whole fragment, and never will be.
        std::fs::File::options().write(true).open(&from)?.set_len(whole)?;
        std::fs::hard_link(&from, &to).map(|()| true)
    });
    Ok(fetched.await.map_err(|error| disk_failure("read what is left of a job", &error))?)
}

fn nothing(job: &Job) -> Failure {
    let why = if job.crash_safe {
        "nothing that plays was written before it ended"
    } else {
        "it wasn't submitted with \"crash_safe\": true, so nothing is kept of an attempt that was killed"
    };
    Failure::new(FailureCode::OutputInvalid, format!("there is nothing to be saved of this job: {why}"))
}

/// As much of the job's order as saving needs.
fn spec_of(job: &Job) -> JobSpec {
    JobSpec {
        input: job.input.clone(),
        work: Work::Outputs(Vec::new()),
        mode: job.mode,
        priority: job.priority,
        labels: job.labels.clone(),
        timeout_seconds: job.timeout_seconds,
        grace_seconds: job.grace_seconds,
        max_attempts: job.max_attempts,
        run_at: None,
        verify: None,
        crash_safe: false,
    }
}
