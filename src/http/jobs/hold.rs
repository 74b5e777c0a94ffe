//! `POST /v1/jobs/{id}/pause` and `POST /v1/jobs/{id}/resume`

use axum::extract::{Path, State};

use crate::domain::job::Job;
use crate::http::context::Context;
use crate::http::errors::job_id;
use crate::http::problem::Problem;

/// Holds a job until it is resumed. An ffmpeg that runs stands still, keeps what it has done, and gives its slot to another
/// job; its time limits stand still with it. After a restart of the server the job is still held, and begins anew when it is
/// resumed.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/pause", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "It is held; also where it was before", body = Job),
        (status = 404, body = Problem), (status = 409, description = "It is being stopped or over", body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn pause(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, Problem> {
    Ok(axum::Json(context.queue.pause(job_id(&id)?).await?))
}

/// Puts a paused job back into the queue, at its old place: it goes on as soon as there is a slot for it.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/resume", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "It waits for a slot, or runs", body = Job),
        (status = 404, body = Problem), (status = 409, description = "It is being stopped or over", body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn resume(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, Problem> {
    Ok(axum::Json(context.queue.resume(job_id(&id)?).await?))
}
