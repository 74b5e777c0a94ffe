//! Brings an input within reach: finds it in a media folder, or fetches it from another server.
//!
//! An attempt fetches into its scratch space, and whoever only wants to look at an input into a folder that goes at once.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::domain::failure::{Failure, FailureCode};
use crate::domain::input::is_web;
use crate::domain::job::{CancelReason, Phase};
use crate::domain::request::Work;
use crate::fetch::{FetchError, Refused, Target};
use crate::storage::{Claim, InputError, Temporary, Workspace};
use crate::transcode::plan::raw;
use crate::transcode::run::attempt::{Attempt, Halt, blocking, disk_failure};
use crate::transcode::run::meter::Meter;
use crate::transcode::transcoder::{ProbeFailure, Transcoder, unfound};

/// How long fetching may take for somebody who only wants to look, and waits for it.
const LOOK: Duration = Duration::from_mins(1);
/// The most bytes that are fetched for that.
const LOOK_BYTES: u64 = 2 << 30;

/// An input within reach of an attempt.
pub(super) struct Brought {
    pub(super) path: PathBuf,
    /// How much of the attempt's time was needed for that.
    pub(super) took: Duration,
    /// How much was fetched; `None` where it was here.
    pub(super) fetched: Option<u64>,
}

/// An input within reach of somebody who only looks.
pub(super) struct Lent {
    pub(super) path: PathBuf,
    /// Removed once nobody looks any more.
    _fetched: Option<Temporary>,
}

impl Attempt<'_> {
    /// Brings the input within reach, and lets the attempt begin to prepare.
    pub(super) async fn bring(&self, workspace: &Workspace, meter: &mut Meter<'_>) -> Result<Brought, Halt> {
        let input = &self.order.spec.input;
        let stopped = async {
            tokio::select! {
                () = self.controls.stop.cancelled() => {}
                () = self.controls.kill.cancelled() => {}
            }
        };
        if !is_web(input) {
            meter.enter(Phase::Preparing);
            return tokio::select! {
                biased;
                () = stopped => Err(Halt::Stopped),
                found = self.transcoder.inputs.find(input) => {
                    let path = found.map_err(|error| unfound(&error))?;
                    Ok(Brought { path, took: Duration::ZERO, fetched: None })
                }
            };
        }
        let brought = tokio::select! {
            biased;
            () = stopped => Err(Halt::Stopped),
            brought = self.fetch(input, workspace, meter) => brought,
        };
        meter.enter(Phase::Preparing);
        brought
    }

    async fn fetch(&self, input: &str, workspace: &Workspace, meter: &mut Meter<'_>) -> Result<Brought, Halt> {
        let fetcher = &self.transcoder.fetcher;
        let target = fetcher.target(input).map_err(|refused| unfetched(&refused.into()))?;
        let path = place(workspace.scratch(), &target);
        if let Work::Args(args) = &self.order.spec.work
            && !raw::reads_input(args)
        {
            return Ok(Brought { path, took: Duration::ZERO, fetched: None });
        }
        meter.enter(Phase::Fetching);
        let mut tell = |bytes, _| meter.fetched(bytes);
        let limit = Duration::from_secs(self.order.spec.timeout_seconds.into());
        let fetch = fetcher.fetch(&target, &path, u64::MAX, &mut tell);
        let (done, took) = within(limit, self.controls.paused.clone(), fetch).await;
        let Some(done) = done else {
            // Fails only where somebody else gave a reason in the same moment, which is then as good.
            let _ = self.controls.reason.set(CancelReason::Timeout);
            return Err(Halt::Stopped);
        };
        let bytes = done.map_err(|error| unfetched(&error))?;
        Ok(Brought { path, took, fetched: Some(bytes) })
    }
}

impl Transcoder {
    /// Checks an input as far as that goes without asking another server: one here has to be there, and stays until the
    /// claim is dropped; the URL of one elsewhere has to be right, and an address in it one that may be reached.
    ///
    /// # Errors
    /// [`InputError`] says what is wrong with it.
    pub async fn claim_input(&self, input: &str) -> Result<Option<Claim>, InputError> {
        if is_web(input) {
            let target = self.fetcher.target(input);
            return target.map(|_| None).map_err(|refused| InputError::Unfetchable { why: refused.to_string() });
        }
        self.inputs.claim(input).await.map(Some)
    }

