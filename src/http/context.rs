//! What the handlers work with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use crate::domain::preset::Presets;
use crate::domain::time::{SharedClock, Timestamp};
use crate::queue::Queue;
use crate::storage::{Files, Uploads};
use crate::transcode::Transcoder;

/// What the handlers work with, shared by all of them.
#[derive(Clone)]
pub struct Context(Arc<Parts>);

/// The parts of a [`Context`].
pub struct Parts {
    /// The jobs.
    pub queue: Arc<Queue>,
    /// Looks at inputs.
    pub transcoder: Arc<Transcoder>,
    /// Where results and logs are.
    pub files: Arc<Files>,
    /// What clients have uploaded.
    pub uploads: Arc<Uploads>,
    /// How long an upload is kept that nobody uses; `None` for ever.
    pub keep_uploads: Option<Duration>,
    /// The presets that jobs may name.
    pub presets: Presets,
    /// What ffmpeg says of itself.
    pub ffmpeg_version: String,
    /// The encoders that work.
    pub encoders: Vec<String>,
    /// How many jobs run at once.
    pub slots: usize,
    /// Whether jobs may bring raw arguments.
    pub allow_raw_args: bool,
    /// The names under which the server may be asked for; `None` where any will do.
    pub allowed_hosts: Option<Vec<String>>,
    /// The time.
    pub clock: SharedClock,
    /// When the server started.
    pub started_at: Timestamp,
    /// The numbers for Prometheus.
    pub metrics: Metrics,
    /// Cancelled when no more jobs are taken.
    pub draining: CancellationToken,
    /// Cancelled when the event streams are to end, after the last event.
    pub closing: CancellationToken,
}

impl Context {
    /// A context of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Context {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
