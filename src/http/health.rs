//! Is the process alive, and does it take jobs?

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::context::Context;
use super::problem::Problem;

/// That all is well.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Health)))]
pub(super) async fn healthz() -> axum::Json<Health> {
    axum::Json(Health { status: "ok" })
}

/// Whether the server takes jobs; if not, the answer says why.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses((status = 200, body = Health), (status = 503, body = Problem)))]
pub(super) async fn readyz(State(context): State<Context>) -> Result<axum::Json<Health>, Problem> {
    if context.draining.is_cancelled() {
        return Err(Problem::unavailable("shutting-down", "the server is shutting down"));
    }
    if context.queue.intake().is_drained() {
        return Err(Problem::unavailable("draining", "the server starts no more jobs; POST /v1/node/resume ends that"));
    }
    context.queue.ping().await?;
    if !context.transcoder.has_ffmpeg() {
        return Err(Problem::unavailable("ffmpeg-missing", "ffmpeg or ffprobe isn't there any more"));
    }
    Ok(axum::Json(Health { status: "ok" }))
}
