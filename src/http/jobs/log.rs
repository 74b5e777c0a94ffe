//! `GET /v1/jobs/{id}/log`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use crate::http::context::Context;
use crate::http::errors::{job_id, unknown_job};
use crate::http::problem::Problem;

/// What ffmpeg logged in the last attempt: its first and its last lines, without paths and secrets.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/log", tag = "jobs", params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, content_type = "text/plain", body = String), (status = 404, body = Problem), (status = 503, body = Problem))
)]
pub(in crate::http) async fn log(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let id = job_id(&id)?;
    let job = context.queue.job(id).await?.ok_or_else(|| unknown_job(id))?;
    let live = context.queue.entry(id).map(|entry| entry.log_text()).filter(|text| !text.is_empty());
    let text = if let Some(text) = live {
        text
    } else {
        let files = Arc::clone(&context.files);
        let attempt = job.attempts.last().map_or(0, |attempt| attempt.number);
        let kept =
            tokio::task::spawn_blocking(move || files.read_log(id, attempt)).await.map_err(|_| Problem::internal())?;
        kept.map_err(|_| Problem::internal())?.unwrap_or_default()
    };
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}
