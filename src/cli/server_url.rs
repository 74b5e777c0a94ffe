//! The server's URL: what is accepted as one, and the addresses below it.

use reqwest::Url;

use super::error::Error;

/// Where a server listens unless it is told otherwise.
const USUAL: &str = "http://127.0.0.1:8080";

/// The checked URL of a server. It has no user, query or fragment; a path in it is kept as a prefix.
#[derive(Clone, Debug)]
pub(super) struct ServerUrl(Url);

impl ServerUrl {
    /// Checks what was typed; nothing or an empty text stands for the usual address.
    pub(super) fn parse(typed: Option<&str>) -> Result<Self, Error> {
        let typed = typed.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(USUAL);
        let wrong = || Error::Usage(format!("\"{typed}\" is no server URL; one looks like {USUAL}"));
        let mut url = Url::parse(typed).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Usage("a server URL can't hold a user or a password".to_owned()));
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The address of these path segments, each of which may hold any text.
    pub(super) fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // A URL with a host, which `parse` made sure of, has a path that can be extended.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether it names this machine, so that no proxy has any business in between.
    pub(super) fn is_loopback(&self) -> bool {
        match self.0.host_str().unwrap_or_default() {
            "localhost" => true,
            host => {
                host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

impl std::fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped_and_a_prefix_is_kept() {
        let server = ServerUrl::parse(Some("https://example.org/video/")).unwrap();
        let url = server.at(&["v1", "jobs", "1", "outputs", "a b#1/?.mp4"]);
        assert_eq!(url.as_str(), "https://example.org/video/v1/jobs/1/outputs/a%20b%231%2F%3F.mp4");
        assert_eq!(ServerUrl::parse(None).unwrap().at(&["readyz"]).as_str(), "http://127.0.0.1:8080/readyz");
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_an_example() {
        for typed in ["127.0.0.1:8080", "localhost:8080", "ftp://a", "http://", "file:///etc"] {
            let error = ServerUrl::parse(Some(typed)).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:8080"), "{error}");
        }
        assert!(ServerUrl::parse(Some("http://me:secret@a")).is_err());
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        assert_eq!(ServerUrl::parse(Some("")).unwrap().to_string(), USUAL);
    }

    #[test]
    fn loopback_is_known_in_all_spellings() {
        for (url, loopback) in [
            ("http://127.0.0.1:8080", true),
            ("http://127.8.8.8", true),
            ("http://localhost:1", true),
            ("http://[::1]:8080", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(ServerUrl::parse(Some(url)).unwrap().is_loopback(), loopback, "{url}");
        }
    }
}
