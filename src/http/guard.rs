//! Keeps the pages of other sites from using a visitor's browser against this server, which asks nobody for a key.
//!
//! There are two ways. A page may send requests across sites: its browser then says so in `Sec-Fetch-Site` or `Origin`,
//! and only those that change nothing pass; the answers it can't read. Or a page may point its own name at this server's
//! address, after which its browser takes the two for one site (DNS rebinding): the name is still in `Host`. Programs that
//! are no browsers send neither of the first two headers, and use the server's address or a name of it that is allowed.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::context::Context;
use super::problem::Problem;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) async fn layer(State(context): State<Context>, request: Request, next: Next) -> Response {
    let names = context.allowed_hosts.as_deref();
    match check(request.method(), request.uri(), request.version(), request.headers(), names) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
    names: Option<&[String]>,
) -> Result<(), Problem> {
    let host = asked_host(uri, version, headers)?;
    if let (Some(names), Some(host)) = (names, &host)
        && !is_allowed(host.host(), names)
    {
        return Err(misdirected(host.host()));
    }
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_from_here(headers, host.as_ref(), names.unwrap_or_default()) {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross-site",
            "The request comes from a page of another site",
            "only this server's own page may change something from within a browser; a proxy in front must keep the Host \
             header, or its name be allowed with --allow-host",
        ))
    }
}

/// The name and port that were asked for: of the address, as proxies get it, else of the one `Host` that HTTP/1.1 wants.
fn asked_host(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<Option<Authority>, Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) if version < Version::HTTP_11 => return Ok(uri.authority().cloned()),
        _ => return Err(Problem::malformed("a request has one Host header")),
    };
    if let Some(authority) = uri.authority() {
        return Ok(Some(authority.clone()));
    }
    let host = host.to_str().ok().and_then(|host| host.parse().ok());
    host.map(Some).ok_or_else(|| Problem::malformed("the Host header holds no name or address"))
}

/// An address in place of a name is always allowed: nobody can point it elsewhere.
fn is_allowed(host: &str, names: &[String]) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok()
        || names.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
}

/// Whether the request comes from our own page, from the visitor alone, or from no browser at all.
fn is_from_here(headers: &HeaderMap, host: Option<&Authority>, names: &[String]) -> bool {
    let of = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let (site, origin) = (of(FETCH_SITE), of(ORIGIN));
    if site.map_or(origin.is_none(), |site| matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = origin.and_then(|origin| origin.parse::<Uri>().ok()?.into_parts().authority) else {
        return false;
    };
    // Browsers say `Sec-Fetch-Site` to https and localhost only; elsewhere the names tell.
    let same = site.is_none() && host.is_some_and(|host| host == &origin);
    same || names.iter().any(|name| name.eq_ignore_ascii_case(origin.host()))
}

fn misdirected(host: &str) -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "misdirected",
        "The server isn't known by that name",
        format!("this server doesn't answer to {host:?}; if it should, start it with --allow-host {host}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(method: &Method, headers: &[(&'static str, &str)], names: Option<&[&str]>) -> u16 {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        let names: Option<Vec<_>> = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let checked = check(method, &Uri::from_static("/v1/jobs"), Version::HTTP_11, &map, names.as_deref());
        checked.map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn addresses_localhost_and_allowed_names_are_answered_and_others_refused() {
        let names = Some(&["Video.example.org"][..]);
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.0.7",
            "localhost:1",
            "LOCALHOST.",
            "a.localhost:8080",
            "video.example.ORG:443",
        ] {
            assert_eq!(answer(&Method::GET, &[("host", host)], names), 200, "{host}");
        }
        for host in ["evil.example:8080", "127.0.0.1.nip.io", "localhost.evil.example", "evillocalhost", "1.2.3.4.5"] {
            assert_eq!(answer(&Method::GET, &[("host", host)], names), 421, "{host}");
            assert_eq!(answer(&Method::GET, &[("host", host)], None), 200, "{host}");
        }
    }

    #[test]
    fn a_request_has_one_readable_host() {
        assert_eq!(answer(&Method::GET, &[], None), 400);
        assert_eq!(answer(&Method::GET, &[("host", "a"), ("host", "b")], None), 400);
        assert_eq!(answer(&Method::GET, &[("host", "a b")], None), 400);
        let old = check(&Method::GET, &Uri::from_static("/"), Version::HTTP_10, &HeaderMap::new(), Some(&[]));
        assert!(old.is_ok(), "HTTP/1.0 knows no Host");
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let host = ("host", "127.0.0.1:8080");
        for (headers, status) in [
            (&[][..], 200),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")][..], 200),
            (&[("sec-fetch-site", "none")][..], 200),
            (&[("origin", "http://127.0.0.1:8080")][..], 200),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")][..], 403),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:3000")][..], 403),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")][..], 403),
            (&[("origin", "http://evil.example:8080")][..], 403),
            (&[("origin", "http://127.0.0.1:3000")][..], 403),
            (&[("origin", "null")][..], 403),
            (&[("origin", "")][..], 403),
        ] {
            let headers: Vec<_> = headers.iter().copied().chain([host]).collect();
            for method in &[Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
                assert_eq!(answer(method, &headers, Some(&[])), status, "{headers:?}");
            }
            assert_eq!(answer(&Method::GET, &headers, Some(&[])), 200, "reading is left to the browser: {headers:?}");
        }
        let behind_proxy = [("origin", "http://video.example.org"), host];
        assert_eq!(answer(&Method::DELETE, &behind_proxy, Some(&["video.example.org"])), 200);
    }
}
