//! `POST /v1/probe`

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::context::Context;
use super::json::Json;
use super::problem::Problem;
use crate::domain::media::MediaInfo;
use crate::transcode::ProbeFailure;

/// What to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeRequest {
    /// A path relative to a media root, a `file://` URL inside one, `upload:` and an upload's id, or a `http(s)://` URL, which
    /// is fetched for the look: within 60 s, up to 2 GiB.
    #[schema(examples("clips/in.mov"))]
    input: String,
}

/// What is in an input.
#[utoipa::path(
    post, path = "/v1/probe", tag = "media", request_body = ProbeRequest,
    responses((status = 200, body = MediaInfo), (status = 400, body = Problem), (status = 408, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(super) async fn probe(
    State(context): State<Context>,
    Json(request): Json<ProbeRequest>,
) -> Result<axum::Json<MediaInfo>, Problem> {
    // Ends with the server; a dropped request drops the future, which ends ffprobe.
    let found = context.transcoder.probe(context.queue.root(), &request.input).await;
    found.map(axum::Json).map_err(Problem::from)
}

impl From<ProbeFailure> for Problem {
    fn from(failure: ProbeFailure) -> Self {
        match failure {
            ProbeFailure::Input(error) => error.into(),
            ProbeFailure::Media(failure) if failure.retryable => Self::unavailable("probe-failed", failure.message),
            ProbeFailure::Media(failure) => {
                let title = "The input is no media that can be read";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "input-invalid", title, failure.message)
            }
            ProbeFailure::Cancelled => Self::unavailable("shutting-down", "the server is shutting down"),
        }
    }
}
