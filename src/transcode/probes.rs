//! The facts of inputs, asked for once: starting ffprobe costs a tenth of a second of processor time.
//!
//! A file is known again by its path and by what changes when it is written to; whoever asks while ffprobe is at work
//! waits for the same answer.

use std::collections::{HashMap, VecDeque};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::domain::media::MediaInfo;
use crate::ffmpeg::{self, ProbeError};

/// How many files are remembered.
const REMEMBERED: usize = 1024;
/// How long ffprobe may take for one file.
const PATIENCE: Duration = Duration::from_secs(30);

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Key {
    fn of(path: &Path, meta: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

type Cell = Arc<OnceCell<Arc<MediaInfo>>>;

/// The facts of the files that were asked for last.
#[derive(Debug)]
pub(super) struct Probes {
    ffprobe: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    cells: HashMap<Key, Cell>,
    /// The keys, the one that was used longest ago first.
    order: VecDeque<Key>,
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprobed {
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("failed to look at the input: {0}")]
    Io(#[from] io::Error),
    #[error("the input is empty")]
    Empty,
}

impl Probes {
    pub(super) fn new(ffprobe: PathBuf) -> Self {
        Self { ffprobe, known: Mutex::default() }
    }

    /// The facts of the file at `path`.
    ///
    /// # Cancel safety
    /// Dropping the future, or cancelling `token`, leaves the work to whoever else waits for the same file.
    pub(super) async fn facts(&self, token: &CancellationToken, path: &Path) -> Result<Arc<MediaInfo>, Unprobed> {
        let meta = tokio::fs::metadata(path).await?;
        if meta.len() == 0 {
            return Err(Unprobed::Empty);
        }
        let cell = self.known().cell(Key::of(path, &meta));
        // Failures aren't remembered: the next one asks again.
        let facts =
            cell.get_or_try_init(|| async { ffmpeg::probe(token, &self.ffprobe, path, PATIENCE).await.map(Arc::new) });
        tokio::select! {
            biased;
            () = token.cancelled() => Err(ProbeError::Cancelled.into()),
            facts = facts => Ok(Arc::clone(facts?)),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it is held, and it would still be whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn cell(&mut self, key: Key) -> Cell {
        if self.cells.contains_key(&key) {
            self.order.retain(|known| *known != key);
        }
        self.order.push_back(key.clone());
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.cells.remove(&oldest);
            }
        }
        Arc::clone(self.cells.entry(key).or_default())
    }
}
