//! What an output is to be: the fields of a request, and the checked, complete settings that they stand for.

mod audio;
mod package;
mod pictures;
mod rate;
mod resolve;
mod subtitles;
mod tracks;
mod video;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::format::Container;
use super::strict;

pub use audio::{AudioSettings, AudioSpec};
pub use package::{PackageFormat, PackageSettings, PackageSpec, Rung, ladder, video_of};
pub use pictures::{PictureSettings, StoryboardSettings, StoryboardSpec, ThumbnailSettings, Times};
pub use rate::RequestedRate;
pub use resolve::{is_plain_name, resolve_output};
pub use subtitles::SubtitleSettings;
pub use tracks::{NamedTracks, TrackChoice, Tracks, same_language, three_letters};
pub use video::{Aspect, Deinterlace, Fit, Hdr, VideoSettings, VideoSpec};

/// One output of a job, as a client asks for it. What is left out comes from the preset, then from the container.
///
/// Most outputs are one file. `package`, `thumbnails` and `storyboard` make a folder instead; only one of them and `picture`
/// can be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputRequest {
    /// The name of the file or folder: up to 200 bytes of letters, digits, spaces and `._-()+,=@[]{}~!&#'`, not starting with
    /// `-` or `.`.
    #[schema(examples("out.mp4"))]
    pub name: String,
    /// The name of a preset, see `GET /v1/presets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("h264-720p"))]
    pub preset: Option<String>,
    /// The container; by default what the name's ending stands for, else the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The video; by default the container's usual codec.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoSettings>,
    /// The audio; by default the container's usual codec.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioSettings>,
    /// The subtitles; by default none.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub subtitles: Option<SubtitleSettings>,
    /// The part of the input to take; by default all of it.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
    /// Whether a stream that already fits what is asked for is copied instead of encoded; by default `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyPolicy>,
    /// Makes a folder with an HLS and DASH package.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageSettings>,
    /// Which picture, for an output named .jpg, .png or .webp.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureSettings>,
    /// Makes a folder with pictures.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<ThumbnailSettings>,
    /// Makes a folder with sheets of small pictures and a WebVTT file that tells a player where each is.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardSettings>,
}

impl OutputRequest {
    /// The same without some of its fields. What it can't be without stays.
    #[must_use]
    pub fn without(mut self, fields: &[String]) -> Self {
        for field in fields {
            match field.as_str() {
                "video" => self.video = None,
                "audio" => self.audio = None,
                "subtitles" => self.subtitles = None,
                "trim" => self.trim = None,
                _ => {}
            }
        }
        self
    }
}

/// Whether a stream that already fits is copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyPolicy {
    /// Where codec, profile, size, rate and container already fit, stream by stream.
    #[default]
    Auto,
    /// Everything is encoded.
    Never,
}

/// A part of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trim {
    /// Where it starts, in milliseconds from the start of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Where it ends, in milliseconds from the start of the input; by default at the input's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// How exact it is; by default to the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TrimMode>,
}

/// How exact a trim is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrimMode {
    /// To the frame; what is trimmed has to be encoded.
    #[default]
    Exact,
    /// At the key frame before the start, so that streams that fit can be copied: fast, and without loss.
    Keyframe,
}

impl Trim {
    /// Whether it has to be right to the frame.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.mode.unwrap_or_default() == TrimMode::Exact
    }
}

/// One output, checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputSpec {
    /// The name of the file or folder.
    pub name: String,
    /// The preset that it was made from, if any.
    pub preset: Option<String>,
    /// The container.
    pub container: Container,
    /// The video.
    pub video: VideoSpec,
    /// The audio.
    pub audio: AudioSpec,
    /// The subtitles.
    #[serde(default = "no_tracks", skip_serializing_if = "Tracks::is_none")]
    pub subtitles: Tracks,
    /// The part of the input that is taken.
    pub trim: Option<Trim>,
    /// Whether a stream that already fits is copied.
    #[serde(default)]
    pub copy: CopyPolicy,
    /// What kind of thing it is.
    #[serde(default, skip_serializing_if = "Shape::is_file")]
    pub shape: Shape,
}

fn no_tracks() -> Tracks {
    Tracks::Named(NamedTracks::None)
}

/// What kind of thing an output is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A file with sound, moving pictures, subtitles.
    #[default]
    File,
    /// A folder with an HLS and DASH package.
    Package(PackageSpec),
    /// One picture.
    Picture(PictureSettings),
    /// A folder with pictures.
    Thumbnails(Times),
    /// A folder with sheets of small pictures.
    Storyboard(StoryboardSpec),
    /// One track of subtitles.
    Text,
}

impl Shape {
    /// Whether it is a file with sound and moving pictures.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File)
    }

    /// Whether it may have sound.
    #[must_use]
    pub fn has_sound(&self) -> bool {
        matches!(self, Self::File | Self::Package(_))
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Package(_) | Self::Thumbnails(_) | Self::Storyboard(_))
    }

    /// Whether it is made of still pictures.
    #[must_use]
    pub fn is_pictures(&self) -> bool {
        matches!(self, Self::Picture(_) | Self::Thumbnails(_) | Self::Storyboard(_))
    }
}
