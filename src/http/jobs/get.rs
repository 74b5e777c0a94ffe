//! `GET /v1/jobs/{id}`

use axum::extract::{Path, State};

use crate::domain::job::Job;
use crate::http::context::Context;
use crate::http::errors::{job_id, unknown_job};
use crate::http::problem::Problem;

/// A job as it is now.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, body = Job), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(in crate::http) async fn get(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<axum::Json<Job>, Problem> {
    let id = job_id(&id)?;
    let job = context.queue.job(id).await?.ok_or_else(|| unknown_job(id))?;
    Ok(axum::Json(job))
}
