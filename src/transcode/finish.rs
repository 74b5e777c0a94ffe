//! From the end of ffmpeg to the end of the attempt: checks what it made and publishes it, or says why not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Halt, blocking, disk_failure};
use super::blame::Case;
use super::classify;
use super::clean::Cleaner;
use super::meter::{Meter, PUBLISHING, VERIFYING};
use super::order::End;
use super::plan::Plan;
use super::produce::{Produced, planned_output, produced, raw_output};
use super::{raw, salvage, verify};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::Container;
use crate::domain::job::{CancelMethod, CancelReason, Mode, Output, Phase};
use crate::failpoint::{Point, failpoint};
use crate::ffmpeg::{Ending, Report, StartError, StopStep};
use crate::storage::Workspace;

/// A disk with less room than this, in bytes, counts as full.
const FULL: u64 = 256 * 1024;

/// Ends an attempt whose ffmpeg has ended.
pub(super) async fn finish(
    attempt: &Attempt<'_>,
    plan: Plan,
    report: Report,
    workspace: Workspace,
    cleaner: &Cleaner,
    meter: &mut Meter<'_>,
) -> Result<End, Halt> {
    match &report.ending {
        Ending::Stopped | Ending::TimedOut | Ending::Stalled | Ending::NotStarted(StartError::Cancelled) => {
            let (method, drain) = how_it_stopped(&report);
            return salvage::salvage(attempt, &plan, workspace, method, drain, meter).await;
        }
        Ending::Finished if report.succeeded() => {
            if let Some(failure) = classify::of_lying_report(&report, cleaner) {
                return Ok(failed(attempt, failure));
            }
        }
        Ending::Finished | Ending::Killed | Ending::NotStarted(_) => {
            let failure = classify::of_report(&report, &plan, cleaner);
            return Ok(failed(attempt, failure));
        }
    }
    match whole(attempt, &plan, &report, workspace, cleaner, meter).await {
        Ok(outputs) if stop_counts(attempt) => {
            Ok(End::Stopped { method: CancelMethod::NotStarted, drain_ms: 0, outputs, note: None })
        }
        Ok(outputs) => Ok(End::Succeeded(outputs)),
        Err(Halt::Failed(failure)) => Ok(failed(attempt, failure)),
        Err(Halt::Stopped) => Err(Halt::Stopped),
    }
}

/// A failure; where the job was asked to stop meanwhile, it is stopped all the same, and the failure says why there is
/// nothing to keep.
fn failed(attempt: &Attempt<'_>, failure: Failure) -> End {
    // Whoever stops the server may signal ffmpeg as well, as systemd does.
    let stopped_with_us = failure.code == FailureCode::Killed && attempt.controls.stop.is_cancelled();
    if stop_counts(attempt) || stopped_with_us {
        End::Stopped { method: CancelMethod::NotStarted, drain_ms: 0, outputs: Vec::new(), note: Some(failure) }
    } else {
        End::Failed(failure)
    }
}

/// Whether the job has to end as stopped. After a shutdown it may as well end as what it became.
fn stop_counts(attempt: &Attempt<'_>) -> bool {
    attempt.controls.stop.is_cancelled() && attempt.controls.reason() != CancelReason::Shutdown
}

fn how_it_stopped(report: &Report) -> (CancelMethod, Duration) {
    report.stop.map_or((CancelMethod::NotStarted, Duration::ZERO), |stop| {
        let method = match stop.step {
            StopStep::Quit => CancelMethod::Quit,
            StopStep::Terminate => CancelMethod::Terminate,
            StopStep::Kill => CancelMethod::Kill,
        };
        (method, stop.took)
    })
}

/// What ends the checks. A graceful job whose ffmpeg is done loses nothing by being finished.
pub(super) fn abort(attempt: &Attempt<'_>) -> CancellationToken {
    match attempt.order.spec.mode {
        Mode::Graceful => attempt.controls.kill.child_token(),
        Mode::Slim | Mode::Standard => attempt.controls.stop.child_token(),
    }
}

/// Checks and publishes all that was asked for.
async fn whole(
    attempt: &Attempt<'_>,
    plan: &Plan,
    report: &Report,
    workspace: Workspace,
    cleaner: &Cleaner,
    meter: &mut Meter<'_>,
) -> Result<Vec<Output>, Halt> {
    meter.phase(Phase::Verifying, Some(VERIFYING));
    let abort = abort(attempt);
    let outputs = if plan.outputs.is_empty() {
        made_outputs(attempt, &workspace, &abort, false).await
    } else {
        planned_outputs(attempt, plan, report, &workspace, cleaner, &abort).await
    };
    let outputs = match outputs {
        // Asked while what it has written is still there.
        Err(Halt::Failed(failure)) => return Err(or_full_disk(attempt, failure).await.into()),
        outputs => outputs?,
    };
    if abort.is_cancelled() {
        return Err(Halt::Stopped);
    }
    meter.phase(Phase::Publishing, Some(PUBLISHING));
    publish(plan, workspace, &outputs).await?;
    meter.done();
    Ok(outputs)
}

