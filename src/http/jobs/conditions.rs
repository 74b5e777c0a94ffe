//! Under which conditions a file is wanted, and which part of it (RFC 9110, 13 and 14).
//!
//! The file's tag is the hash of its bytes, which the service that reads the file doesn't know. So what asks about the tag
//! is decided here and taken out of the request, and a range that can't be served as one is taken out as well: the answer
//! is then the whole file, as for any server that doesn't know ranges.

use axum::http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The file, or the part that the headers still name.
    File,
    /// Nothing: the client has this file already.
    NotModified,
    /// Nothing: the client wants another file than this.
    Changed,
}

/// Decides the conditions for a file with this tag, and takes them out of the headers.
pub(super) fn decide(headers: &mut HeaderMap, tag: &str) -> Wanted {
    if let Some(tags) = take(headers, &IF_MATCH) {
        headers.remove(IF_UNMODIFIED_SINCE);
        // A weak tag never matches here, since it doesn't promise the same bytes.
        if !names(&tags, tag, false) {
            return Wanted::Changed;
        }
    }
    if let Some(tags) = take(headers, &IF_NONE_MATCH) {
        headers.remove(IF_MODIFIED_SINCE);
        if names(&tags, tag, true) {
            return Wanted::NotModified;
        }
    }
    let of_another = take(headers, &IF_RANGE).is_some_and(|known| known != tag);
    let range = headers.remove(RANGE).filter(|_| !of_another);
    if let Some(range) = range.and_then(|range| one_range(range.to_str().ok()?)) {
        headers.insert(RANGE, range);
    }
    Wanted::File
}

/// All values of a header, which leaves the request.
fn take(headers: &mut HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    let joined = (!values.is_empty()).then(|| values.join(","));
    headers.remove(name);
    joined
}

/// Whether the list of tags names this one; `*` names any.
fn names(tags: &str, tag: &str, weak_too: bool) -> bool {
    tags.split(',').map(str::trim).any(|known| {
        let known = if weak_too { known.strip_prefix("W/").unwrap_or(known) } else { known };
        known == "*" || known == tag
    })
}

/// The range where it is one of bytes, with numbers that fit; `None` where the header is to be ignored.
fn one_range(range: &str) -> Option<HeaderValue> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.eq_ignore_ascii_case("bytes") || !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return None;
    }
    // No file is that long, so a number that doesn't fit stands for the end.
    let number = |text: &str| text.parse().unwrap_or(u64::MAX);
    let text = match (first, last) {
        ("", last) => format!("bytes=-{}", number(last)),
        (first, "") => format!("bytes={}-", number(first)),
        (first, last) if number(first) > number(last) => return None,
        (first, last) => format!("bytes={}-{}", number(first), number(last)),
    };
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn decided(headers: &[(&'static str, &str)]) -> (Wanted, Option<String>) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut headers = headers.collect();
        let wanted = decide(&mut headers, TAG);
        (wanted, headers.get(RANGE).map(|range| range.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_known_tag_is_found_in_a_list() {
        for known in [TAG, "\"x\", \"abc\"", "W/\"abc\"", "*"] {
            assert_eq!(decided(&[("if-none-match", known)]).0, Wanted::NotModified, "{known}");
        }
        assert_eq!(decided(&[("if-none-match", "\"x\"")]).0, Wanted::File);
        for known in [TAG, "\"x\",\"abc\"", "*"] {
            assert_eq!(decided(&[("if-match", known)]).0, Wanted::File, "{known}");
        }
        for other in ["\"x\"", "W/\"abc\"", ""] {
            assert_eq!(decided(&[("if-match", other)]).0, Wanted::Changed, "{other}");
        }
    }

    #[test]
    fn one_range_of_bytes_is_kept_and_anything_else_ignored() {
        for (range, kept) in [
            ("bytes=0-9", Some("bytes=0-9")),
            ("Bytes=5-", Some("bytes=5-")),
            ("bytes=-5", Some("bytes=-5")),
            ("bytes=0-99999999999999999999", Some("bytes=0-18446744073709551615")),
            ("bytes=5-2", None),
            ("bytes=0-1,4-5", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("items=0-1", None),
            ("bytes", None),
        ] {
            assert_eq!(decided(&[("range", range)]).1.as_deref(), kept, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_file_is_ignored() {
        assert!(decided(&[("range", "bytes=0-9"), ("if-range", TAG)]).1.is_some());
        for other in ["\"x\"", "W/\"abc\"", "Tue, 24 Nov 2026 12:43:26 GMT"] {
            assert_eq!(decided(&[("range", "bytes=0-9"), ("if-range", other)]).1, None, "{other}");
        }
    }
}
