//! `POST /v1/uploads`

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::Stream;

use super::answer::{UploadAnswer, tus_headers};
use super::headers::{self, TUS_RESUMABLE};
use super::receive::{receive, refused};
use super::{multipart, tus, work};
use crate::domain::id::UploadId;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::storage::{Checksum, NewUpload, Upload, Writer};

/// Takes a file. Without `Tus-Resumable` it is the body, of any media type, or the first file of a form; with it an upload
/// begins by the tus protocol, 1.0.0. Its `input` can be that of a job once it is complete.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads",
    request_body(content(("application/octet-stream"), ("multipart/form-data"), ("application/offset+octet-stream"))),
    params(
        ("filename" = Option<String>, Query, description = "What the file is called"),
        ("Tus-Resumable" = Option<String>, Header, description = "1.0.0 for the tus protocol"),
        ("Upload-Length" = Option<u64>, Header, description = "tus: how long it will be"),
        ("Upload-Defer-Length" = Option<String>, Header, description = "tus: 1 where that isn't known yet"),
        ("Upload-Metadata" = Option<String>, Header, description = "tus: pairs of a key and a value in Base64; `filename` is read"),
        ("Upload-Checksum" = Option<String>, Header, description = "tus: sha1 or sha256 of the body, in Base64")
    ),
    responses(
        (status = 201, body = UploadAnswer, headers(("Location" = String, description = "The upload's URL"), ("Upload-Offset" = u64, description = "How many bytes have come"), ("Upload-Expires" = String, description = "When it is removed unless it goes on or is used"))),
        (status = 408, body = Problem), (status = 412, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem), (status = 460, body = Problem), (status = 503, body = Problem), (status = 507, body = Problem)
    )
)]
pub(in crate::http) async fn create(
    State(context): State<Context>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    // A task of its own: when the connection breaks, what has come is still to be brought to the disk.
    let made = tokio::spawn(make(context.clone(), params, request)).await;
    let upload = made.map_err(|_| Problem::internal())??;
    let location = format!("/v1/uploads/{}", upload.id);
    let headers = tus_headers(&context, &upload);
    let body = axum::Json(UploadAnswer::new(&context, upload));
    Ok((StatusCode::CREATED, headers, [(LOCATION, location)], body).into_response())
}

async fn make(context: Context, params: Params, request: Request) -> Result<Upload, Problem> {
    let new = match asked(&context, &params, request.headers()) {
        Ok(new) => new,
        Err(problem) => return Err(refused(request, problem).await),
    };
    if request.headers().contains_key(TUS_RESUMABLE) {
        tus::begin(&context, new, request).await
    } else if multipart::is_form(request.headers()) {
        whole_form(&context, new, request).await
    } else {
        whole_body(&context, new, request).await
    }
}

/// What is to be made, where that can be.
fn asked(context: &Context, params: &Params, headers: &HeaderMap) -> Result<NewUpload, Problem> {
    params.only(&["filename"])?;
    if context.draining.is_cancelled() {
        return Err(Problem::unavailable("shutting-down", "the server is shutting down and takes no more uploads"));
    }
    let given = params.all("filename").last().and_then(headers::plain_name);
    let mut new = if headers.contains_key(TUS_RESUMABLE) {
        headers::new_upload(headers)?
    } else {
        let length = headers::number(headers, &CONTENT_LENGTH)?;
        NewUpload { length: length.filter(|_| !multipart::is_form(headers)), ..NewUpload::default() }
    };
    new.filename = given.or(new.filename);
    Ok(new)
}

async fn whole_body(context: &Context, new: NewUpload, request: Request) -> Result<Upload, Problem> {
    match create_empty(context, new, None).await {
        Ok(writer) => take_whole(context, writer, request.into_body().into_data_stream()).await,
        Err(problem) => Err(refused(request, problem).await),
    }
}

async fn whole_form(context: &Context, new: NewUpload, request: Request) -> Result<Upload, Problem> {
    let mut form = multipart::form(request).await?;
    let mut taken = None;
    for _ in 0..multipart::MOST_FIELDS {
        let field = match form.next().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            // What comes after the file doesn't matter.
            Err(_) if taken.is_some() => break,
            Err(problem) => return Err(problem),
        };
        if taken.is_none() && field.file_name().is_some() {
            let filename = new.filename.clone().or_else(|| field.file_name().and_then(headers::plain_name));
            let writer = create_empty(context, NewUpload { filename, ..NewUpload::default() }, None).await?;
            taken = Some(take_whole(context, writer, field.into_stream()).await?);
        }
    }
    taken.ok_or_else(|| Problem::invalid_field("", "the form has no file"))
}

/// A new upload, to be written.
pub(super) async fn create_empty(
    context: &Context,
    new: NewUpload,
    checksum: Option<Checksum>,
) -> Result<Writer, Problem> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| Problem::internal())?;
    let now = context.clock.now();
    let id = UploadId::new(now, &random);
    work(context, move |uploads| {
        uploads.create(id, new, now)?;
        uploads.append(id, Some(0), None, checksum)
    })
    .await
}

/// Takes an upload that comes in one request. One that doesn't come as a whole goes, as nobody was told its name.
async fn take_whole<E>(
    context: &Context,
    mut writer: Writer,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<Upload, Problem> {
    match receive(body, &mut writer, &context.closing).await {
        Ok(()) => Ok(writer.finish(true).await?),
        Err(problem) => {
            writer.discard().await?;
            Err(problem)
        }
    }
}
