//! What is answered about an upload: as JSON, and in tus's headers.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::headers::{UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET};
use crate::domain::id::UploadId;
use crate::domain::time::Timestamp;
use crate::http::context::Context;
use crate::storage::Upload;

/// What is known of an upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Upload)]
pub(in crate::http) struct UploadAnswer {
    /// Its id.
    id: UploadId,
    /// How long it will be in bytes; `null` as long as the client hasn't said.
    size_bytes: Option<u64>,
    /// How many bytes have come.
    received_bytes: u64,
    /// Whether all of it has come, so that jobs can read it.
    complete: bool,
    /// What the client calls it.
    #[schema(examples("holiday.mov"))]
    filename: Option<String>,
    /// When it began.
    created_at: Timestamp,
    /// When it is removed unless it goes on, is used or is needed by a job that isn't over; `null` for never.
    expires_at: Option<Timestamp>,
    /// Its name as a job's `input`.
    #[schema(examples("upload:019234ab-5678-7def-8123-456789abcdef"))]
    input: String,
}

impl UploadAnswer {
    pub(super) fn new(context: &Context, upload: Upload) -> Self {
        Self {
            id: upload.id,
            size_bytes: upload.length,
            received_bytes: upload.received,
            complete: upload.is_complete(),
            created_at: upload.created_at,
            expires_at: expires_at(context, &upload),
            input: format!("upload:{}", upload.id),
            filename: upload.filename,
        }
    }
}

fn expires_at(context: &Context, upload: &Upload) -> Option<Timestamp> {
    context.keep_uploads.map(|kept| upload.touched_at.after(kept))
}

/// Where an upload stands, in tus's headers.
pub(super) fn tus_headers(context: &Context, upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UPLOAD_OFFSET, upload.received.into());
    match upload.length {
        Some(length) => headers.insert(UPLOAD_LENGTH, length.into()),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    let mut put = |name, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    };
    put(UPLOAD_METADATA, upload.metadata.clone());
    put(UPLOAD_EXPIRES, expires_at(context, upload).map(Timestamp::http_date));
    headers
}