/// A result that isn't what was asked for is the disk's fault where that is full: some muxers take no notice of it.
async fn or_full_disk(attempt: &Attempt<'_>, failure: Failure) -> Failure {
    let files = Arc::clone(&attempt.transcoder.files);
    let free = blocking(move || files.free_bytes()).await;
    if failure.code == FailureCode::OutputInvalid && free.is_ok_and(|free| free < FULL) {
        return Failure::new(FailureCode::DiskFull, "the server's disk is full");
    }
    failure
}

async fn planned_outputs(
    attempt: &Attempt<'_>,
    plan: &Plan,
    report: &Report,
    workspace: &Workspace,
    cleaner: &Cleaner,
    abort: &CancellationToken,
) -> Result<Vec<Output>, Halt> {
    let mut outputs = Vec::new();
    for planned in &plan.outputs {
        let name = &planned.spec.name;
        let path = workspace.outputs().join(&planned.file);
        let mut produced = read(attempt, path, planned.spec.container, name, abort).await?;
        let case = Case { planned, errors: &report.errors, cleaner };
        let Some(media) = produced.media.as_mut() else { return Err(case.unreadable().into()) };
        verify::check(&planned.holds, media, true).or_else(|fault| case.judge(fault))?;
        case.gaps(produced.gaps)?;
        verify::settle_rate(&planned.holds, media);
        outputs.push(planned_output(planned, produced, false, Some(true)));
    }
    Ok(outputs)
}

/// Reads whatever a job's own arguments made. Files of containers that aren't ours are kept as they are.
pub(super) async fn made_outputs(
    attempt: &Attempt<'_>,
    workspace: &Workspace,
    abort: &CancellationToken,
    partial: bool,
) -> Result<Vec<Output>, Halt> {
    let folder = workspace.outputs().to_owned();
    let (names, others) =
        blocking(move || raw::made(&folder)).await.map_err(|error| disk_failure("list the outputs", &error))?;
    if others > 0 {
        tracing::info!(job.id = %attempt.order.job, others, "left out what can't be an output");
    }
    let mut outputs = Vec::new();
    for name in names {
        let path = workspace.outputs().join(&name);
        let container = Container::of_name(&name);
        let produced = match container {
            Some(container) => read(attempt, path, container, &name, abort).await?,
            None => digest_only(path, abort).await?,
        };
        let readable = produced.digest.size_bytes > 0 && (container.is_none() || produced.media.is_some());
        if !readable && partial {
            continue;
        }
        if !readable {
            return Err(unreadable(&name).into());
        }
        let playable = produced.media.is_some().then_some(true);
        outputs.push(raw_output(&name, produced, partial, playable));
    }
    if outputs.is_empty() && !partial {
        let message = "ffmpeg ended well, but left no file in {output}";
        return Err(Failure::new(FailureCode::OutputInvalid, message).into());
    }
    Ok(outputs)
}

async fn read(
    attempt: &Attempt<'_>,
    path: PathBuf,
    container: Container,
    name: &str,
    abort: &CancellationToken,
) -> Result<Produced, Halt> {
    produced(attempt, &path, container, abort).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Halt::Stopped,
        std::io::ErrorKind::NotFound => {
            Failure::new(FailureCode::OutputInvalid, format!("ffmpeg ended well, but made no {name}")).into()
        }
        _ => disk_failure("read an output", &error).into(),
    })
}

async fn digest_only(path: PathBuf, abort: &CancellationToken) -> Result<Produced, Halt> {
    let token = abort.clone();
    let digest = blocking(move || super::inspect::digest(&path, &token)).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Halt::Stopped,
        _ => disk_failure("read an output", &error).into(),
    })?;
    Ok(Produced { digest, media: None, gaps: Duration::ZERO })
}

fn unreadable(name: &str) -> Failure {
    Failure::new(FailureCode::OutputInvalid, format!("{name} was made, but can't be read to its end as media"))
}

/// Gives the files the names that clients chose and publishes them.
pub(super) async fn publish(plan: &Plan, workspace: Workspace, outputs: &[Output]) -> Result<(), Failure> {
    let renames: Vec<(String, String)> = plan
        .outputs
        .iter()
        .filter(|planned| outputs.iter().any(|output| output.name == planned.spec.name))
        .map(|planned| (planned.file.clone(), planned.spec.name.clone()))
        .collect();
    let keep: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
    failpoint(Point::OutputsVerified);
    let published = blocking(move || {
        for (file, name) in renames {
            std::fs::rename(workspace.outputs().join(file), workspace.outputs().join(name))?;
        }
        workspace.publish(&keep)
    });
    published.await.map_err(|error| disk_failure("publish the outputs", &error))?;
    failpoint(Point::OutputsPublished);
    Ok(())
}

/// Keeps a workspace's files from being removed in a task that must not block.
pub(super) async fn discard(workspace: Workspace) {
    let workspace = Arc::new(workspace);
    // Removing can't fail in a way that anybody could mend; the next start of the server tries again.
    let _ = blocking(move || {
        drop(workspace);
        Ok(())
    })
    .await;
}
