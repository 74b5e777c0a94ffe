//! A process's standard input: held for `q`, or fed with the media.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe;
use tokio_util::task::AbortOnDropHandle;

use super::command::Feed;

/// Our end of standard input.
pub(super) enum Stdin {
    /// `/dev/null`, or closed by us.
    Closed,
    /// A pipe for keys.
    Keys(pipe::Sender),
    /// A task that pumps the media into it.
    Fed(Pump),
}

/// The task that feeds the media, and why its source failed.
pub(super) struct Pump {
    task: AbortOnDropHandle<()>,
    error: Arc<Mutex<Option<String>>>,
}

impl Stdin {
    /// Starts to feed where there is something to feed.
    pub(super) fn start(pipe: Option<pipe::Sender>, feed: Option<Feed>) -> Self {
        match (pipe, feed) {
            (None, _) => Self::Closed,
            (Some(pipe), None) => Self::Keys(pipe),
            (Some(pipe), Some(media)) => {
                let error: Arc<Mutex<Option<String>>> = Arc::default();
                let task = tokio::spawn(pump(media, pipe, Arc::clone(&error)));
                Self::Fed(Pump { task: AbortOnDropHandle::new(task), error })
            }
        }
    }

    /// Writes `q`. Whether that was possible.
    pub(super) fn quit(&mut self) -> bool {
        matches!(self, Self::Keys(pipe) if pipe.try_write(b"q").is_ok_and(|written| written == 1))
    }

    /// How many bytes that we wrote nobody has read yet.
    pub(super) fn unread(&self) -> u64 {
        match self {
            Self::Keys(pipe) => rustix::io::ioctl_fionread(pipe).unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether it is the media.
    pub(super) fn is_fed(&self) -> bool {
        matches!(self, Self::Fed(_))
    }

    /// Ends the media: the process reads the end of its input once it has read what is in the pipe.
    pub(super) async fn end_media(&mut self) {
        if let Self::Fed(pump) = self {
            pump.task.abort();
            // The pipe closes when the task is gone.
            let _ = (&mut pump.task).await;
        }
    }

    /// Why the media's source failed.
    pub(super) fn feed_error(&self) -> Option<String> {
        match self {
            Self::Fed(pump) => pump.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            _ => None,
        }
    }
}

async fn pump(mut media: Feed, mut pipe: pipe::Sender, failure: Arc<Mutex<Option<String>>>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match media.read(&mut chunk).await {
            Ok(0) => return,
            Ok(length) => {
                // A process that has read enough closes its end; that is no failure.
                if pipe.write_all(&chunk[..length]).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                return;
            }
        }
    }
}
