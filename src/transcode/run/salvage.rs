//! What a stopped ffmpeg has left: in graceful mode every file is decoded, and those that play are published.

use std::time::Duration;

use super::attempt::{Attempt, Halt};
use super::clean::Cleaner;
use super::finish::{self, made_outputs, publish};
use super::meter::Meter;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::{CancelMethod, CancelReason, Mode, Output, Phase};
use crate::storage::Workspace;
use crate::transcode::check::decode;
use crate::transcode::faults::blame::Case;
use crate::transcode::make::{Made, Making};
use crate::transcode::order::End;
use crate::transcode::plan::{Plan, Planned};

/// Ends an attempt whose ffmpeg was stopped.
pub(in crate::transcode) async fn salvage(
    attempt: &Attempt<'_>,
    plan: &Plan,
    workspace: Workspace,
    method: CancelMethod,
    drain: Duration,
    meter: &mut Meter<'_>,
) -> Result<End, Halt> {
    let drain_ms = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
    let ended = |outputs, note| End::Stopped { method, drain_ms, outputs, note };
    let keeps = attempt.order.spec.mode == Mode::Graceful && attempt.controls.reason() != CancelReason::Shutdown;
    if !keeps || method == CancelMethod::NotStarted {
        finish::discard(workspace).await;
        return Ok(ended(Vec::new(), None));
    }
    match rescue(attempt, plan, workspace, meter).await {
        Ok((outputs, note)) => Ok(ended(outputs, note)),
        Err(Halt::Failed(failure)) => Ok(ended(Vec::new(), Some(failure))),
        Err(Halt::Stopped) => {
            let message = "the job was ended before what it had made could be checked, so nothing is kept";
            Ok(ended(Vec::new(), Some(Failure::new(FailureCode::OutputInvalid, message))))
        }
    }
}

async fn rescue(
    attempt: &Attempt<'_>,
    plan: &Plan,
    workspace: Workspace,
    meter: &mut Meter<'_>,
) -> Result<(Vec<Output>, Option<Failure>), Halt> {
    meter.stay(Phase::Verifying);
    let abort = finish::abort(attempt);
    let making = Making { attempt, workspace: &workspace, abort: &abort, whole: false };
    let mut lost = Vec::new();
    let mut kept = Vec::new();
    if plan.outputs.is_empty() {
        for made in made_outputs(making).await? {
            kept.extend(proven(making, made).await);
        }
    }
    for planned in &plan.outputs {
        match rescue_one(making, planned).await? {
            Some(made) => kept.push(made),
            None => lost.push(planned.spec.name.as_str()),
        }
    }
    if abort.is_cancelled() {
        return Err(Halt::Stopped);
    }
    let note = note(kept.is_empty(), &lost);
    if kept.is_empty() {
        finish::discard(workspace).await;
        return Ok((Vec::new(), note));
    }
    meter.stay(Phase::Publishing);
    Ok((publish(workspace, kept).await?, note))
}

/// One output, if it plays.
async fn rescue_one(making: Making<'_>, planned: &Planned) -> Result<Option<Made>, Halt> {
    let cleaner = Cleaner::default();
    let case = Case { planned, errors: &[], cleaner: &cleaner };
    match making.output(planned, case).await {
        Ok(made) => Ok(proven(making, made).await),
        Err(Halt::Stopped) => Err(Halt::Stopped),
        // What was stopped may well be of no use.
        Err(Halt::Failed(failure)) => {
            tracing::debug!(job.id = %making.attempt.order.job, %failure, "an output can't be saved");
            Ok(None)
        }
    }
}

/// What was made, if it decodes; where that takes too long it is kept, and nothing is said of it.
pub(in crate::transcode) async fn proven(making: Making<'_>, mut made: Made) -> Option<Made> {
    for target in std::mem::take(&mut made.targets) {
        match decode::plays(making.attempt, &target, making.abort).await {
            Some(true) => {}
            Some(false) => return None,
            None => made.output.playable = None,
        }
    }
    Some(made)
}

/// Why there is less than was asked for.
fn note(nothing: bool, lost: &[&str]) -> Option<Failure> {
    let message = match (nothing, lost) {
        (true, _) => "it was stopped before anything that plays was written".to_owned(),
        (_, []) => return None,
        (_, lost) => format!("it was stopped before anything that plays was written to {}", lost.join(", ")),
    };
    Some(Failure::new(FailureCode::OutputInvalid, message))
}
