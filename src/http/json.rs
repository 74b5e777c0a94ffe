//! Reading a JSON body, with errors that name the field.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::problem::Problem;

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !is_json(kind) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body's media type isn't supported",
                "send JSON with the header \"Content-Type: application/json\"",
            ));
        }
        let body =
            Bytes::from_request(request, state).await.map_err(|rejection| Problem::of_status(rejection.status()))?;
        parse(&body).map(Self)
    }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let no_json = |error: &serde_json::Error| Problem::malformed(format!("the body is no JSON: {error}"));
    // Is it JSON at all? Without this, the first wrong type would hide that the rest is none.
    let IgnoredAny = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid_field("", "the body must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.inner().classify() {
        Category::Data => {
            let message = plain(error.inner());
            Problem::invalid_field(pointer(error.path(), &message), message)
        }
        _ => no_json(error.inner()),
    })
}

/// serde's message without the place in the text, which the pointer tells better, and without Rust's names for types.
fn plain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    [
        "struct JobRequest",
        "struct OutputRequest",
        "struct VideoSettings",
        "struct AudioSettings",
        "struct Trim",
        "struct ProbeRequest",
    ]
    .iter()
    .fold(message.to_owned(), |message, name| message.replace(name, "an object"))
}

/// The JSON pointer (RFC 6901) for a path; an unknown field is part of it.
fn pointer(path: &Path, message: &str) -> String {
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let known = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(escape(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let mut names: Vec<_> = known.collect();
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    names.extend(unknown.map(escape).filter(|field| names.last() != Some(field)));
    names.iter().flat_map(|name| ["/", name]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::JobRequest;

    fn refused(json: &str) -> (u16, String, String) {
        let problem = parse::<JobRequest>(json.as_bytes()).expect_err(json);
        let pointer = problem.errors.first().map(|error| error.pointer.clone()).unwrap_or_default();
        (problem.status, pointer, problem.detail)
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
        ] {
            let (status, found, detail) = refused(json);
            assert_eq!((status, found.as_str()), (422, pointer), "{json}: {detail}");
        }
        assert_eq!(refused("[]").0, 422);
        assert_eq!(refused("{}").0, 422);
    }

    #[test]
    fn json_by_any_of_its_names_is_taken() {
        assert!(
            is_json("application/json") && is_json("Application/JSON; charset=utf-8") && is_json("application/x+json")
        );
        assert!(!is_json("") && !is_json("text/plain") && !is_json("application/x-www-form-urlencoded"));
    }
}
