//! What a stopped ffmpeg has left: in graceful mode every file is decoded, and those that play are published.

use std::time::Duration;

use super::attempt::{Attempt, Halt};
use super::finish::{self, made_outputs, publish};
use super::meter::Meter;
use super::order::End;
use super::plan::{Plan, Planned};
use super::produce::{Produced, Reading, planned_output, plays, produced};
use super::verify::{self, Fault};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::{CancelMethod, CancelReason, Mode, Output, Phase};
use crate::storage::Workspace;

/// How long decoding one file may take. Beyond that it counts as neither playable nor not.
const DECODE_PATIENCE: Duration = Duration::from_mins(5);

/// Ends an attempt whose ffmpeg was stopped.
pub(super) async fn salvage(
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
    meter.phase(Phase::Verifying, None);
    let abort = finish::abort(attempt);
    let mut lost = Vec::new();
    let outputs = if plan.outputs.is_empty() {
        rescue_made(attempt, &workspace).await?
    } else {
        let mut outputs = Vec::new();
        for planned in &plan.outputs {
            match rescue_one(attempt, planned, &workspace).await? {
                Some(output) => outputs.push(output),
                None => lost.push(planned.spec.name.as_str()),
            }
        }
        outputs
    };
    if abort.is_cancelled() {
        return Err(Halt::Stopped);
    }
    let note = note(&outputs, &lost);
    if outputs.is_empty() {
        finish::discard(workspace).await;
        return Ok((outputs, note));
    }
    meter.phase(Phase::Publishing, None);
    publish(plan, workspace, &outputs).await?;
    Ok((outputs, note))
}

/// One output, if it plays.
async fn rescue_one(attempt: &Attempt<'_>, planned: &Planned, workspace: &Workspace) -> Result<Option<Output>, Halt> {
    let path = workspace.outputs().join(&planned.file);
    let abort = finish::abort(attempt);
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() == 0) {
        return Ok(None);
    }
    let mut found: Produced = match produced(attempt, &path, planned.spec.container, &abort).await {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Err(Halt::Stopped),
        Err(_) => return Ok(None),
    };
    let Some(media) = found.media.as_mut() else { return Ok(None) };
    let good = match verify::check(&planned.holds, media, false) {
        // Its sound may begin later than it was stopped.
        Err(Fault::Missing("audio")) => media.video.is_some(),
        found => found.is_ok(),
    };
    if media.duration_ms.is_none() || !good {
        return Ok(None);
    }
    verify::settle_rate(&planned.holds, media);
    match plays(attempt, &path, Reading::Frames(DECODE_PATIENCE), &abort).await {
        Some(false) => Ok(None),
        playable => Ok(Some(planned_output(planned, found, true, playable))),
    }
}

/// Whatever a job's own arguments had made until then, as far as it plays.
async fn rescue_made(attempt: &Attempt<'_>, workspace: &Workspace) -> Result<Vec<Output>, Halt> {
    let abort = finish::abort(attempt);
    let mut kept = Vec::new();
    for mut output in made_outputs(attempt, workspace, &abort, true).await? {
        if output.media.is_some() {
            let path = workspace.outputs().join(&output.name);
            match plays(attempt, &path, Reading::Frames(DECODE_PATIENCE), &abort).await {
                Some(false) => continue,
                playable => output.playable = playable,
            }
        }
        kept.push(output);
    }
    Ok(kept)
}

/// Why there is less than was asked for.
fn note(outputs: &[Output], lost: &[&str]) -> Option<Failure> {
    let message = match (outputs, lost) {
        ([], _) => "it was stopped before anything that plays was written".to_owned(),
        (_, []) => return None,
        (_, lost) => format!("it was stopped before anything that plays was written to {}", lost.join(", ")),
    };
    Some(Failure::new(FailureCode::OutputInvalid, message))
}
