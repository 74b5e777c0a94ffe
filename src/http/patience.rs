//! How long a client may take to begin and to finish the head of a request.
//!
//! hyper has one limit for both. But a connection that rests between two requests should be kept for longer than the pools
//! of proxies and HTTP clients keep theirs (60 to 90 s): one that is closed under a request that was just sent on it is an
//! error for somebody. A head that was begun, and the first of a connection, is another matter.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Whether a request is being answered on a connection, so that what comes is no head.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Arc<AtomicBool>);

impl Answering {
    /// Begins, or ends.
    pub(super) fn set(&self, answering: bool) {
        self.0.store(answering, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that fails where a head isn't complete in time.
pub(super) struct Patient<T> {
    io: T,
    answering: Answering,
    limit: Duration,
    /// By when the head has to be there. None while nothing has come, but for the first one.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<T> Patient<T> {
    /// A connection on which each head has to be complete within `limit` from its first byte, the first from now.
    pub(super) fn new(io: T, limit: Duration, answering: Answering) -> Self {
        Self { io, answering, limit, deadline: Some(Box::pin(sleep(limit))) }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.answering.get() {
            self.deadline = None;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if self.answering.get() || (read.is_ready() && buf.filled().len() == before) {
            return read;
        }
        if read.is_ready() && self.deadline.is_none() {
            self.deadline = Some(Box::pin(sleep(self.limit)));
        }
        // Looked at even where something was read: a client that sends a byte now and then is still too slow.
        let late = self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
        if late { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { read }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    fn connection(limit: Duration) -> (DuplexStream, Patient<DuplexStream>, Answering) {
        let (client, server) = duplex(1024);
        let answering = Answering::default();
        (client, Patient::new(server, limit, answering.clone()), answering)
    }

    #[tokio::test]
    async fn the_first_head_has_to_come_at_once_and_each_whole() {
        let (_client, mut server, _) = connection(SHORT);
        assert_eq!(server.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let (mut client, mut server, answering) = connection(SHORT);
        answering.set(true);
        client.write_all(b"body").await.unwrap();
        server.read_exact(&mut [0; 4]).await.unwrap();
        answering.set(false);
        client.write_all(b"GET").await.unwrap();
        let mut head = [0; 10];
        assert_eq!(server.read_exact(&mut head).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(&head[..3], b"GET");
    }

    #[tokio::test]
    async fn a_connection_may_rest_between_requests() {
        let (mut client, mut server, answering) = connection(Duration::from_mins(1));
        client.write_all(b"GET").await.unwrap();
        server.read_exact(&mut [0; 3]).await.unwrap();
        assert!(server.deadline.is_some());
        answering.set(true);
        assert!(poll!(Box::pin(server.read_u8())).is_pending());
        answering.set(false);
        assert!(poll!(Box::pin(server.read_u8())).is_pending());
        assert!(server.deadline.is_none(), "nothing of the next head has come");
        client.write_all(b"G").await.unwrap();
        server.read_u8().await.unwrap();
        assert!(server.deadline.is_some());
    }
}
