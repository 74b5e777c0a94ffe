//! `GET` and `DELETE /v1/uploads/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;

use super::answer::UploadAnswer;
use super::errors::{unknown, upload_id};
use super::work;
use crate::domain::id::UploadId;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::storage::{Upload, UploadError};

/// An upload as it is now.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path, description = "The upload's id")),
    responses((status = 200, body = UploadAnswer), (status = 404, body = Problem))
)]
pub(in crate::http) async fn get(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let upload = find(&context, &id).await?;
    Ok(([(CACHE_CONTROL, "no-store")], axum::Json(UploadAnswer::new(&context, upload))))
}

pub(super) async fn find(context: &Context, id: &str) -> Result<Upload, Problem> {
    let id = upload_id(id)?;
    work(context, move |uploads| Ok(uploads.get(id)?)).await?.ok_or_else(|| unknown(id))
}

/// Removes an upload, whole or not; tus calls it termination.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = UploadId, Path, description = "The upload's id")),
    responses(
        (status = 204, description = "It is gone"), (status = 404, body = Problem),
        (status = 409, description = "A job that isn't over needs it", body = Problem),
        (status = 423, description = "Another request is writing it", body = Problem), (status = 503, body = Problem)
    )
)]
pub(in crate::http) async fn delete(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = upload_id(&id)?;
    // From here on nobody can submit a job for it.
    let removal = work(&context, move |uploads| uploads.removal(id)).await?;
    if context.queue.is_input_needed(format!("upload:{id}")).await? {
        return Err(UploadError::Needed.into());
    }
    work(&context, move |_| Ok(removal.remove()?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
