//! `GET /v1/jobs/{id}/events` and `GET /v1/events`

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};

use super::stream::{self, Scope};
use crate::http::context::Context;
use crate::http::errors::job_id;
use crate::http::problem::Problem;
use crate::http::query::Params;

/// Follows one job until it is over: `snapshot` first, then every `state` that was missed and will come, `progress` and,
/// with `?log=true`, `log`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "events",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has seen; all `state` events since then come first"),
        ("last_event_id" = Option<u64>, Query, description = "The same, for clients that can't set the header"),
        ("log" = Option<bool>, Query, description = "Whether ffmpeg's log comes as well")
    ),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(in crate::http) async fn one(
    State(context): State<Context>,
    Path(id): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    open(context, Scope::Job(job_id(&id)?), &params, &headers).await
}

/// Follows all jobs.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has seen; all `state` events since then come first"),
        ("last_event_id" = Option<u64>, Query, description = "The same, for clients that can't set the header"),
        ("log" = Option<bool>, Query, description = "Whether ffmpeg's log comes as well")
    ),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(in crate::http) async fn all(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    open(context, Scope::All, &params, &headers).await
}

async fn open(context: Context, scope: Scope, params: &Params, headers: &HeaderMap) -> Result<Response, Problem> {
    params.only(&["last_event_id", "log"])?;
    if context.closing.is_cancelled() {
        return Err(Problem::unavailable("shutting-down", "the server is shutting down"));
    }
    let seen = last_event_id(params, headers)?;
    let frames = stream::open(context, scope, seen, params.flag("log")?).await?;
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // nginx would hold events back otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

/// What the client has seen; the header wins, since a browser sets it when it comes back.
fn last_event_id(params: &Params, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    const EXPECTED: &str = "the id of an event is a decimal number";
    let Some(header) = headers.get("last-event-id").filter(|value| !value.is_empty()) else {
        return params.get("last_event_id", EXPECTED);
    };
    let id = header.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| Problem::invalid_field("Last-Event-ID", EXPECTED))
}
