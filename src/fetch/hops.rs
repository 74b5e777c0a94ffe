//! One question to the other server, with the redirects behind it.

use std::error::Error;
use std::io;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, StatusCode};
use tokio::time::timeout;

use super::address::Networks;
use super::error::{Break, FetchError, Refused};
use super::patience::Patience;
use super::target::Target;

/// The most redirects in a row.
const MOST_REDIRECTS: usize = 10;

/// Why an answer or a transfer went no further.
#[derive(Debug)]
pub(super) enum Halt {
    /// Asking again helps nothing.
    For(FetchError),
    /// Asking again may help.
    Break(Break),
}

impl<E: Into<FetchError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

/// Asks for `target`, and for what that redirects to. The answer is 200, 206 or 416.
///
/// # Errors
/// What else was answered, or why nothing was.
pub(super) async fn ask(
    client: &Client,
    networks: &Networks,
    patience: &Patience,
    target: &Target,
    headers: HeaderMap,
) -> Result<Response, Halt> {
    let mut target = target.clone();
    for _ in 0..=MOST_REDIRECTS {
        let response = send(client, patience, &target, headers.clone()).await?;
        if !is_redirect(response.status()) {
            return usable(response);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        target = target.follow(location.ok_or(FetchError::Redirect("without saying where to"))?, networks)?;
    }
    Err(FetchError::Redirect("more often than ten times").into())
}

async fn send(client: &Client, patience: &Patience, target: &Target, headers: HeaderMap) -> Result<Response, Halt> {
    let request = client.get(target.url().clone()).headers(headers);
    let request = request.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let request = match target.credentials() {
        // Marked as sensitive by reqwest.
        Some(sent) => request.basic_auth(&sent.user, Some(&sent.password)),
        None => request,
    };
    // The connection has a limit of its own.
    let answer = timeout(patience.connect + patience.silence, request.send()).await;
    answer.map_err(|_| Halt::Break(Break::Silent))?.map_err(|error| unanswered(&error))
}

const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn usable(response: Response) -> Result<Response, Halt> {
    let plain = |value: &HeaderValue| value.as_bytes().is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    match response.status().as_u16() {
        200 | 206 if !response.headers().get_all(CONTENT_ENCODING).iter().all(plain) => Err(FetchError::Encoded.into()),
        200 | 206 | 416 => Ok(response),
        status @ (404 | 410) => Err(FetchError::Missing(status).into()),
        status @ (401 | 403 | 407) => Err(FetchError::Denied(status).into()),
        status @ (408 | 425 | 429 | 500..) => Err(Halt::Break(Break::Busy(status))),
        status => Err(FetchError::Answer(status).into()),
    }
}

/// What to tell of an error of the client, which names the URL and is shown to nobody.
pub(super) fn unanswered(error: &reqwest::Error) -> Halt {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return (*refused).into();
        }
        if is_untrusted(error) {
            return Halt::Break(Break::Untrusted);
        }
        cause = error.source();
    }
    Halt::Break(if error.is_connect() { Break::Unreachable } else { Break::Ended })
}

/// Whether a certificate wasn't good enough. It is inside I/O errors, which don't name what they hold as their source.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
        || held.is_some_and(|held| is_untrusted(held))
}
