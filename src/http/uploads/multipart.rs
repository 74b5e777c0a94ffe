//! The first file of a form (`multipart/form-data`), as browsers and `curl -F` send it.
//!
//! The library that takes forms apart reads as long as there is something to read, and keeps what it can't place yet: the
//! file, where it comes faster than it is written, and heads of fields without end. So the body is handed to it in rations,
//! and what it holds is bounded.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

use super::receive::{SILENCE, silent};
use crate::http::problem::Problem;

/// The most fields that are read.
pub(super) const MOST_FIELDS: usize = 100;
/// How much is handed out in one go, if a little more for being a whole piece.
const RATION: usize = 64 * 1024;
/// The most bytes of a form besides its file: more than a piece of the body, which is some 400 KiB at most.
const MOST_BESIDES: usize = 1024 * 1024;

/// Whether a body is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}

/// A form on its way.
pub(super) struct Form {
    fields: Multipart,
    held: Held,
}

/// How many bytes were handed out and haven't come out as part of a file.
#[derive(Clone, Debug, Default)]
struct Held(Arc<AtomicUsize>);

/// A form whose file may be of any length.
///
/// # Errors
/// 400 where it says of itself nothing that makes sense.
pub(super) async fn form(request: Request) -> Result<Form, Problem> {
    let held = Held::default();
    let rationed =
        |body: Body| Body::from_stream(Rationed { body: body.into_data_stream(), handed: 0, held: held.clone() });
    let mut request = request.map(rationed);
    DefaultBodyLimit::disable().apply(&mut request);
    let fields = Multipart::from_request(request, &()).await;
    let fields = fields.map_err(|error| Problem::malformed(error.body_text()))?;
    Ok(Form { fields, held })
}

impl Form {
    /// The next field; what is left of the one before is passed over.
    ///
    /// # Errors
    /// 400 where the form can't be read, 408 where it doesn't go on, 413 where there is too much besides its file.
    pub(super) async fn next(&mut self) -> Result<Option<Part<'_>>, Problem> {
        let next = timeout(SILENCE, self.fields.next_field()).await.map_err(|_| silent())?;
        let field =
            next.map_err(
                |error| {
                    if self.held.is_too_much() { too_much() } else { Problem::malformed(error.body_text()) }
                },
            )?;
        Ok(field.map(|field| Part { field, held: self.held.clone() }))
    }
}

/// A field of a form.
pub(super) struct Part<'a> {
    field: Field<'a>,
    held: Held,
}

impl<'a> Part<'a> {
    /// What its file is called; `None` where it isn't one.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// Its bytes.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, MultipartError>> + Unpin + 'a {
        let Self { field, held } = self;
        field.inspect(move |piece| held.give_back(piece.as_ref().map_or(0, Bytes::len)))
    }
}

impl Held {
    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_too_much(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST_BESIDES
    }
}

fn too_much() -> Problem {
    let detail = format!("a form may have {MOST_BESIDES} bytes at most besides its file");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The form is too large", detail)
}

/// A body of which only so much can be read in one go, and that ends in an error once too much of it is held.
struct Rationed {
    body: BodyDataStream,
    handed: usize,
    held: Held,
}

impl Stream for Rationed {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.handed >= RATION {
            self.handed = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = ready!(self.body.poll_next_unpin(cx));
        let size = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
        self.handed += size;
        self.held.add(size);
        if self.held.is_too_much() {
            return Poll::Ready(Some(Err(axum::Error::new("too much besides the file"))));
        }
        Poll::Ready(piece)
    }
}
