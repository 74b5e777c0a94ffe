//! The transcoder: what a server makes once, and every job goes through.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::domain::failure::{Failure, FailureCode};
use crate::domain::invalid::FieldError;
use crate::domain::media::MediaInfo;
use crate::domain::request::JobSpec;
use crate::domain::time::SharedClock;
use crate::fetch::Fetcher;
use crate::ffmpeg::{ProbeError, Tools, UNREAD_FORMAT};
use crate::storage::{Files, InputError, Inputs};
use crate::transcode::order::{Controls, Observer, Order, Outcome};
use crate::transcode::plan::UsableEncoders;
use crate::transcode::probes::{Probes, Unprobed};
use crate::transcode::run::attempt::Attempt;
use crate::transcode::toolchain::Toolchain;

/// How long ffmpeg may stand still unless something else is said.
const STALL_AFTER: Duration = Duration::from_mins(5);
/// How many inputs are fetched at once only to be looked at.
const MOST_LOOKS: usize = 4;

/// Runs the attempts of all jobs.
#[derive(Debug)]
pub struct Transcoder {
    pub(super) tools: Tools,
    pub(super) encoders: UsableEncoders,
    pub(super) inputs: Inputs,
    pub(super) files: Arc<Files>,
    pub(super) clock: SharedClock,
    pub(super) probes: Probes,
    pub(super) fetcher: Fetcher,
    pub(super) looks: Semaphore,
    pub(super) stall_after: Duration,
    /// Held while what is left of a job is saved.
    pub(super) salvaging: tokio::sync::Mutex<()>,
}

/// Why an input's facts can't be told.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFailure {
    /// The input can't be named like that, isn't there, or can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It can be read, but is no media, or looking at it failed.
    #[error("{0}")]
    Media(Failure),
    /// Whoever asked doesn't wait any more.
    #[error("probing was cancelled")]
    Cancelled,
}

impl Transcoder {
    /// Makes a transcoder that works with `toolchain`.
    #[must_use]
    pub fn new(toolchain: Toolchain, inputs: Inputs, files: Arc<Files>, clock: SharedClock) -> Self {
        let Toolchain { tools, encoders, .. } = toolchain;
        let (encoders, probes) = (UsableEncoders::new(encoders), Probes::new(tools.ffprobe.clone()));
        let (fetcher, looks) = (Fetcher::default(), Semaphore::new(MOST_LOOKS));
        Self {
            tools,
            encoders,
            inputs,
            files,
            clock,
            probes,
            fetcher,
            looks,
            stall_after: STALL_AFTER,
            salvaging: tokio::sync::Mutex::default(),
        }
    }

    /// Stops an ffmpeg that stands still for so long; five minutes unless set.
    #[must_use]
    pub fn stall_after(self, limit: Duration) -> Self {
        Self { stall_after: limit, ..self }
    }

    /// Fetches inputs with `fetcher`; unless set, with one that reaches public addresses only.
    #[must_use]
    pub fn fetch_with(self, fetcher: Fetcher) -> Self {
        Self { fetcher, ..self }
    }

    /// Whether the programs that it needs are still there.
    #[must_use]
    pub fn has_ffmpeg(&self) -> bool {
        self.tools.ffmpeg.exists() && self.tools.ffprobe.exists()
    }

    /// Runs one attempt to its end. Outputs are published only where the outcome says so.
    ///
    /// # Cancel safety
    /// Dropping the future kills ffmpeg and removes what it wrote, unless it was being published already.
    pub async fn run(&self, order: Order<'_>, controls: &Controls, observer: &dyn Observer) -> Outcome {
        Attempt::new(self, order, controls, observer).run().await
    }

