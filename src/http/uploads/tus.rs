//! Resumable uploads by the tus protocol, 1.0.0 (<https://tus.io/protocols/resumable-upload>): what it adds to the resource.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::answer::tus_headers;
use super::create::create_empty;
use super::errors::upload_id;
use super::headers::{
    self, METHOD_OVERRIDE, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_RESUMABLE, TUS_VERSION,
    UPLOAD_LENGTH, UPLOAD_OFFSET,
};
use super::one::{self, find};
use super::receive::{receive, refused};
use super::work;
use crate::domain::id::UploadId;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::storage::{NewUpload, Upload, UploadError, Writer};

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum";
const DIGESTS: &str = "sha1,sha256";
/// The media type of an upload's bytes.
const BYTES: &str = "application/offset+octet-stream";
/// How long nothing may have come on a connection that its client has lost, for all that can be seen here: less than the
/// clients' own patience (9 s in tus's official one), and more than a busy network takes.
const LOST: Duration = Duration::from_secs(5);
/// How long a request may take to bring what it has to the disk once it is to leave.
const LEAVING: Duration = Duration::from_secs(5);

/// Refuses versions of tus that aren't spoken, and puts its header on every answer to those who speak it.
pub(in crate::http) async fn layer(request: Request, next: Next) -> Response {
    let asks = *request.method() == Method::OPTIONS;
    let version = request.headers().get(TUS_RESUMABLE).cloned();
    let other = !asks && version.as_ref().is_some_and(|version| version != VERSION);
    let mut response =
        if other { refused(request, other_version()).await.into_response() } else { next.run(request).await };
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(TUS_VERSION, VERSION);
    }
    if asks || version.is_some() {
        response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    }
    response
}

fn other_version() -> Problem {
    let title = "That version of tus isn't spoken";
    Problem::new(StatusCode::PRECONDITION_FAILED, "tus-version", title, "send \"Tus-Resumable: 1.0.0\"")
}

/// What this server can do by tus.
#[utoipa::path(
    options, path = "/v1/uploads", tag = "uploads",
    responses((status = 204, description = "As the headers say", headers(("Tus-Version" = String, description = "1.0.0"), ("Tus-Extension" = String, description = "The extensions that are there"), ("Tus-Max-Size" = u64, description = "The most bytes that an upload may have"), ("Tus-Checksum-Algorithm" = String, description = "The checksums that are known"))))
)]
pub(in crate::http) async fn options(State(context): State<Context>) -> Response {
    abilities(&context)
}

/// The same, of one upload.
#[utoipa::path(
    options, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path, description = "The upload's id")),
    responses((status = 204, description = "As the headers say"))
)]
pub(in crate::http) async fn options_of_one(State(context): State<Context>) -> Response {
    abilities(&context)
}

fn abilities(context: &Context) -> Response {
    let most = HeaderValue::from(context.uploads.most_bytes());
    let of = HeaderValue::from_static;
    let headers = [
        (TUS_VERSION, VERSION),
        (TUS_EXTENSION, of(EXTENSIONS)),
        (TUS_MAX_SIZE, most),
        (TUS_CHECKSUM_ALGORITHM, of(DIGESTS)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Where an upload goes on. A client that asks by tus is taken for having lost its connection: a request by which nothing
/// has come for 5 s is ended, so that the next one needn't wait for its time to be over.
#[utoipa::path(
    head, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = UploadId, Path, description = "The upload's id"), ("Tus-Resumable" = Option<String>, Header, description = "1.0.0")),
    responses((status = 200, description = "As the headers say", headers(("Upload-Offset" = u64, description = "How many bytes have come"), ("Upload-Length" = u64, description = "How long it will be"), ("Upload-Defer-Length" = String, description = "1 where that isn't known yet"), ("Upload-Metadata" = String, description = "As it was given"), ("Upload-Expires" = String, description = "When it is removed unless it goes on or is used"))), (status = 404, description = "There is no such upload"))
)]
pub(in crate::http) async fn head(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if headers.contains_key(TUS_RESUMABLE)
        && let Some(left) = context.uploads.part(upload_id(&id)?, LOST)
    {
        // What takes longer than that is told to the next request.
        let _ = timeout(LEAVING, left.cancelled()).await;
    }
    let upload = find(&context, &id).await?;
    Ok((StatusCode::OK, tus_headers(&context, &upload)).into_response())
}

