//! Accepting connections. `axum::serve` sets no timer, so that a client that sends its headers a byte at a time would
//! keep a connection for ever; hyper's own server has one.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::patience::{Answering, Patient};

/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may rest between two requests: longer than the pools of proxies and clients keep theirs, so that
/// it isn't closed under a request.
const REST_TIMEOUT: Duration = Duration::from_mins(2);
/// How long data that was sent may go unread before the connection is given up, in milliseconds.
const UNREAD_TIMEOUT_MS: u32 = 30_000;
/// How long to wait after an accept failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The fewest connections at once, however few files the server may open.
const FEWEST_CONNECTIONS: usize = 16;

/// The most files that are asked for.
const MOST_FILES: u64 = 65_536;

/// How many connections there may be at once: a third of the files that the process may open, whose limit is raised as
/// far as it goes and makes sense. A connection may hold a file that is downloaded besides, and the last third is for the database and
/// ffmpeg. Who comes later waits to be accepted.
#[must_use]
pub fn most_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST_FILES).min(MOST_FILES).max(limit.current.unwrap_or(MOST_FILES));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    let files = if raised.is_ok() { wanted } else { limit.current.unwrap_or(wanted) };
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files / 3).clamp(FEWEST_CONNECTIONS, Semaphore::MAX_PERMITS)
}

/// Serves `router` on `listener` until `stop` is cancelled, then lets the requests that are under way end.
///
/// Dropping the future closes all connections.
pub async fn serve(listener: TcpListener, router: Router, most_connections: usize, stop: CancellationToken) {
    let seats = Arc::new(Semaphore::new(most_connections));
    let graceful = GracefulShutdown::new();
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(REST_TIMEOUT);
    loop {
        let (stream, seat) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &seats) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        prepare(&stream);
        let answering = Answering::default();
        let stream = Patient::new(stream, HEADER_TIMEOUT, answering.clone());
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            answering.set(true);
            let (router, answering) = (router.clone(), answering.clone());
            async move {
                let response = answer(router, request).await;
                answering.set(false);
                Ok::<_, Infallible>(response)
            }
        });
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _seat = seat;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, once there is a seat for it.
async fn accept(listener: &TcpListener, seats: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned();
    let seat = seat.await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, seat))
}

async fn answer(router: Router, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Small events leave at once, and a client that stops reading is dropped by the kernel.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNREAD_TIMEOUT_MS);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    }

    async fn take_answer(stream: &mut TcpStream) {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nhere") {
            answer.push(stream.read_u8().await.unwrap());
        }
    }

    #[tokio::test]
    async fn who_finds_no_seat_waits_for_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let here = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            "here"
        };
        let served = tokio::spawn(serve(listener, Router::new().route("/", get(here)), 1, stop.clone()));
        let (mut first, mut second) =
            (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        ask(&mut second).await;
        // Time enough for the second one's request to be answered, had it a seat.
        for _ in 0..100 {
            ask(&mut first).await;
            take_answer(&mut first).await;
        }
        assert_eq!(answered.load(Ordering::SeqCst), 100);
        drop(first);
        take_answer(&mut second).await;
        drop(second);
        stop.cancel();
        served.await.unwrap();
    }
}
