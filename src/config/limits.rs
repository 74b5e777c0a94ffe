//! The settings that say what is kept, how long, and how patient the server is.

use std::time::Duration;

use super::error::{ConfigError, check_positive};
use super::flags::Flags;

/// What bounds a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The most jobs that may wait.
    pub max_queued: u64,
    /// The wait before a job is tried again for the first time.
    pub retry_delay: Duration,
    /// How often in a row a job may be running when the server crashes, before it is set aside.
    pub max_crashes: u32,
    /// How long ffmpeg may stand still before it is stopped.
    pub stall_timeout: Duration,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// No job is started and no upload taken while less than this is free on the disk, in bytes.
    pub min_free_bytes: u64,
    /// The most bytes of an input that is fetched from another server.
    pub max_input_bytes: u64,
    /// How long jobs that succeeded are kept; `None` for ever.
    pub keep_succeeded: Option<Duration>,
    /// How long jobs that failed are kept; `None` for ever.
    pub keep_failed: Option<Duration>,
    /// How long jobs that were cancelled are kept; `None` for ever.
    pub keep_cancelled: Option<Duration>,
    /// How long uploads are kept that no job needs; `None` for ever.
    pub keep_uploads: Option<Duration>,
    /// The most bytes that an upload may have.
    pub max_upload_bytes: u64,
    /// How many events are kept.
    pub event_history: u64,
}

const WEEK_HOURS: u32 = 7 * 24;
const MONTH_HOURS: u32 = 30 * 24;
const DAY_HOURS: u32 = 24;
const FIFTY_GIB: u64 = 50 * 1024 * 1024 * 1024;

impl Limits {
    pub(super) fn complete(flags: &Flags) -> Result<Self, ConfigError> {
        let positive = |setting, value: Option<u64>, usual: u64| {
            let value = value.unwrap_or(usual);
            check_positive(setting, value).map(|()| value)
        };
        let seconds = |setting, value: Option<u32>, usual: u64| {
            positive(setting, value.map(u64::from), usual).map(Duration::from_secs)
        };
        Ok(Self {
            max_queued: positive("max_queued", flags.max_queued, 100_000)?,
            retry_delay: Duration::from_millis(flags.retry_delay_ms.map_or(5000, u64::from)),
            max_crashes: flags.max_crashes.unwrap_or(5).max(1),
            stall_timeout: seconds("stall_timeout", flags.stall_timeout, 300)?,
            lease: seconds("lease_seconds", flags.lease_seconds, 60)?,
            min_free_bytes: flags.min_free_bytes.unwrap_or(256 * 1024 * 1024),
            max_input_bytes: positive("max_input_bytes", flags.max_input_bytes, 100 << 30)?,
            keep_succeeded: kept(flags.keep_succeeded_hours.unwrap_or(WEEK_HOURS)),
            keep_failed: kept(flags.keep_failed_hours.unwrap_or(MONTH_HOURS)),
            keep_cancelled: kept(flags.keep_cancelled_hours.unwrap_or(WEEK_HOURS)),
            keep_uploads: kept(flags.keep_uploads_hours.unwrap_or(DAY_HOURS)),
            max_upload_bytes: positive("max_upload_bytes", flags.max_upload_bytes, FIFTY_GIB)?,
            event_history: positive("event_history", flags.event_history, 100_000)?,
        })
    }
}

/// 0 is for ever.
fn kept(hours: u32) -> Option<Duration> {
    (hours > 0).then(|| Duration::from_hours(hours.into()))
}
