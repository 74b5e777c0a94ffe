//! Reading a JSON body, with errors that name the field.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use tokio::time::timeout;

use super::problem::Problem;
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
    /// Adds what else is wrong; nothing is said twice of the same field.
    pub(super) fn and(mut self, more: Vec<FieldError>) -> Vec<FieldError> {
        let known = self.errors.clone();
        let told = |error: &FieldError| known.iter().any(|known| error.pointer.starts_with(&known.pointer));
        self.errors.extend(more.into_iter().filter(|error| !told(error)));
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

/// The most fields that are named at once.
const MOST_ERRORS: u32 = 50;

/// Reads a value and names every field that can't be read. Such a field is left out, so the value may be complete all the
/// same; `None` where it isn't.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<(Option<T>, Vec<FieldError>), Problem> {
    let no_json = |error: &serde_json::Error| Problem::malformed(format!("the body is no JSON: {error}"));
    // Is it JSON at all? Without this, the first wrong type would hide that the rest is none.
    let IgnoredAny = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid_field("", "the body must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut failed = match serde_path_to_error::deserialize(&mut reader) {
        Ok(value) => return Ok((Some(value), Vec::new())),
        Err(error) if error.inner().classify() == Category::Data => field_error(&error),
        Err(error) => return Err(no_json(error.inner())),
    };
    let mut document: Value = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
    let mut errors: Vec<FieldError> = Vec::new();
    // What had the wrong type is missing next, which needn't be said.
    for _ in 0..2 * MOST_ERRORS {
        let missing = failed.detail.starts_with("missing field");
        leave_out(&mut document, &failed.pointer, missing);
        if errors.iter().all(|known| known.pointer != failed.pointer) {
            errors.push(failed);
        }
        match serde_path_to_error::deserialize(document.clone()) {
            Ok(value) => return Ok((Some(value), errors)),
            Err(error) => failed = field_error(&error),
        }
    }
    Ok((None, errors))
}

fn field_error(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let detail = plain(error.inner());
    FieldError { pointer: pointer(error.path(), &detail), detail }
}

/// Takes a field out of a document, so that the rest can be looked at; one that is missing is put in.
fn leave_out(document: &mut Value, pointer: &str, missing: bool) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        // The container that holds everything.
        Some(Value::Object(fields)) if missing => drop(fields.insert(name, "out.mkv".into())),
        Some(Value::Object(fields)) => drop(fields.remove(&name)),
        Some(Value::Array(items)) => {
            if let Some(item) = name.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                *item = Value::Object(serde_json::Map::new());
            }
        }
        _ => {}
    }
}

/// serde's message without the place in the text, which the pointer tells better, and without Rust's names for types.
fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    if let Some((found, expected)) = message.rsplit_once(", expected ") {
        return plain_names(&format!("{found}, expected {}", plain_kind(expected)));
    }
    plain_names(message)
}

