//! `GET /`: the dashboard, from the binary.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

/// Only what comes from this server, and nothing inline: a title in a video can't become a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page and its parts, by path.
const ASSETS: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("dashboard/index.html")),
    ("/dashboard/app.js", SCRIPT, include_str!("dashboard/app.js")),
    ("/dashboard/board.js", SCRIPT, include_str!("dashboard/board.js")),
    ("/dashboard/feed.js", SCRIPT, include_str!("dashboard/feed.js")),
    ("/dashboard/format.js", SCRIPT, include_str!("dashboard/format.js")),
    ("/dashboard/jobs.js", SCRIPT, include_str!("dashboard/jobs.js")),
    ("/dashboard/row.js", SCRIPT, include_str!("dashboard/row.js")),
    ("/dashboard/style.css", STYLE, include_str!("dashboard/style.css")),
];

/// The routes of the page and its parts.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> impl Iterator<Item = (&'static str, MethodRouter<S>)> {
    ASSETS.iter().map(|&(path, kind, body)| (path, get(move || async move { asset(kind, body) })))
}

fn asset(kind: &'static str, body: &'static str) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Small and served from memory; a new version must not run with an old script.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, body).into_response()
}
