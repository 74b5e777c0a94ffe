//! A problem (RFC 9457) as the server tells it, and how people read it.

use std::fmt;

use serde::Deserialize;

use super::text::plain;
use crate::domain::invalid::FieldError;

/// Why the server didn't do what it was asked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Problem {
    /// What kind it is, in a few words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What is wrong this time.
    #[serde(default)]
    pub(super) detail: String,
    /// The fields that can't be taken.
    #[serde(default)]
    pub(super) errors: Vec<FieldError>,
    /// What the server's log calls this request.
    #[serde(default)]
    pub(super) request_id: String,
}

impl Problem {
    /// Whether the same request may well be answered later.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.title))?;
        // With one error the detail says the same as the error.
        if !self.detail.is_empty() && self.errors.len() != 1 {
            write!(f, ": {}", plain(&self.detail))?;
        }
        for error in &self.errors {
            let field = if error.pointer.is_empty() { "the request" } else { &error.pointer };
            write!(f, "\n  {}: {}", plain(field), plain(&error.detail))?;
        }
        if self.status >= 500 && !self.request_id.is_empty() {
            write!(f, " (request {})", plain(&self.request_id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> String {
        serde_json::from_str::<Problem>(json).unwrap().to_string()
    }

    #[test]
    fn every_bad_field_is_shown() {
        let text = shown(
            r#"{"type": "urn:x", "title": "The request can't be carried out", "status": 422, "detail": "2 fields can't be taken; see errors",
                "request_id": "r", "errors": [{"pointer": "/outputs/0/name", "detail": "too long"}, {"pointer": "", "detail": "odd"}]}"#,
        );
        assert_eq!(
            text,
            "The request can't be carried out: 2 fields can't be taken; see errors\n  /outputs/0/name: too long\n  the request: odd"
        );
    }

    #[test]
    fn a_single_bad_field_is_not_told_twice() {
        let text = shown(
            r#"{"title": "No", "status": 422, "detail": "/input: gone", "errors": [{"pointer": "/input", "detail": "gone"}]}"#,
        );
        assert_eq!(text, "No\n  /input: gone");
    }

    #[test]
    fn a_failure_of_the_server_names_its_request() {
        assert_eq!(
            shown(r#"{"title": "The server failed", "status": 500, "detail": "see its log", "request_id": "abc"}"#),
            "The server failed: see its log (request abc)"
        );
    }

    #[test]
    fn nothing_in_a_problem_can_steer_the_terminal() {
        assert!(!shown(r#"{"title": "a\u001b[2Jb", "status": 404, "detail": "\u0007"}"#).contains(char::is_control));
    }
}
