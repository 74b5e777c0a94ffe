//! Why a job failed: the stable codes that clients may rely on.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a job failed. The codes are stable; new ones may come, none changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The input isn't there any more.
    InputMissing,
    /// The input may not be read by the server.
    InputUnreadable,
    /// The input is no media that can be decoded: text, an empty file, a damaged or truncated one.
    InputInvalid,
    /// The input lacks a stream that an output needs, such as audio for an mp3.
    StreamMissing,
    /// A stream can't be copied into the output's container.
    CopyImpossible,
    /// An output is to start, or a picture to be taken, where the input has ended already.
    TrimBeyondEnd,
    /// The server's ffmpeg can't encode what was asked.
    EncoderUnavailable,
    /// ffmpeg refused the given `args`.
    ArgsInvalid,
    /// ffmpeg ended with an error that fits none of the other codes.
    FfmpegFailed,
    /// ffmpeg crashed.
    FfmpegCrashed,
    /// ffmpeg can't be started.
    FfmpegMissing,
    /// Somebody else ended ffmpeg by a signal; often the system for want of memory.
    Killed,
    /// There wasn't enough memory.
    OutOfMemory,
    /// The disk is full.
    DiskFull,
    /// The result isn't what was asked: a stream is missing, it is too short, it can't be read.
    OutputInvalid,
    /// It took longer than `timeout_seconds`.
    Timeout,
    /// ffmpeg stood still for too long: no progress, no work, no output.
    Stalled,
    /// Reading the input or writing the outputs failed in a way that may pass.
    IoError,
    /// It took the server down, or was running when it went down, again and again; it is set aside.
    CrashLoop,
    /// The server's disk or another part of it failed; its log has more.
    Internal,
}

impl FailureCode {
    /// Whether the same job may well succeed when it is tried again.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::FfmpegMissing | Self::Killed | Self::OutOfMemory | Self::DiskFull | Self::IoError | Self::Internal
        )
    }
}

/// A failure, as a job shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The stable code.
    pub code: FailureCode,
    /// What happened, for people; never raw tool output.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl Failure {
    /// A failure whose code decides whether trying again may help.
    #[must_use]
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.retryable() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
