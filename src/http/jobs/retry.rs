//! `POST /v1/jobs/{id}/retry`

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
    Ok(axum::Json(context.queue.retry(id).await?))
}
