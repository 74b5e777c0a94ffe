//! What a job would do, as a client reads it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::decision::Decision;
use super::format::Container;
use super::invalid::FieldError;
use super::media::MediaInfo;

/// What a job would do, and everything that is wrong with its request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobPlan {
    /// Whether the job would be taken and its outputs can be made, as far as can be told without running it.
    pub feasible: bool,
    /// What was found in the input; `null` where it can't be read.
    pub input: Option<MediaInfo>,
    /// What would be made, and what was decided for each stream.
    pub outputs: Vec<PlannedOutput>,
    /// What would be run, in this order.
    pub commands: Vec<PlannedCommand>,
    /// Everything that is wrong, by field.
    pub errors: Vec<FieldError>,
}

/// What one output would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedOutput {
    /// Its name.
    pub name: String,
    /// Its container.
    pub container: Container,
    /// How long it would be; `null` where the input doesn't tell.
    pub duration_ms: Option<u64>,
    /// What its files would hold, one entry for each rendition of a package.
    pub holds: Vec<PlannedMedia>,
    /// What becomes of each stream, and why.
    pub decisions: Vec<Decision>,
}

/// What a file would hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedMedia {
    /// The video; `null` where there is none.
    pub video: Option<PlannedVideo>,
    /// Every audio track.
    pub audio: Vec<PlannedAudio>,
    /// How many subtitles.
    pub subtitle_tracks: u32,
}

/// What a video would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedVideo {
    /// The codec; left out for pictures.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub codec: String,
    /// Width in pixels; `null` where the input doesn't tell.
    pub width: Option<u32>,
    /// Height in pixels; `null` where the input doesn't tell.
    pub height: Option<u32>,
    /// Frames per second; `null` where the input doesn't tell.
    pub fps: Option<f64>,
}

/// What a sound would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedAudio {
    /// The codec.
    pub codec: String,
    /// The number of channels; `null` where the input doesn't tell.
    pub channels: Option<u32>,
}

/// A program that would be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedCommand {
    /// What for, e.g. `measure` or `transcode`.
    pub purpose: String,
    /// The program and its arguments. `{output}` and `{scratch}` stand for the job's own folders, `{measured}` for what an
    /// earlier command will have measured; the number of threads is added when the job starts.
    #[schema(examples(json!(["ffmpeg", "-i", "file:clips/in.mov", "file:{output}/.0.mp4"])))]
    pub argv: Vec<String>,
}
