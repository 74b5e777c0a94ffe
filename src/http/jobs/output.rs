//! `GET /v1/jobs/{id}/outputs/{name}`

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::conditions::{Wanted, decide};
use crate::domain::format::Container;
use crate::domain::job::Output;
use crate::http::context::Context;
use crate::http::errors::{job_id, unknown_job};
use crate::http::problem::Problem;

/// The file of an output, with `Range`, `If-Range`, `If-Match` and `If-None-Match` as usual. Its tag is the SHA-256 of its
/// bytes. A `Range` that isn't one range of bytes is ignored.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/outputs/{name}", tag = "jobs",
    params(("id" = String, Path, description = "The job's id"), ("name" = String, Path, description = "The output's name"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = 304, description = "The file is the one that the client has"),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 416, body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn output(
    State(context): State<Context>,
    Path((id, name)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let job = context.queue.job(id).await?.ok_or_else(|| unknown_job(id))?;
    let published = |output: &&Output| output.name == name && output.url.is_some();
    let output = job.outputs.iter().find(published);
    let output = output.ok_or_else(|| Problem::not_found(format!("the job has no finished output {name:?}")))?;
    // What is published is of the last attempt.
    let attempt = job.attempts.last().map_or(0, |attempt| attempt.number);
    let tag = output.sha256.as_ref().map(|hash| format!("\"{hash}\""));
    if let Some(tag) = &tag {
        match decide(request.headers_mut(), tag) {
            Wanted::File => {}
            Wanted::NotModified => return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()),
            Wanted::Changed => return Err(Problem::of_status(StatusCode::PRECONDITION_FAILED)),
        }
    }
    // What goes wrong with the file is in its answer: the service itself can't fail.
    let Ok(served) = ServeFile::new(context.files.output(id, attempt, &name)).oneshot(request).await;
    let mut response = served.map(axum::body::Body::new);
    describe(&mut response, output, tag);
    Ok(response)
}

/// The file is somebody else's: a browser may play or save it, but never run it.
fn describe(response: &mut Response, output: &Output, tag: Option<String>) {
    let kind = output.container.map_or("application/octet-stream", Container::media_type);
    let name = utf8_percent_encode(&output.name, NON_ALPHANUMERIC);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"),
    );
    let optional = [(CONTENT_DISPOSITION, Some(format!("inline; filename*=UTF-8''{name}"))), (ETAG, tag)];
    for (header, value) in optional {
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
            headers.insert(header, value);
        }
    }
}
