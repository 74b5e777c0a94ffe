//! That a job was asked to stop: by whom, and how it went.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::time::Timestamp;

/// That a job was asked to stop, why and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancellation {
    /// When it was asked.
    pub requested_at: Timestamp,
    /// Who or what asked.
    pub reason: CancelReason,
    /// What ended ffmpeg; `null` until it has ended.
    pub method: Option<CancelMethod>,
    /// Milliseconds from the request until ffmpeg was gone; `null` until then.
    pub drain_ms: Option<u64>,
}

/// Who or what asked a job to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// A client's DELETE.
    Client,
    /// The job's `timeout_seconds`.
    Timeout,
    /// The server's own end; the job goes back to the queue.
    Shutdown,
    /// Nothing moved any more.
    Stalled,
}

/// What ended ffmpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelMethod {
    /// It had not been started, or had ended already.
    NotStarted,
    /// It finished its files when asked on its standard input.
    Quit,
    /// It finished its files after one SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}
