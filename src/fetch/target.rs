//! A URL that was checked as far as that goes without asking anybody.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::address::Networks;
use super::error::{FetchError, Refused};

/// The longest URL in bytes.
const LONGEST: usize = 4095;

/// What to fetch. Its `Debug` shows no secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Without user, password and fragment.
    url: Url,
    /// For this origin only.
    credentials: Option<Credentials>,
}

/// A user and a password, as they are sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Target {
    /// Reads a URL and checks its scheme and its host. An address is checked however it is spelled; what a name stands for
    /// is found out by asking for it, and checked then.
    ///
    /// # Errors
    /// Where it is no such URL, or names an address that may not be reached.
    pub fn read(text: &str, networks: &Networks) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::Odd("is too long"));
        }
        // Those who read URLs don't agree on what these mean.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(Refused::Odd(
                "holds a space, a control character or a backslash; write it with % and two digits",
            ));
        }
        // Browsers skip further slashes, all others take them for an empty host.
        if text.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/')) {
            return Err(Refused::Odd("names no host"));
        }
        let url = Url::parse(text).map_err(|_| Refused::Odd("can't be read; one looks like https://host/path"))?;
        Self::of(url, networks)
    }

    fn of(mut url: Url, networks: &Networks) -> Result<Self, Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Odd("begins with neither http:// nor https://"));
        }
        check_host(&url, networks)?;
        let credentials = credentials(&url)?;
        url.set_fragment(None);
        // Neither fails for a URL that has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, credentials })
    }

    /// Where a redirect leads. Credentials go along within their origin, and only there; those of the redirect's own aren't
    /// used.
    ///
    /// # Errors
    /// Where it may not be followed.
    pub(super) fn follow(&self, location: &str, networks: &Networks) -> Result<Self, FetchError> {
        let url = self.url.join(location).map_err(|_| FetchError::Redirect("to something that is no URL"))?;
        if self.url.scheme() == "https" && url.scheme() == "http" {
            return Err(FetchError::Redirect("from https to http, which would show the transfer to others"));
        }
        let mut next = Self::of(url, networks)?;
        let same = next.url.origin() == self.url.origin();
        next.credentials = self.credentials.clone().filter(|_| same);
        Ok(next)
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// How the name of the file ends, such as `mp4`; some formats are known by nothing else.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        let (stem, extension) = self.url.path().rsplit('/').next()?.rsplit_once('.')?;
        let plain = (1..=8).contains(&extension.len()) && extension.chars().all(|c| c.is_ascii_alphanumeric());
        (plain && !stem.is_empty()).then_some(extension)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn check_host(url: &Url, networks: &Networks) -> Result<(), Refused> {
    let open = match url.host() {
        None => return Err(Refused::Odd("names no host")),
        Some(Host::Ipv4(address)) => networks.reach(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => networks.reach(IpAddr::V6(address)),
        // This name is nobody else's, whatever a server for names says.
        Some(Host::Domain(name)) if is_localhost(name) => {
            networks.reach(Ipv4Addr::LOCALHOST.into()) || networks.reach(Ipv6Addr::LOCALHOST.into())
        }
        Some(Host::Domain(_)) => true,
    };
    if open { Ok(()) } else { Err(Refused::Forbidden) }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

fn credentials(url: &Url) -> Result<Option<Credentials>, Refused> {
    let decode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8();
        text.map(String::from).map_err(|_| Refused::Odd("names a user or a password that is no UTF-8"))
    };
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    Ok(Some(Credentials { user: decode(url.username())?, password: decode(url.password().unwrap_or_default())? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Target, Refused> {
        Target::read(text, &Networks::default())
    }

    fn allowing(text: &str) -> Target {
        Target::read(text, &Networks::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap()
    }

    #[test]
    fn urls_of_public_hosts_are_read() {
        for text in [
            "https://example.org/a.mp4",
            "HTTP://EXAMPLE.org:8080/?x=1#y",
            "https://u:p@1.1.1.1/a",
            "http://[2606:4700::1]/a",
            "https://localhost.example.org/a",
            "https://exämple.org/a",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
        let target = read("https://us%40er:pa%3Ass@example.org/a.MP4?token=1#x").unwrap();
        assert_eq!(target.url().as_str(), "https://example.org/a.MP4?token=1");
        assert_eq!(target.extension(), Some("MP4"));
        let sent = target.credentials().unwrap();
        assert_eq!((sent.user.as_str(), sent.password.as_str()), ("us@er", "pa:ss"));
        assert!(!format!("{target:?}").contains("token") && !format!("{target:?}").contains("pa"));
    }

    #[test]
    fn closed_addresses_are_refused_however_they_are_spelled() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.01",
            "127.0.0.1.",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "127.0.0.%31",
            "１２７.0.0.1",
            "127。0。0。1",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "169.254.169.254",
            "2852039166",
            "[fd00:ec2::254]",
            "10.0.0.1",
            "192.168.1.1",
            "[fe80::1]",
            "user@10.0.0.1",
        ] {
            assert_eq!(read(&format!("http://{host}/a")), Err(Refused::Forbidden), "{host}");
        }
    }

    #[test]
    fn odd_urls_are_refused() {
        for text in [
            "http://",
            "http:///",
            "https:///u:p@host/a",
            "http://a b/",
            "http://a\\b/",
            "http://a/\nb",
            "http://[fe80::1%eth0]/",
            "http://a:99999/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "ftp://example.org/a",
            "http://%zz/",
            "a.mp4",
            "",
        ] {
            assert!(matches!(read(text), Err(Refused::Odd(_))), "{text:?}: {:?}", read(text));
        }
    }

    #[test]
    fn a_redirect_is_checked_like_the_first_address() {
        let networks = Networks::default();
        let start = read("https://example.org/a/b.mp4").unwrap();
        assert_eq!(start.follow("../c?x=1", &networks).unwrap().url().as_str(), "https://example.org/c?x=1");
        for to in ["//127.0.0.1/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://localhost/"] {
            let refused = start.follow(to, &networks);
            assert!(matches!(refused, Err(FetchError::Refused(Refused::Forbidden))), "{to}: {refused:?}");
        }
        for to in ["http://example.org/", "ftp://example.org/", "file:///etc/passwd", "https://"] {
            assert!(start.follow(to, &networks).is_err(), "{to}");
        }
    }

    #[test]
    fn credentials_stay_within_their_origin() {
        let networks = Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let start = allowing("http://u:p@127.0.0.1:8000/a");
        assert!(start.follow("/b", &networks).unwrap().credentials().is_some());
        for to in
            ["http://127.0.0.1:8001/a", "http://127.0.0.2:8000/a", "https://127.0.0.1:8000/a", "http://x:y@127.0.0.2/"]
        {
            let next = start.follow(to, &networks).unwrap();
            assert!(next.credentials().is_none(), "{to}");
            assert!(
                next.follow("http://127.0.0.1:8000/a", &networks).is_ok_and(|back| back.credentials().is_none())
                    || to.starts_with("https")
            );
        }
    }
}
