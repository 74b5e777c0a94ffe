//! Reading a JSON body, with errors that name the field.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::problem::Problem;
use crate::domain::document::Document;
use crate::domain::invalid::FieldError;

/// The largest body in bytes.
const LARGEST_BODY: usize = 1024 * 1024;
/// How much of a larger one is read, so that its sender sees the answer.
const LARGEST_BODY_READ: usize = 64 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

/// A JSON body of which single fields may be wrong: those are left out, and named.
pub(super) struct Lenient<T> {
    /// What could be read.
    pub(super) value: T,
    /// The fields that couldn't.
    pub(super) errors: Vec<FieldError>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (value, errors) = parse(&bytes(request).await?)?;
        match value {
            Some(value) if errors.is_empty() => Ok(Self(value)),
            _ => Err(Problem::invalid(errors)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Lenient<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (value, errors) = parse(&bytes(request).await?)?;
        let value = value.ok_or_else(|| Problem::invalid(errors.clone()))?;
        Ok(Self { value, errors })
    }
}

impl<T> Lenient<T> {
    /// Adds what else is wrong.
    pub(super) fn and(mut self, more: Vec<FieldError>) -> Vec<FieldError> {
        FieldError::add(&mut self.errors, more);
        self.errors
    }
}

/// The body of a request that says it is JSON.
async fn bytes(request: Request) -> Result<Vec<u8>, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !is_json(kind) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body's media type isn't supported",
            "send JSON with the header \"Content-Type: application/json\"",
        ));
    }
    if is_hopeless(request.headers()) {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let read = timeout(BODY_TIMEOUT, read(request.into_body()));
    read.await.unwrap_or_else(|_| Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)))
}

/// Whether the body is too large by its own account and needn't be read: its sender waits for leave to send it, or it is
/// larger than what is read and thrown away.
fn is_hopeless(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let most = if headers.contains_key(EXPECT) { LARGEST_BODY } else { LARGEST_BODY_READ };
    length.is_some_and(|length| length > most)
}

/// Reads a body. What is too large is read on for a while and thrown away: a client that is still sending when the
/// connection is closed never sees the answer.
async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut size) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        size += chunk.len();
        if size <= LARGEST_BODY {
            bytes.extend_from_slice(&chunk);
        } else if size > LARGEST_BODY_READ {
            break;
        }
    }
    if size > LARGEST_BODY { Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE)) } else { Ok(bytes) }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Makes a value of a body, and names every field that can't be taken. Such a field is left out, so there may be a value all
/// the same.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<(Option<T>, Vec<FieldError>), Problem> {
    let document = Document::of_json(body);
    Ok(document.map_err(|why| Problem::malformed(format!("the body is no JSON: {why}")))?.read())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_announced_as_too_large_is_not_asked_for() {
        let hopeless = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_hopeless(&headers.collect())
        };
        assert!(hopeless(&[("content-length", "1048577"), ("expect", "100-continue")]));
        assert!(hopeless(&[("content-length", "99999999999")]));
        assert!(!hopeless(&[("content-length", "1048577")]), "read on, so that its sender sees the answer");
        assert!(!hopeless(&[("content-length", "1048576"), ("expect", "100-continue")]));
        assert!(!hopeless(&[]));
    }

    #[test]
    fn json_by_any_of_its_names_is_taken() {
        assert!(
            is_json("application/json") && is_json("Application/JSON; charset=utf-8") && is_json("application/x+json")
        );
        assert!(!is_json("") && !is_json("text/plain") && !is_json("application/x-www-form-urlencoded"));
    }
}
