//! What two answers say of the same thing: whether the second goes on where the first broke off.

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED};

/// What tells one state of a thing on its server from another: a strong entity tag, or a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validator(HeaderValue);

impl Validator {
    /// The best one that an answer holds.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let strong = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
        strong.or_else(|| headers.get(LAST_MODIFIED)).cloned().map(Self)
    }

    /// The header `If-Range`. Never logged: it came from another server.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// The `Content-Range` of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it begins.
    pub(super) start: u64,
    /// The size of the whole, where that is told.
    pub(super) total: Option<u64>,
}

impl Part {
    /// The part that an answer says it is; `None` where it doesn't say that in a way that makes sense.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
        let (start, end) = range.trim().split_once('-')?;
        let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        (start <= end && total.is_none_or(|total| end < total)).then_some(Self { start, total })
    }
}

/// The size that a server tells with 416: that of the whole.
pub(super) fn size_of_whole(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: reqwest::header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn only_ranges_that_make_sense_are_parts() {
        let part = |value| Part::of(&headers(CONTENT_RANGE, value));
        assert_eq!(part("bytes 5-9/10"), Some(Part { start: 5, total: Some(10) }));
        assert_eq!(part("bytes 5-9/*"), Some(Part { start: 5, total: None }));
        for odd in
            ["bytes 5-9/9", "bytes 9-5/10", "bytes */10", "items 5-9/10", "bytes 5-/10", "bytes a-9/10", "5-9/10", ""]
        {
            assert_eq!(part(odd), None, "{odd}");
        }
        assert_eq!(size_of_whole(&headers(CONTENT_RANGE, "bytes */10")), Some(10));
    }

    #[test]
    fn weak_tags_validate_nothing() {
        assert!(Validator::of(&headers(ETAG, "\"a\"")).is_some());
        assert!(Validator::of(&headers(LAST_MODIFIED, "Mon, 01 Jan 2024 00:00:00 GMT")).is_some());
        assert!(Validator::of(&headers(ETAG, "W/\"a\"")).is_none());
    }
}
