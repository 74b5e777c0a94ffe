//! `GET /v1/jobs/{id}/outputs/{name}` and `GET /v1/jobs/{id}/outputs/{name}/{path}`

use std::path::{Component, PathBuf};

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa::ToSchema;

use super::conditions::{Wanted, decide};
use crate::domain::format::Container;
use crate::domain::job::Output;
use crate::http::context::Context;
use crate::http::errors::{job_id, unknown_job};
use crate::http::problem::Problem;

/// The files of a folder.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct FolderListing {
    /// All of them, in the order of their names.
    items: Vec<FolderFile>,
}

/// One file of a folder.
#[derive(Serialize, ToSchema)]
struct FolderFile {
    /// Its path inside the folder.
    #[schema(examples("video/720p/00001.m4s"))]
    name: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// Where to download it.
    url: String,
}

/// What isn't written as it is in a URL's path (RFC 3986, all but the unreserved and the slash).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b'/');

/// The file of an output, with `Range`, `If-Range`, `If-Match` and `If-None-Match` as usual. Its tag is the SHA-256 of its
/// bytes. A `Range` that isn't one range of bytes is ignored. For an output that is a folder, the list of its files.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/outputs/{name}", tag = "jobs",
    params(("id" = String, Path, description = "The job's id"), ("name" = String, Path, description = "The output's name"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses(
        (status = 200, content((Vec<u8> = "application/octet-stream"), (FolderListing = "application/json"))), (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = 304, description = "The file is the one that the client has"),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 416, body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn output(
    State(context): State<Context>,
    Path((id, name)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, Problem> {
    let (output, path) = published(&context, &id, &name).await?;
    if output.files.is_some() {
        let url = output.url.unwrap_or_default();
        let listed = tokio::task::spawn_blocking(move || list(path, &url)).await.map_err(|_| Problem::internal())?;
        return Ok(axum::Json(listed.map_err(|_| Problem::internal())?).into_response());
    }
    let tag = output.sha256.as_ref().map(|hash| format!("\"{hash}\""));
    if let Some(tag) = &tag {
        match decide(request.headers_mut(), tag) {
            Wanted::File => {}
            Wanted::NotModified => return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()),
            Wanted::Changed => return Err(Problem::of_status(StatusCode::PRECONDITION_FAILED)),
        }
    }
    let kind = output.container.map_or("application/octet-stream", Container::media_type);
    Ok(serve(path, request, kind, &output.name, tag).await)
}

/// A file of an output that is a folder, such as a segment of a package, with `Range` and `If-Modified-Since`.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/outputs/{name}/{*path}", tag = "jobs",
    params(("id" = String, Path, description = "The job's id"), ("name" = String, Path, description = "The output's name"), ("path" = String, Path, description = "The file's path inside the folder, slashes included")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 206, content_type = "application/octet-stream", body = Vec<u8>), (status = 304, description = "The file is the one that the client has"),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 416, body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn output_file(
    State(context): State<Context>,
    Path((id, name, file)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (output, folder) = published(&context, &id, &name).await?;
    let missing = || Problem::not_found(format!("the output {name:?} has no file {file:?}"));
    let inside = PathBuf::from(&file);
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    if output.files.is_none() || !plain {
        return Err(missing());
    }
    let path = folder.join(&inside);
    if !tokio::fs::symlink_metadata(&path).await.is_ok_and(|meta| meta.is_file()) {
        return Err(missing());
    }
    let shown = inside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(serve(path, request, media_type(&shown), &shown, None).await)
}

/// An output that is there, and where it lies.
async fn published(context: &Context, id: &str, name: &str) -> Result<(Output, PathBuf), Problem> {
    let id = job_id(id)?;
    let job = context.queue.job(id).await?.ok_or_else(|| unknown_job(id))?;
    // What is published is of the last attempt.
    let attempt = job.attempts.last().map_or(0, |attempt| attempt.number);
    let output = job.outputs.into_iter().find(|output| output.name == name && output.url.is_some());
    let output = output.ok_or_else(|| Problem::not_found(format!("the job has no finished output {name:?}")))?;
    Ok((output, context.files.output(id, attempt, name)))
}

fn list(folder: PathBuf, url: &str) -> std::io::Result<FolderListing> {
    let (mut items, mut open) = (Vec::new(), vec![(folder, String::new())]);
    while let Some((folder, prefix)) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let meta = entry.metadata()?;
            if meta.is_dir() {
                open.push((entry.path(), format!("{name}/")));
            } else {
                let url = format!("{url}/{}", utf8_percent_encode(&name, RESERVED));
                items.push(FolderFile { name, size_bytes: meta.len(), url });
            }
        }
    }
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(FolderListing { items })
}

/// The media type of a file in a folder, by the endings that we give.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "m3u8" => "application/vnd.apple.mpegurl",
        "mpd" => "application/dash+xml",
        "m4s" => "video/iso.segment",
        _ => Container::of_name(name).map_or("application/octet-stream", Container::media_type),
    }
}

async fn serve(path: PathBuf, request: Request, kind: &'static str, name: &str, tag: Option<String>) -> Response {
    // What goes wrong with the file is in its answer: the service itself can't fail.
    let Ok(served) = ServeFile::new(path).oneshot(request).await;
    let mut response = served.map(axum::body::Body::new);
    describe(&mut response, kind, name, tag);
    response
}

/// The file is somebody else's: a browser may play or save it, but never run it.
fn describe(response: &mut Response, kind: &'static str, name: &str, tag: Option<String>) {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
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
