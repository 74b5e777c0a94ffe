//! A job as clients see it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attempt::Attempt;
use super::cancellation::Cancellation;
use super::state::JobState;
use crate::domain::failure::Failure;
use crate::domain::format::Container;
use crate::domain::id::JobId;
use crate::domain::media::MediaSummary;
use crate::domain::output::{AudioSpec, OutputSpec, Trim, VideoSpec};
use crate::domain::request::JobSpec;
use crate::domain::time::Timestamp;

/// How a job runs and what a cancel does to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// No progress; killed at once on cancel, the output is removed.
    Slim,
    /// Live progress; killed at once on cancel, the output is removed.
    Standard,
    /// Live progress; on cancel ffmpeg finishes the file, which is checked and kept.
    #[default]
    Graceful,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// How it runs and how it is stopped.
    pub mode: Mode,
    /// Higher runs earlier.
    pub priority: i32,
    /// The client's own marks.
    pub labels: BTreeMap<String, String>,
    /// What is read, as the client wrote it.
    pub input: String,
    /// The raw arguments, for a job that was submitted with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// The most seconds that one attempt may run.
    pub timeout_seconds: u32,
    /// The most seconds that a graceful stop may take.
    pub grace_seconds: u32,
    /// How often it is tried in all.
    pub max_attempts: u32,
    /// How far the last attempt got; `null` before the first.
    pub progress: Option<JobProgress>,
    /// What it makes, and once it is over what was made.
    pub outputs: Vec<Output>,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
    /// Set once somebody or something asked it to stop.
    pub cancellation: Option<Cancellation>,
    /// Why it failed.
    pub error: Option<Failure>,
    /// It doesn't start before this time: the client's wish, or the pause before it is tried again. `null` for at once.
    #[serde(default)]
    pub run_at: Option<Timestamp>,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When its first attempt started.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

impl Job {
    /// A job that has just been submitted.
    #[must_use]
    pub fn submitted(id: JobId, spec: JobSpec, created_at: Timestamp) -> Self {
        let outputs = spec.work.outputs().iter().map(Output::wanted).collect();
        Self {
            id,
            state: JobState::Queued,
            mode: spec.mode,
            priority: spec.priority,
            labels: spec.labels,
            input: spec.input,
            args: spec.work.into_args(),
            timeout_seconds: spec.timeout_seconds,
            grace_seconds: spec.grace_seconds,
            max_attempts: spec.max_attempts,
            progress: None,
            outputs,
            attempts: Vec::new(),
            cancellation: None,
            error: None,
            run_at: spec.run_at,
            created_at,
            started_at: None,
            finished_at: None,
        }
    }

    /// The attempt that hasn't ended: the one that runs, or stands still while the job is paused.
    #[must_use]
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.finished_at.is_none())
    }
}

/// What an attempt is busy with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking at the input.
    #[default]
    Preparing,
    /// ffmpeg works.
    Transcoding,
    /// The result is read.
    Verifying,
    /// The result is put under its name.
    Publishing,
}

/// How far an attempt got. What isn't known is `null`, never an old or a made-up number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobProgress {
    /// What it is busy with.
    pub phase: Phase,
    /// 0 to 100, never going back; `null` while it can't be known.
    pub percent: Option<f64>,
    /// How much of the output's time is encoded.
    pub out_time_ms: Option<u64>,
    /// Frames encoded.
    pub frame: Option<u64>,
    /// Frames encoded per second.
    pub fps: Option<f64>,
    /// Seconds of output encoded per second.
    pub speed: Option<f64>,
    /// Bits per second of output.
    pub bitrate_bps: Option<u64>,
    /// Bytes written to the first output.
    pub size_bytes: Option<u64>,
    /// Milliseconds until it is likely done.
    pub eta_ms: Option<u64>,
    /// When this was measured.
    pub updated_at: Option<Timestamp>,
}

/// One file that a job makes or has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    /// The file's name.
    pub name: String,
    /// The preset that it was made from, if any.
    pub preset: Option<String>,
    /// The container; `null` for what raw arguments make until it was read.
    pub container: Option<Container>,
    /// The video that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoSpec>,
    /// The audio that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioSpec>,
    /// The part of the input that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// The file's size in bytes, once it is there.
    pub size_bytes: Option<u64>,
    /// The file's SHA-256 in hexadecimal, once it is there.
    pub sha256: Option<String>,
    /// What was found in the file.
    pub media: Option<MediaSummary>,
    /// Whether the file holds only the part that was encoded before a cancel.
    pub partial: bool,
    /// Whether the file was read and found good; `null` while there is no file.
    pub playable: Option<bool>,
    /// Where to download it; `null` while there is no file.
    pub url: Option<String>,
}

/// What isn't written as it is in a URL's path (RFC 3986, all but the unreserved).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

impl Output {
    /// An output that isn't there yet.
    #[must_use]
    pub fn wanted(spec: &OutputSpec) -> Self {
        Self {
            name: spec.name.clone(),
            preset: spec.preset.clone(),
            container: Some(spec.container),
            video: Some(spec.video),
            audio: Some(spec.audio),
            trim: spec.trim,
            size_bytes: None,
            sha256: None,
            media: None,
            partial: false,
            playable: None,
            url: None,
        }
    }

    /// Says where the file, which has been published for `job`, is to be downloaded.
    pub fn publish(&mut self, job: JobId) {
        let name = utf8_percent_encode(&self.name, RESERVED);
        self.url = Some(format!("/v1/jobs/{job}/outputs/{name}"));
    }
}
