//! One try at a job, and how it can end.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cancellation::{CancelMethod, CancelReason};
use super::record::{JobProgress, Output};
use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;

/// One try at a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended; `null` while it runs.
    pub finished_at: Option<Timestamp>,
    /// How it ended; `null` while it runs.
    pub outcome: Option<AttemptOutcome>,
    /// ffmpeg's exit code, if it ran and exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended ffmpeg, if one did.
    pub signal: Option<i32>,
    /// Why it failed.
    pub error: Option<Failure>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// All outputs were made.
    Succeeded,
    /// It failed; the job may be tried again.
    Failed,
    /// It was stopped for good.
    Cancelled,
    /// The server stopped; the job goes back to the queue, and no attempt is used up.
    Interrupted,
    /// The server crashed under it or lost its lease; the job goes back to the queue, and no attempt is used up.
    Lost,
}

impl AttemptOutcome {
    /// The name in JSON, SQL, metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
        }
    }
}

/// How an attempt ended, with what ffmpeg said of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptEnd {
    /// How it ended.
    pub ending: Ending,
    /// ffmpeg's exit code, if it ran and exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended ffmpeg, if one did.
    pub signal: Option<i32>,
    /// How far it got.
    pub progress: Option<JobProgress>,
}

impl AttemptEnd {
    /// The end of an attempt of which nothing is known but that it is no more.
    #[must_use]
    pub const fn lost() -> Self {
        Self { ending: Ending::Lost, exit_code: None, signal: None, progress: None }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With these outputs, checked and published.
    Succeeded(Vec<Output>),
    /// With a failure, to be tried again where that may help and attempts are left.
    Failed(Failure),
    /// It was stopped.
    Stopped {
        /// Why; by a shutdown, the job goes back to the queue.
        reason: CancelReason,
        /// What ended ffmpeg.
        method: CancelMethod,
        /// Milliseconds from the request until ffmpeg was gone.
        drain_ms: u64,
        /// What was published of it.
        outputs: Vec<Output>,
        /// Why there is less than one could hope for.
        note: Option<Failure>,
    },
    /// Its server crashed, or could not keep its lease.
    Lost,
}
