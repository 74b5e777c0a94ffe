//! Every error answer: `application/problem+json` (RFC 9457).

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::invalid::FieldError;

/// The media type of an error answer.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// An error answer. `request_id` is filled in where the response leaves the server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is, for programs, e.g. `urn:transcoded:problem:invalid-request`.
    #[serde(rename = "type", serialize_with = "urn")]
    #[schema(value_type = String, examples("urn:transcoded:problem:invalid-request"))]
    pub slug: &'static str,
    /// The same in a few words that don't change.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(examples(422))]
    pub status: u16,
    /// What is wrong this time, for people.
    pub detail: String,
    /// The request's id, as in the `x-request-id` header and in the server's log.
    pub request_id: String,
    /// The fields that can't be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<u32>,
}

fn urn<S: Serializer>(slug: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:transcoded:problem:{slug}"))
}

impl Problem {
    /// A problem of the kind `slug`.
    #[must_use]
    pub fn new(status: StatusCode, slug: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            slug,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            request_id: String::new(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request can't be read.
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", "The request can't be read", detail)
    }

    /// 422: the request can be read, but these fields can't be taken.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} fields can't be taken; see errors", many.len()),
        };
        let problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", "The request can't be carried out", detail);
        Self { errors, ..problem }
    }

    /// 422: one field can't be taken.
    #[must_use]
    pub fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// 404: there is nothing of that name.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// 409: not in the state that the job is in.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "The job's state doesn't allow it", detail)
    }

    /// 429: when some of what waits is done.
    #[must_use]
    pub fn too_many(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", "The queue is full", detail);
        Self { retry_after: Some(30), ..problem }
    }

    /// 503: later.
    #[must_use]
    pub fn unavailable(slug: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, "The server can't do it now", detail);
        Self { retry_after: Some(5), ..problem }
    }

    /// 500: the server's own fault; what it was is in the log only.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "the server failed; its log has more under this request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed", detail)
    }

    /// A problem for an answer of the framework that has only a status.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let (slug, title, detail) = match status {
            StatusCode::NOT_FOUND => {
                ("not-found", "There is no such thing", "there is nothing at this path; see /openapi.yaml")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method-not-allowed", "The method isn't allowed here", "the Allow header names the methods that are")
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("too-large", "The request is too large", "a request's body may have 1 MiB at most")
            }
            StatusCode::REQUEST_TIMEOUT => {
                ("too-slow", "The request took too long", "the body didn't arrive within 30 seconds")
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                ("range", "The range can't be served", "the file doesn't have that range")
            }
            StatusCode::PRECONDITION_FAILED => {
                ("changed", "It isn't the one that was asked for", "the file is another one than If-Match names")
            }
            status if status.is_client_error() => {
                ("malformed-request", "The request can't be read", "the request can't be read")
            }
            _ => return Self::internal(),
        };
        Self::new(status, slug, title, detail)
    }

    /// The answer for the request of that id.
    pub(super) fn render(mut self, request_id: &str) -> Response {
        request_id.clone_into(&mut self.request_id);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Serialising strings and numbers into memory can't fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, Body::from(body)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// The body is written by `super::request_id`, which knows the request's id.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