/// Goes on with an upload. What has come when a connection breaks stays.
#[utoipa::path(
    patch, path = "/v1/uploads/{id}", tag = "uploads",
    request_body(content(("application/offset+octet-stream"))),
    params(
        ("id" = UploadId, Path, description = "The upload's id"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "How many bytes there are, so where these begin"),
        ("Upload-Length" = Option<u64>, Header, description = "How long it will be, where that wasn't said yet"),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1 or sha256 of the body, in Base64; the bytes count only once it was compared")
    ),
    responses(
        (status = 204, description = "The bytes are on disk", headers(("Upload-Offset" = u64, description = "How many bytes there are now"), ("Upload-Expires" = String, description = "When it is removed unless it goes on or is used"))),
        (status = 404, body = Problem), (status = 408, body = Problem),
        (status = 409, description = "The upload goes on elsewhere", body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 423, description = "Another request is writing it", body = Problem),
        (status = 460, description = "The checksum is of other bytes", body = Problem), (status = 503, body = Problem), (status = 507, body = Problem)
    )
)]
pub(in crate::http) async fn patch(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    // A task of its own: when the connection breaks, what has come is still to be brought to the disk.
    let done = tokio::spawn(go_on(context.clone(), id, request)).await;
    let upload = done.map_err(|_| Problem::internal())??;
    Ok((StatusCode::NO_CONTENT, tus_headers(&context, &upload)).into_response())
}

/// For clients that can't send every method: `X-HTTP-Method-Override` says `PATCH` or `DELETE`.
#[utoipa::path(
    post, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = UploadId, Path, description = "The upload's id"), ("X-HTTP-Method-Override" = String, Header, description = "PATCH or DELETE")),
    responses((status = 204, description = "As that method answers"), (status = 404, body = Problem), (status = 405, body = Problem))
)]
pub(in crate::http) async fn overridden(
    state: State<Context>,
    path: Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    match request.headers().get(METHOD_OVERRIDE).map(HeaderValue::as_bytes) {
        Some(b"PATCH") => patch(state, path, request).await,
        Some(b"DELETE") => one::delete(state, path).await.map(axum::response::IntoResponse::into_response),
        _ => Err(refused(request, Problem::of_status(StatusCode::METHOD_NOT_ALLOWED)).await),
    }
}

async fn go_on(context: Context, id: String, request: Request) -> Result<Upload, Problem> {
    match open(&context, &id, request.headers()).await {
        Ok(writer) => write(&context, writer, request.into_body()).await,
        Err(problem) => Err(refused(request, problem).await),
    }
}

async fn open(context: &Context, id: &str, headers: &HeaderMap) -> Result<Writer, Problem> {
    if !headers.contains_key(TUS_RESUMABLE) {
        return Err(other_version());
    }
    check_media_type(headers)?;
    let id = upload_id(id)?;
    let offset = headers::number(headers, &UPLOAD_OFFSET)?;
    let offset = offset.ok_or_else(|| Problem::malformed("Upload-Offset must say where the bytes begin"))?;
    let length = headers::number(headers, &UPLOAD_LENGTH)?;
    let (checksum, coming) = (headers::checksum(headers)?, headers::number(headers, &CONTENT_LENGTH)?);
    let writer = work(context, move |uploads| uploads.append(id, Some(offset), length, checksum)).await?;
    with_room(writer, coming).await
}

/// Refuses more bytes than the upload may have before they come, where that is known.
async fn with_room(writer: Writer, coming: Option<u64>) -> Result<Writer, Problem> {
    let room = writer.room();
    if coming.is_none_or(|coming| coming <= room) {
        return Ok(writer);
    }
    writer.close().await?;
    Err(UploadError::TooLong { most: room }.into())
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == BYTES) {
        return Ok(());
    }
    let title = "The body's media type isn't supported";
    let detail = format!("send bytes with the header \"Content-Type: {BYTES}\"");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", title, detail))
}

async fn write(context: &Context, mut writer: Writer, body: Body) -> Result<Upload, Problem> {
    let leave = writer.leave();
    let body = Box::pin(body.into_data_stream().take_until(leave.clone().cancelled_owned()));
    let problem = match receive(body, &mut writer, &context.closing).await {
        Ok(()) if leave.is_cancelled() => taken_over(),
        Ok(()) => return Ok(writer.finish(false).await?),
        Err(problem) => problem,
    };
    writer.close().await?;
    Err(problem)
}

/// The answer to a request whose client has gone on by another one.
fn taken_over() -> Problem {
    let title = "The upload goes on by another request";
    Problem::new(
        StatusCode::CONFLICT,
        "taken-over",
        title,
        "nothing came by this request, and its client asked where to go on",
    )
}

/// Begins an upload, with its first bytes where they come along.
pub(super) async fn begin(context: &Context, new: NewUpload, request: Request) -> Result<Upload, Problem> {
    match open_new(context, new, request.headers()).await {
        Ok(writer) => write(context, writer, request.into_body()).await,
        Err(problem) => Err(refused(request, problem).await),
    }
}

async fn open_new(context: &Context, new: NewUpload, headers: &HeaderMap) -> Result<Writer, Problem> {
    let coming = headers::number(headers, &CONTENT_LENGTH)?.filter(|length| *length > 0);
    if coming.is_some() || headers.contains_key(CONTENT_TYPE) {
        check_media_type(headers)?;
    }
    if let (Some(length), Some(coming)) = (new.length, coming)
        && coming > length
    {
        return Err(UploadError::TooLong { most: length }.into());
    }
    create_empty(context, new, headers::checksum(headers)?).await
}
