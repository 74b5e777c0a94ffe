//! A job as clients see it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attempt::Attempt;
use super::cancellation::Cancellation;
use super::state::JobState;
use crate::domain::decision::Decision;
use crate::domain::failure::Failure;
use crate::domain::format::Container;
use crate::domain::id::JobId;
use crate::domain::input::shown;
use crate::domain::media::MediaSummary;
use crate::domain::output::{AudioSpec, OutputSpec, Shape, Tracks, Trim, VideoSpec};
use crate::domain::request::{JobSpec, Verification};
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
    /// What is read, as the client wrote it; of a URL neither user and password nor the query, which is shown as `?…`.
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
    /// How closely its outputs are checked; left out where their length decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verification>,
    /// Whether what there is of its outputs can be saved after a crash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crash_safe: bool,
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
            input: shown(&spec.input).into_owned(),
            args: spec.work.into_args(),
            timeout_seconds: spec.timeout_seconds,
            grace_seconds: spec.grace_seconds,
            max_attempts: spec.max_attempts,
            verify: spec.verify,
            crash_safe: spec.crash_safe,
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

/// What an attempt is busy with, in this order; not every job has every phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Fetching the input from another server.
    Fetching,
    /// Looking at the input.
    #[default]
    Preparing,
    /// ffmpeg measures: how loud the sound is, when the picture isn't black.
    Analyzing,
    /// ffmpeg works.
    Transcoding,
    /// Parts are put together: segments and manifests, sheets, files that start playing before they are loaded.
    Packaging,
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
    /// Bytes written to the first output; while the input is fetched, bytes of it that are here.
    pub size_bytes: Option<u64>,
    /// Milliseconds until it is likely done.
    pub eta_ms: Option<u64>,
    /// When this was measured.
    pub updated_at: Option<Timestamp>,
}

/// One file or folder that a job makes or has made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Output {
    /// The name of the file or folder.
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
    /// The subtitles that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitles: Option<Tracks>,
    /// The part of the input that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// What kind of thing was asked for; left out for a file of sound and moving pictures.
    #[serde(default, skip_serializing_if = "Shape::is_file")]
    pub shape: Shape,
    /// What was decided for each stream, and why; once the input was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// The size in bytes, of a folder that of its files together, once it is there.
    pub size_bytes: Option<u64>,
    /// The file's SHA-256 in hexadecimal, once it is there; of a folder that of the list that `sha256sum` prints of its files
    /// in the order of their names.
    pub sha256: Option<String>,
    /// How many files a folder holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u32>,
    /// What was found in the file; of a package, in its largest rendition.
    pub media: Option<MediaSummary>,
    /// Whether the file holds only the part that was encoded before a cancel.
    pub partial: bool,
    /// Whether the file was read and found good; `null` while there is no file.
    pub playable: Option<bool>,
    /// Where to download it, or to list the files of a folder; `null` while there is nothing.
    pub url: Option<String>,
    /// Where a player begins to read a folder, by what it reads: `hls`, `dash`, `vtt`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
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
            video: Some(spec.video).filter(|_| spec.shape != Shape::Text),
            audio: Some(spec.audio.clone()).filter(|_| spec.shape.has_sound()),
            subtitles: Some(spec.subtitles.clone()).filter(|tracks| !tracks.is_none()),
            trim: spec.trim,
            shape: spec.shape.clone(),
            decisions: Vec::new(),
            size_bytes: None,
            sha256: None,
            files: None,
            media: None,
            partial: false,
            playable: None,
            url: None,
            links: BTreeMap::new(),
        }
    }

    /// Says where what has been published for `job` is to be downloaded. The links, which name files of the folder until
    /// then, become whole ones.
    pub fn publish(&mut self, job: JobId) {
        let name = utf8_percent_encode(&self.name, RESERVED);
        let url = format!("/v1/jobs/{job}/outputs/{name}");
        for link in self.links.values_mut().filter(|link| !link.starts_with('/')) {
            *link = format!("{url}/{link}");
        }
        self.url = Some(url);
    }
}