/// Rust's names of our types say nothing to people.
fn plain_names(message: &str) -> String {
    let Some((before, after)) = message.split_once("struct ") else { return message.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    format!("{before}an object{rest}")
}

/// A kind of value as people call it: `expected u32` says nothing to them.
fn plain_kind(expected: &str) -> &str {
    match expected {
        "i32" | "u8" | "u32" | "u64" => "a whole number within the field's bounds",
        "a sequence" => "a list",
        "a map" => "an object",
        other => other,
    }
}

/// The JSON pointer (RFC 6901) for a path; a field that is unknown, missing or there twice is part of it.
fn pointer(path: &Path, message: &str) -> String {
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let known = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(escape(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let mut names: Vec<_> = known.collect();
    let starts = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = starts.iter().find_map(|start| message.strip_prefix(start));
    // A name may hold a backtick itself, but what serde says behind it doesn't.
    let field =
        rest.and_then(|rest| rest.rsplit_once("`, expected ").map(|(field, _)| field).or(rest.strip_suffix('`')));
    names.extend(field.map(escape).filter(|field| names.last() != Some(field)));
    names.iter().flat_map(|name| ["/", name]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::JobRequest;

    fn refused(json: &str) -> (u16, String, String) {
        let problem = match parse::<JobRequest>(json.as_bytes()) {
            Ok((_, errors)) => Problem::invalid(errors),
            Err(problem) => problem,
        };
        let first = problem.errors.first();
        let pointer = first.map(|error| error.pointer.clone()).unwrap_or_default();
        (problem.status, pointer, first.map_or(problem.detail, |error| error.detail.clone()))
    }

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
    fn broken_json_is_400() {
        for json in ["", "{", "{\"input\": }", "nul", "{} {}", "\u{0}", &"[".repeat(10_000)] {
            assert_eq!(refused(json).0, 400, "{json:.20}");
        }
    }

    #[test]
    fn wrong_types_and_unknown_fields_are_422_and_named() {
        for (json, pointer) in [
            (r#"{"input": 5}"#, "/input"),
            (r#"{"input": "a", "priority": "high"}"#, "/priority"),
            (r#"{"input": "a", "priority": 1e99}"#, "/priority"),
            (r#"{"input": "a", "mode": "fast"}"#, "/mode"),
            (r#"{"input": "a", "inptu": "b"}"#, "/inptu"),
            (r#"{"input": "a", "outputs": [{"name": "a.mp4", "video": {"codec": "divx"}}]}"#, "/outputs/0/video/codec"),
            (r#"{"input": "a", "outputs": [{"name": "a.mp4", "video": {"a/b": 1}}]}"#, "/outputs/0/video/a~1b"),
            (r#"{"input": "a", "labels": {"x": 5}}"#, "/labels/x"),
            (r#"{"input": "a", "labels": {"x": "1", "x": "2"}}"#, "/labels/x"),
            (r#"{"input": "a", "input": "b"}"#, "/input"),
            (r#"{"outputs": [{}]}"#, "/outputs/0/name"),
            (r#"{"outputs": []}"#, "/input"),
            (r#"{"input": "a", "outputs": [["a.mp4"]]}"#, "/outputs/0"),
            (r#"{"input": "a", "outputs": [{"name": "a.mp4", "video": ["h264"]}]}"#, "/outputs/0/video"),
            (r#"{"input": "a", "outputs": [{"name": "a.mp4", "trim": [1, 2]}]}"#, "/outputs/0/trim"),
        ] {
            let (status, found, detail) = refused(json);
            assert_eq!((status, found.as_str()), (422, pointer), "{json}: {detail}");
        }
        assert_eq!(refused("[]").0, 422);
        assert_eq!(refused("{}").0, 422);
    }

    #[test]
    fn every_wrong_field_is_named_and_the_rest_is_read() {
        let json = r#"{"input": 5, "priority": "high", "mode": "fast", "outputs": [
            {"name": "a.mp4", "video": {"codec": "divx", "crf": "x"}}, ["b.mp4"], {"video": {"height": 720}}], "inptu": 1}"#;
        let (value, errors) = parse::<JobRequest>(json.as_bytes()).unwrap();
        let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        for pointer in [
            "/input",
            "/priority",
            "/mode",
            "/outputs/0/video/codec",
            "/outputs/0/video/crf",
            "/outputs/1",
            "/outputs/2/name",
            "/inptu",
        ] {
            assert!(pointers.contains(&pointer), "{pointer}: {pointers:?}");
        }
        assert_eq!(value.unwrap().outputs.unwrap()[2].video.unwrap().height, Some(720));
    }

    #[test]
    fn messages_speak_of_json_and_not_of_rust() {
        for (json, message) in [
            (r#"{"priority": 1.5}"#, "floating point `1.5`, expected a whole number within the field's bounds"),
            (r#"{"timeout_seconds": 4294967296}"#, "`4294967296`, expected a whole number within the field's bounds"),
            (r#"{"outputs": 1}"#, "integer `1`, expected a list"),
            (r#"{"labels": []}"#, "sequence, expected an object"),
        ] {
            let (_, _, detail) = refused(json);
            assert!(detail.ends_with(message), "{detail}");
        }
    }

    #[test]
    fn json_by_any_of_its_names_is_taken() {
        assert!(
            is_json("application/json") && is_json("Application/JSON; charset=utf-8") && is_json("application/x+json")
        );
        assert!(!is_json("") && !is_json("text/plain") && !is_json("application/x-www-form-urlencoded"));
    }
}
