//! `POST /v1/plan`

use axum::extract::State;

use super::context::Context;
use super::json::Lenient;
use super::problem::Problem;
use crate::domain::document::STAND_IN;
use crate::domain::invalid::FieldError;
use crate::domain::output::OutputSpec;
use crate::domain::planned::JobPlan;
use crate::domain::request::{Examined, JobRequest, Rest};
use crate::transcode::{Impossible, Planning, ProbeFailure};

/// Tells what a job would do, without running it: the body is that of `POST /v1/jobs`. What is wrong with it is in the answer.
#[utoipa::path(
    post, path = "/v1/plan", tag = "media", request_body = JobRequest,
    responses((status = 200, body = JobPlan), (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(super) async fn plan(
    State(context): State<Context>,
    body: Lenient<JobRequest>,
) -> Result<axum::Json<JobPlan>, Problem> {
    let Examined { spec, places, rests, errors } = body.value.clone().examine(&context.presets, context.allow_raw_args);
    let mut errors = body.and(errors);
    errors.extend(context.transcoder.missing_encoders(&spec, &places));
    let mut answer = JobPlan::default();
    if errors.iter().all(|error| error.pointer != "/input") {
        let others: Vec<OutputSpec> = rests.iter().map(|rest| rest.spec.clone()).collect();
        match context.transcoder.plan(context.queue.root(), &spec, &others).await {
            Ok(planning) => take(&mut answer, planning, (&places, &rests), &mut errors),
            Err(ProbeFailure::Input(error)) => errors.push(at("/input", error)),
            Err(error) => return Err(error.into()),
        }
    }
    answer.feasible = errors.is_empty();
    answer.errors = errors;
    Ok(axum::Json(answer))
}

fn take(answer: &mut JobPlan, planning: Planning, (places, rests): (&[usize], &[Rest]), errors: &mut Vec<FieldError>) {
    errors.extend(planning.unreadable.map(|failure| at("/input", failure)));
    for Impossible { output, field, failure } in planning.impossible {
        let rest = output.checked_sub(places.len()).and_then(|index| rests.get(index));
        let Some(place) = places.get(output).copied().or(rest.map(|rest| rest.place)) else { continue };
        // What stands in the place of something wrong was chosen by nobody.
        let section = field.split('/').nth(1);
        if rest.is_some_and(|rest| section.is_some_and(|section| rest.without.iter().any(|name| name == section))) {
            continue;
        }
        let error = at(&format!("/outputs/{place}{field}"), failure);
        // That an encoder is missing was found without the input.
        if !errors.iter().any(|known| error.is_within(known)) {
            errors.push(error);
        }
    }
    answer.input = planning.input;
    answer.outputs = planning.outputs.into_iter().filter(|output| output.name != STAND_IN).collect();
    answer.commands = planning.commands;
}

fn at(pointer: &str, detail: impl std::fmt::Display) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail: detail.to_string() }
}
