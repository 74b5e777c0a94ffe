//! `POST /v1/jobs/{id}/salvage`

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::domain::failure::FailureCode;
use crate::domain::job::{self, Decision, Job};
use crate::http::context::Context;
use crate::http::errors::{job_id, unknown_job};
use crate::http::problem::Problem;

/// Makes finished, playable files of what a job with `"crash_safe": true` had written when its ffmpeg, the server or the
/// machine was killed. The job stays failed or cancelled; its outputs are there then, as partial ones.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/salvage", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "What could be saved is among its outputs", body = Job), (status = 404, body = Problem),
        (status = 409, description = "It isn't over, has its outputs, or there is nothing to be saved", body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn salvage(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, Problem> {
    let id = job_id(&id)?;
    let context = context.clone();
    // Goes on when the client has gone: half of it would help nobody.
    let saved = tokio::spawn(async move {
        let job = context.queue.job(id).await?.ok_or_else(|| unknown_job(id))?;
        check(&job)?;
        let attempt = job.attempts.last().map_or(0, |attempt| attempt.number);
        let mut outputs = context.transcoder.salvage(&job).await.map_err(|failure| match failure.code {
            FailureCode::OutputInvalid => Problem::conflict(failure.message),
            _ => Problem::unavailable("salvage-failed", failure.message),
        })?;
        for output in &mut outputs {
            output.publish(id);
        }
        match context.queue.salvaged(id, attempt, merged(&job, &outputs)).await {
            Ok(job) => Ok(job),
            Err(error) => {
                // It was tried again meanwhile: nobody will be told of these.
                let files = Arc::clone(&context.files);
                let _ = tokio::task::spawn_blocking(move || files.withdraw(id, attempt)).await;
                Err(error.into())
            }
        }
    });
    saved.await.map_err(|_| Problem::internal())?.map(axum::Json)
}

fn check(job: &Job) -> Result<(), Problem> {
    if job::may_salvage(job.state) != Decision::Do {
        return Err(Problem::conflict(format!(
            "the job is {}; only what failed or was cancelled can be saved",
            job.state
        )));
    }
    if job.outputs.iter().any(|output| output.url.is_some()) {
        return Err(Problem::conflict("the job has outputs; there is nothing to be saved"));
    }
    Ok(())
}

/// Everything that the job was to make, with what was saved in its place.
fn merged(job: &Job, saved: &[job::Output]) -> Vec<job::Output> {
    let wanted = job.outputs.iter();
    wanted.map(|output| saved.iter().find(|saved| saved.name == output.name).unwrap_or(output).clone()).collect()
}
