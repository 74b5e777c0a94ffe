//! Reading a body of any length into an upload, for as long as bytes come.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::http::problem::Problem;
use crate::storage::Writer;

/// How long nothing may come before the request is ended; how long all of it takes doesn't matter.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// The most pieces of a body that are written at once.
const PIECES: usize = 64;
/// How much of a body that isn't wanted is read, so that its sender sees the answer, and for how long.
const THROWN_AWAY: u64 = 64 * 1024 * 1024;
const THROWING_AWAY: Duration = Duration::from_secs(30);

/// Writes what comes until the body ends. After an error what had come before is written, and the writer is still to be
/// ended.
///
/// # Errors
/// 400 where the body broke off, 408 where nothing came for a while, 503 once `closing` is cancelled, and those of writing.
pub(super) async fn receive<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    writer: &mut Writer,
    closing: &CancellationToken,
) -> Result<(), Problem> {
    receive_within(SILENCE, body, writer, closing).await
}

async fn receive_within<E>(
    silence: Duration,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    writer: &mut Writer,
    closing: &CancellationToken,
) -> Result<(), Problem> {
    let mut pieces = body.ready_chunks(PIECES);
    loop {
        let next = tokio::select! {
            biased;
            () = closing.cancelled() => return Err(stopping()),
            next = timeout(silence, pieces.next()) => next,
        };
        let Some(next) = next.map_err(|_| silent())? else { return Ok(()) };
        let (mut chunks, mut broken) = (Vec::with_capacity(next.len()), false);
        for piece in next {
            match piece {
                Ok(bytes) => chunks.push(bytes),
                Err(_) => broken = true,
            }
        }
        if let Err(error) = writer.write(chunks).await {
            throw_away(pieces.into_inner()).await;
            return Err(error.into());
        }
        if broken {
            return Err(Problem::malformed("the body broke off; what had come by then was kept"));
        }
    }
}

/// The answer to a request of which nothing came for a while.
pub(super) fn silent() -> Problem {
    let detail = "nothing came for 30 seconds; what had come by then was kept, unless nobody knows its name";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The request took too long", detail)
}

fn stopping() -> Problem {
    Problem::unavailable("shutting-down", "the server is shutting down; what had come by then was kept")
}

/// Reads some of a body that isn't wanted: a client that is still sending when the connection is closed never sees the
/// answer.
async fn throw_away<E>(body: impl Stream<Item = Result<Bytes, E>> + Unpin) {
    let mut body = body;
    let mut size = 0;
    let read = async {
        while let Some(Ok(bytes)) = body.next().await
            && size < THROWN_AWAY
        {
            size += bytes.len() as u64;
        }
    };
    // Whoever is too slow for it sees no answer.
    let _ = timeout(THROWING_AWAY, read).await;
}

/// The answer to a request whose body isn't wanted. Its sender has to be done before it sees the answer, unless it waits for
/// leave to send or has so much to send that it won't be.
pub(super) async fn refused(request: Request, problem: Problem) -> Problem {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if !headers.contains_key(EXPECT) && length.is_none_or(|length| length <= THROWN_AWAY) {
        throw_away(request.into_body().into_data_stream()).await;
    }
    problem
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use futures_util::stream;

    use super::*;
    use crate::domain::id::UploadId;
    use crate::domain::time::Timestamp;
    use crate::storage::{NewUpload, Uploads};

    const SHORT: Duration = Duration::from_millis(5);

    fn begun(folder: &tempfile::TempDir) -> (Arc<Uploads>, UploadId) {
        let uploads = Arc::new(Uploads::open(folder.path(), 100, 0).unwrap());
        let (now, id) = (Timestamp::from_millis(1), UploadId::new(Timestamp::from_millis(1), &[0; 10]));
        uploads.create(id, NewUpload { length: Some(9), ..NewUpload::default() }, now).unwrap();
        (uploads, id)
    }

    #[tokio::test]
    async fn silence_and_the_end_of_the_server_end_a_request_and_what_came_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (uploads, id) = begun(&folder);
        let closing = CancellationToken::new();
        for (status, at) in [(408, 3), (503, 3)] {
            let mut writer = uploads.append(id, None, None, None).unwrap();
            let came = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"abc"))]);
            let ended = receive_within(SHORT, came.chain(stream::pending()).boxed(), &mut writer, &closing).await;
            assert_eq!(ended.unwrap_err().status, status);
            writer.close().await.unwrap();
            assert_eq!(uploads.get(id).unwrap().unwrap().received, at);
            closing.cancel();
        }
    }
}
