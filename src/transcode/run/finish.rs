//! From the end of ffmpeg to the end of the attempt: checks what it made and publishes it, or says why not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Halt, blocking, disk_failure};
use super::clean::Cleaner;
use super::meter::Meter;
use super::salvage;
use crate::domain::decision::Action;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::Container;
use crate::domain::job::{CancelMethod, CancelReason, Mode, Output, Phase};
use crate::failpoint::{Point, failpoint};
use crate::ffmpeg::{Ending, Report, StartError, Stop, StopStep};
use crate::storage::Workspace;
use crate::transcode::check::decode::{self, Target};
use crate::transcode::faults::blame::Case;
use crate::transcode::faults::classify;
use crate::transcode::make::{Made, Making, Produced, raw_output, unread};
use crate::transcode::order::End;
use crate::transcode::plan::{Make, Plan, raw};

/// A disk with less room than this, in bytes, counts as full.
const FULL: u64 = 256 * 1024;

/// Ends an attempt whose ffmpeg has ended.
pub(in crate::transcode) async fn finish(
    attempt: &Attempt<'_>,
    plan: Plan,
    report: Report,
    workspace: Workspace,
    cleaner: &Cleaner,
    meter: &mut Meter<'_>,
) -> Result<End, Halt> {
    match &report.ending {
        Ending::Stopped | Ending::TimedOut | Ending::Stalled | Ending::NotStarted(StartError::Cancelled) => {
            let (method, drain) = how_it_stopped(report.stop);
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

pub(super) fn how_it_stopped(stop: Option<Stop>) -> (CancelMethod, Duration) {
    stop.map_or((CancelMethod::NotStarted, Duration::ZERO), |stop| {
        let method = match stop.step {
            StopStep::Quit => CancelMethod::Quit,
            StopStep::Terminate => CancelMethod::Terminate,
            StopStep::Kill => CancelMethod::Kill,
        };
        (method, stop.took)
    })
}

/// What ends the checks. A graceful job whose ffmpeg is done loses nothing by being finished.
pub(in crate::transcode) fn abort(attempt: &Attempt<'_>) -> CancellationToken {
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
    let packs = plan.outputs.iter().any(|planned| planned.make != Make::AsItIs);
    meter.enter(if packs { Phase::Packaging } else { Phase::Verifying });
    let abort = abort(attempt);
    let making = Making { attempt, workspace: &workspace, abort: &abort, whole: true };
    let made = if plan.outputs.is_empty() {
        made_outputs(making).await
    } else {
        planned_outputs(making, plan, report, cleaner, meter).await
    };
    let made = match made {
        // Asked while what it has written is still there.
        Err(Halt::Failed(failure)) => return Err(or_full_disk(attempt, failure).await.into()),
        made => made?,
    };
    if abort.is_cancelled() {
        return Err(Halt::Stopped);
    }
    meter.enter(Phase::Publishing);
    let outputs = publish(workspace, made).await?;
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
    making: Making<'_>,
    plan: &Plan,
    report: &Report,
    cleaner: &Cleaner,
    meter: &mut Meter<'_>,
) -> Result<Vec<Made>, Halt> {
    let mut made = Vec::new();
    for planned in &plan.outputs {
        let case = Case { planned, errors: &report.errors, cleaner };
        made.push(making.output(planned, case).await?);
    }
    meter.enter(Phase::Verifying);
    let targets: Vec<Target> = made.iter_mut().flat_map(|made| std::mem::take(&mut made.targets)).collect();
    let level = making.attempt.order.spec.verify.unwrap_or_else(|| decode::usual(&targets));
    if let Err(name) = decode::check(making.attempt, &targets, level, making.abort).await {
        return Err(undecodable(plan, name).into());
    }
    Ok(made)
}

/// An output that doesn't decode is the input's fault where some of that was taken as it is.
fn undecodable(plan: &Plan, name: &str) -> Failure {
    let named = plan.outputs.iter().filter(|planned| planned.spec.name == name);
    if named.flat_map(|planned| &planned.decisions).any(|decision| decision.action == Action::Copy) {
        let message = format!("the input is damaged: what {name} takes from it as it is doesn't decode without errors");
        return Failure::new(FailureCode::InputInvalid, message);
    }
    Failure::new(FailureCode::OutputInvalid, format!("{name} was made, but doesn't decode without errors"))
}

/// Reads whatever a job's own arguments made. Files of containers that aren't ours are kept as they are.
pub(in crate::transcode) async fn made_outputs(making: Making<'_>) -> Result<Vec<Made>, Halt> {
    let folder = making.workspace.outputs().to_owned();
    let (names, others) =
        blocking(move || raw::made(&folder)).await.map_err(|error| disk_failure("list the outputs", &error))?;
    if others > 0 {
        tracing::info!(job.id = %making.attempt.order.job, others, "left out what can't be an output");
    }
    let mut made = Vec::new();
    for name in names {
        let path = making.workspace.outputs().join(&name);
        let container = Container::of_name(&name).filter(|container| !container.is_picture() && !container.is_text());
        let produced = match container {
            Some(container) => making.read(&path, container, &name).await?,
            None => digest_only(path.clone(), &name, making.abort).await?,
        };
        let readable = produced.digest.size_bytes > 0 && (container.is_none() || produced.found.is_some());
        if !readable && !making.whole {
            continue;
        }
        if !readable {
            return Err(unreadable(&name).into());
        }
        let playable = produced.found.is_some().then_some(true);
        let output = raw_output(&name, produced, !making.whole, playable);
        // Whole ones are as good as the arguments, which may be meant for other ends than playing.
        let target = output.media.as_ref().filter(|_| !making.whole).map(|media| Target::file(path, &name, media));
        made.push(Made { file: name, output, targets: target.into_iter().collect() });
    }
    if made.is_empty() && making.whole {
        let message = "ffmpeg ended well, but left no file in {output}";
        return Err(Failure::new(FailureCode::OutputInvalid, message).into());
    }
    Ok(made)
}

async fn digest_only(path: PathBuf, name: &str, abort: &CancellationToken) -> Result<Produced, Halt> {
    let token = abort.clone();
    let digest = blocking(move || crate::transcode::check::inspect::digest(&path, &token))
        .await
        .map_err(|error| unread(&error, name))?;
    Ok(Produced { digest, found: None })
}

fn unreadable(name: &str) -> Failure {
    Failure::new(FailureCode::OutputInvalid, format!("{name} was made, but can't be read to its end as media"))
}

/// Gives the files the names that clients chose and publishes them.
pub(in crate::transcode) async fn publish(workspace: Workspace, made: Vec<Made>) -> Result<Vec<Output>, Failure> {
    let names: Vec<(String, String)> = made.iter().map(|made| (made.file.clone(), made.output.name.clone())).collect();
    failpoint(Point::OutputsVerified);
    let published = blocking(move || {
        for (file, name) in names.iter().filter(|(file, name)| file != name) {
            std::fs::rename(workspace.outputs().join(file), workspace.outputs().join(name))?;
        }
        workspace.publish(&names.into_iter().map(|(_, name)| name).collect::<Vec<_>>())
    });
    published.await.map_err(|error| disk_failure("publish the outputs", &error))?;
    failpoint(Point::OutputsPublished);
    Ok(made.into_iter().map(|made| made.output).collect())
}

/// Keeps a workspace's files from being removed in a task that must not block.
pub(in crate::transcode) async fn discard(workspace: Workspace) {
    let workspace = Arc::new(workspace);
    // Removing can't fail in a way that anybody could mend; the next start of the server tries again.
    let _ = blocking(move || {
        drop(workspace);
        Ok(())
    })
    .await;
}
