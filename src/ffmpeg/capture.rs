//! Runs a tool for what it prints: ffprobe's facts, a version, a list.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::command::Command;
use super::readers::Stdout;
use super::report::Report;
use super::run::{Mode, run};

/// The most that is kept of what a tool prints.
const LIMIT: usize = 8 * 1024 * 1024;

/// Runs `command` for at most `timeout` and returns what became of it and what it printed.
///
/// Cancel safety: dropping the future kills the process.
pub(super) async fn capture(token: &CancellationToken, command: Command, timeout: Duration) -> (Report, Vec<u8>) {
    let mode = Mode { graceful: false, stdout: Stdout::Keep(LIMIT), monitor: None };
    run(token, command.timeout(timeout), mode).await
}