    /// Brings an input within reach for somebody who only looks and waits for it: within a minute, and no more than 2 GiB.
    pub(super) async fn lend(&self, token: &CancellationToken, input: &str) -> Result<Lent, ProbeFailure> {
        if !is_web(input) {
            return Ok(Lent { path: self.inputs.find(input).await?, _fetched: None });
        }
        let fetched = token.run_until_cancelled(timeout(LOOK, self.fetch_to_look(input))).await;
        let fetched = fetched.ok_or(ProbeFailure::Cancelled)?;
        fetched.unwrap_or_else(|_| {
            let seconds = LOOK.as_secs();
            let why =
                format!("fetching the input takes longer than {seconds} s, which is too long for a look; submit a job");
            Err(InputError::Unfetchable { why }.into())
        })
    }

    async fn fetch_to_look(&self, input: &str) -> Result<Lent, ProbeFailure> {
        let refused = |refused: Refused| InputError::Unfetchable { why: refused.to_string() };
        let target = self.fetcher.target(input).map_err(refused)?;
        // Never closed, and if it were, nobody would be left to be kept away.
        let _turn = self.looks.acquire().await;
        let files = Arc::clone(&self.files);
        let folder = blocking(move || files.temporary()).await;
        let folder = folder.map_err(|error| ProbeFailure::Media(disk_failure("make room for an input", &error)))?;
        let path = place(folder.path(), &target);
        let fetched = self.fetcher.fetch(&target, &path, LOOK_BYTES, &mut |_, _| {}).await;
        fetched.map_err(|error| unseen(&error))?;
        Ok(Lent { path, _fetched: Some(folder) })
    }
}

/// Some formats are known by the end of their name only.
fn place(folder: &Path, target: &Target) -> PathBuf {
    let file = folder.join("fetched");
    target.extension().map_or_else(|| file.clone(), |extension| file.with_extension(extension))
}

/// Runs `work` for at most `limit`, and says how long that took. While it stands still neither goes on.
async fn within<T>(
    limit: Duration,
    mut paused: watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> (Option<T>, Duration) {
    let mut work = pin!(work);
    let mut took = Duration::ZERO;
    loop {
        // Where nobody is left to let it go on, it goes on.
        let still = *paused.borrow_and_update() && paused.has_changed().is_ok();
        let began = Instant::now();
        let ended = tokio::select! {
            biased;
            done = &mut work, if !still => Some(Some(done)),
            () = sleep(limit.saturating_sub(took)), if !still => Some(None),
            Ok(()) = paused.changed() => None,
            else => None,
        };
        if !still {
            took += began.elapsed();
        }
        if let Some(ended) = ended {
            return (ended, took);
        }
    }
}

/// The failure of a job whose input can't be fetched.
fn unfetched(error: &FetchError) -> Failure {
    use FailureCode as C;
    let code = match error {
        FetchError::Refused(Refused::Odd(_))
        | FetchError::Answer(_)
        | FetchError::Encoded
        | FetchError::TooLarge { .. } => C::InputInvalid,
        FetchError::Refused(Refused::Forbidden) | FetchError::Redirect(_) | FetchError::Denied(_) => C::InputUnreadable,
        FetchError::Missing(_) => C::InputMissing,
        FetchError::NoRoom => C::DiskFull,
        FetchError::Broken(_) => C::IoError,
        FetchError::Disk(error) => return disk_failure("write an input that was fetched", error),
        FetchError::Client => C::Internal,
    };
    Failure::new(code, error.to_string())
}

/// What to tell somebody who only wanted to look.
fn unseen(error: &FetchError) -> ProbeFailure {
    let failure = unfetched(error);
    if failure.retryable {
        ProbeFailure::Media(failure)
    } else {
        ProbeFailure::Input(InputError::Unfetchable { why: failure.message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn neither_work_nor_time_goes_on_while_it_is_paused() {
        let (pause, paused) = watch::channel(true);
        let resumed = std::cell::Cell::new(false);
        let work = within(Duration::ZERO, paused, async { resumed.get() });
        let steer = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            resumed.set(true);
            pause.send_replace(false);
        };
        let ((done, _), ()) = tokio::join!(work, steer);
        assert_eq!(done, Some(true));
    }

    #[tokio::test]
    async fn what_takes_too_long_ends_and_what_nobody_can_resume_goes_on() {
        let alone = || watch::channel(true).1;
        assert_eq!(within(Duration::ZERO, alone(), std::future::pending::<()>()).await.0, None);
        assert_eq!(within(Duration::from_secs(9), alone(), std::future::ready(1)).await.0, Some(1));
    }
}
