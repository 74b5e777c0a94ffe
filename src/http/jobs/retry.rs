//! `POST /v1/jobs/{id}/retry`

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::domain::job::Job;
use crate::http::context::Context;
use crate::http::errors::job_id;
use crate::http::problem::Problem;

/// Puts a job that is over back into the queue, whatever became of it. Its history is kept, its outputs are made anew, and it
/// has all its attempts before it again.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "It waits for a slot", body = Job),
        (status = 404, body = Problem), (status = 409, description = "It isn't over", body = Problem),
        (status = 429, description = "As many jobs wait as may", body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn retry(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, Problem> {
    let id = job_id(&id)?;
    if context.draining.is_cancelled() {
        return Err(Problem::unavailable("shutting-down", "the server is shutting down"));
    }
    let job = context.queue.retry(id).await?;
    withdraw(&context, &job).await;
    Ok(axum::Json(job))
}

/// Removes what was made before: nothing tells of it any more.
async fn withdraw(context: &Context, job: &Job) {
    let (files, id) = (Arc::clone(&context.files), job.id);
    let next = job.attempts.last().map_or(1, |attempt| attempt.number + 1);
    let removed = tokio::task::spawn_blocking(move || files.withdraw_before(id, next)).await;
    if let Ok(Err(error)) = removed {
        tracing::warn!(job.id = %id, %error, "what a job had made could not be removed; the next attempt tries again");
    }
}