    /// Tells what is in an input. Facts are remembered as long as the file stays as it is; an input on another server is
    /// fetched each time, within a minute and up to 2 GiB, and removed again.
    ///
    /// # Errors
    /// [`ProbeFailure`] says why there are no facts.
    ///
    /// # Cancel safety
    /// Dropping the future is the same as cancelling `token`.
    pub async fn probe(&self, token: &CancellationToken, input: &str) -> Result<MediaInfo, ProbeFailure> {
        let input = self.lend(token, input).await?;
        self.facts(token, &input.path).await.map(|facts| facts.as_ref().clone())
    }

    /// What a job asks for that no encoder here makes; `places` says which outputs of the request these are.
    #[must_use]
    pub fn missing_encoders(&self, spec: &JobSpec, places: &[usize]) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut add = |pointer: String, codec: &str| {
            let detail = format!("this server's ffmpeg has no working encoder for {codec}");
            errors.push(FieldError { pointer, detail });
        };
        for (index, output) in places.iter().zip(spec.work.outputs()) {
            let (video, audio) = (output.video.codec, output.audio.codec);
            if video.encodes() && self.encoders.for_video(video, (1280, 720)).is_none() {
                add(format!("/outputs/{index}/video/codec"), video.name());
            }
            if audio.encodes() && self.encoders.for_audio(audio).is_none() {
                add(format!("/outputs/{index}/audio/codec"), audio.name());
            }
        }
        errors
    }

    /// The facts of the file at `path`.
    pub(super) async fn facts(&self, token: &CancellationToken, path: &Path) -> Result<Arc<MediaInfo>, ProbeFailure> {
        self.probes.facts(token, path).await.map_err(|error| match error {
            Unprobed::Probe(ProbeError::Cancelled) => ProbeFailure::Cancelled,
            error => ProbeFailure::Media(unprobed(&error)),
        })
    }
}

/// The failure that a job shows when its input's facts can't be told.
fn unprobed(error: &Unprobed) -> Failure {
    use FailureCode as C;
    match error {
        Unprobed::Empty => Failure::new(C::InputInvalid, "the input is empty"),
        Unprobed::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(C::InputMissing, "the input is gone")
        }
        Unprobed::Io(error) => {
            Failure::new(C::InputUnreadable, format!("the server can't read the input: {}", error.kind()))
        }
        Unprobed::Probe(ProbeError::Unreadable(why)) if why == UNREAD_FORMAT => Failure::new(
            C::InputInvalid,
            "the input's format is none of those that are read here, such as mp4, mkv or mp3",
        ),
        Unprobed::Probe(ProbeError::Unreadable(_)) => {
            Failure::new(C::InputInvalid, "the input is no media file, or a damaged or truncated one")
        }
        Unprobed::Probe(ProbeError::TimedOut(patience)) => Failure::new(
            C::InputInvalid,
            format!("looking at the input took longer than {} s; it may be damaged", patience.as_secs()),
        ),
        Unprobed::Probe(ProbeError::Died(signal)) => {
            Failure::new(C::FfmpegCrashed, format!("ffprobe crashed (signal {signal}); the input may be damaged"))
        }
        Unprobed::Probe(ProbeError::NotStarted(_)) => {
            Failure::new(C::FfmpegMissing, "ffprobe can't be started on this server")
        }
        Unprobed::Probe(ProbeError::Cancelled) => Failure::new(C::Internal, "probing was cancelled"),
    }
}

/// The failure that a job shows when its input can't be found.
pub(super) fn unfound(error: &InputError) -> Failure {
    let code = match error {
        InputError::Missing | InputError::NoUpload => FailureCode::InputMissing,
        InputError::Outside | InputError::Unreadable { .. } | InputError::Incomplete { .. } | InputError::Busy => {
            FailureCode::InputUnreadable
        }
        InputError::NotAFile { .. }
        | InputError::Unsupported { .. }
        | InputError::Elsewhere
        | InputError::Unfetchable { .. }
        | InputError::Odd { .. } => FailureCode::InputInvalid,
    };
    Failure::new(code, error.to_string())
}
