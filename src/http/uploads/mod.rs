//! `/v1/uploads`: bytes from clients, in one request or by the tus protocol (1.0.0) in as many as it takes.
//!
//! A body is never held in memory: what has come is written before more is read. An upload is one resource for both ways.

mod answer;
pub(super) mod create;
mod errors;
pub(super) mod headers;
mod multipart;
pub(super) mod one;
mod receive;
pub(super) mod tus;

use std::sync::Arc;

use super::context::Context;
use super::problem::Problem;
use crate::storage::{UploadError, Uploads};

/// Works with the uploads on a thread that may block.
async fn work<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce(&Arc<Uploads>) -> Result<T, UploadError> + Send + 'static,
) -> Result<T, Problem> {
    let uploads = Arc::clone(&context.uploads);
    let done = tokio::task::spawn_blocking(move || work(&uploads)).await;
    done.map_err(|_| Problem::internal())?.map_err(Problem::from)
}
