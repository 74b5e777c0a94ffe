//! The outermost layer: gives every request its id, logs and counts it, and turns every error into a problem.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::metrics;
use super::problem::{PROBLEM_JSON, Problem};
use super::uploads::headers::{TUS_RESUMABLE, TUS_VERSION};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client.
const LONGEST: usize = 128;

pub(super) async fn layer(request: Request, next: Next) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(new_id);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id = %id, %method, path = %request.uri().path());
    let started = Instant::now();
    let response = async {
        let response = as_problem(next.run(request).await, &id);
        let (status, millis) = (response.status().as_u16(), started.elapsed().as_secs_f64() * 1000.0);
        tracing::debug!(status, millis, "answered");
        response
    }
    .instrument(span)
    .await;
    metrics::count_request(&method, &route, response.status(), started.elapsed());
    finished(response, &id)
}

/// The client's own id, where it is short and plain enough for a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    ((1..=LONGEST).contains(&id.len()) && id.chars().all(plain)).then(|| id.to_owned())
}

fn new_id() -> String {
    let mut random = [0; 16];
    // Without randomness an id is still an id; it only may not be unique.
    let _ = getrandom::fill(&mut random);
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}

/// The answer with its id; and no browser may take it for something else than it says.
fn finished(mut response: Response, id: &str) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Errors that handlers return, and those of the framework, leave in one form.
fn as_problem(mut response: Response, id: &str) -> Response {
    let status = response.status();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => Problem::of_status(status),
        None => return response,
    };
    let done = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if done {
        return response;
    }
    let mut rendered = problem.render(id);
    for header in [ALLOW, CONTENT_RANGE, TUS_RESUMABLE, TUS_VERSION] {
        if let Some(value) = response.headers().get(&header) {
            rendered.headers_mut().insert(header, value.clone());
        }
    }
    rendered
}
