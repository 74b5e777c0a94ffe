//! From the errors of uploads to problems.

use axum::http::StatusCode;

use crate::domain::id::UploadId;
use crate::http::problem::Problem;
use crate::storage::UploadError;

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let of = |status, slug, title| Self::new(status, slug, title, detail.clone());
        match error {
            UploadError::Unknown => Self::not_found(detail),
            UploadError::Busy => of(StatusCode::LOCKED, "upload-busy", "The upload is being written"),
            UploadError::Needed => of(StatusCode::CONFLICT, "upload-needed", "The upload is needed"),
            UploadError::WrongOffset { .. } => {
                of(StatusCode::CONFLICT, "wrong-offset", "The bytes don't go on where the upload ends")
            }
            UploadError::TooLong { .. } => of(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The upload is too large"),
            UploadError::OtherLength => Self::malformed(detail),
            UploadError::DiskFull => {
                of(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "The server's disk has too little room")
            }
            UploadError::Mismatch => of(mismatch(), "checksum-mismatch", "The checksum is of other bytes"),
            UploadError::Io(error) => {
                tracing::error!(%error, "an upload failed");
                Self::internal()
            }
        }
    }
}

/// tus's own status for a checksum of other bytes.
fn mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// 404 for an upload.
pub(super) fn unknown(id: UploadId) -> Problem {
    Problem::not_found(format!("there is no upload {id}; what isn't used for a while is removed"))
}

/// The upload's id in a path.
///
/// # Errors
/// 404: what is no id names no upload.
pub(super) fn upload_id(text: &str) -> Result<UploadId, Problem> {
    text.parse().map_err(|error| Problem::not_found(format!("there is no such upload: {error}")))
}
