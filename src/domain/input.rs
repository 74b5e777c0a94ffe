//! How the name of an input is shown: without what only its server may know.

use std::borrow::Cow;

/// The name of an input as it may be shown to anybody: of a `http(s)://` URL neither the user and password nor the query,
/// which may be signed, nor the fragment. All else is shown as the client wrote it.
///
/// It reads text rather than a URL, so that nothing slips through that no URL could be made of.
#[must_use]
pub fn shown(input: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = web(input) else { return Cow::Borrowed(input) };
    // Whoever reads URLs as browsers do takes any number of slashes for two, and what follows for user and host.
    let (slashes, rest) = rest.split_at(rest.find(|c| c != '/' && c != '\\').unwrap_or(rest.len()));
    let (address, tail) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (host, path) = address.split_at(address.find(['/', '\\']).unwrap_or(address.len()));
    let bare = host.rsplit_once('@').map_or(host, |(_, bare)| bare);
    if bare.len() == host.len() && tail.is_empty() {
        return Cow::Borrowed(input);
    }
    Cow::Owned(format!("{scheme}://{slashes}{bare}{path}{}", if tail.is_empty() { "" } else { "?…" }))
}

/// Whether an input is named by a `http(s)://` URL.
#[must_use]
pub fn is_web(input: &str) -> bool {
    web(input).is_some()
}

fn web(input: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = input.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_their_secrets() {
        for (input, expected) in [
            ("https://host/a.mp4", "https://host/a.mp4"),
            ("https://user:pass@host:8443/a.mp4", "https://host:8443/a.mp4"),
            ("HTTPS://user:p@ss@host/a.mp4?token=abc", "HTTPS://host/a.mp4?…"),
            ("http://host?token=abc", "http://host?…"),
            ("http://host/a@b.mp4#token=abc", "http://host/a@b.mp4?…"),
            ("http://host/a.mp4?x=1#y?z", "http://host/a.mp4?…"),
            ("http:///user:pass@host/a", "http:///host/a"),
            ("http:////\\user:pass@host\\a", "http:////\\host\\a"),
        ] {
            assert_eq!(shown(input), expected, "{input}");
        }
    }

    #[test]
    fn all_else_is_shown_as_it_was_written() {
        for input in ["clips/in.mov", "file:///m/a?b@c", "a?b", "./http:a?b", ""] {
            assert_eq!(shown(input), input);
        }
    }
}
