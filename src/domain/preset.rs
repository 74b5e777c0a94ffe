//! The built-in presets: named recipes for an output.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::format::{AudioCodec as A, Container, EncoderSpeed, VideoCodec as V};
use super::output::{AudioSettings, VideoSettings};

/// A named recipe for an output. A job may override each of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Preset {
    /// The name that a job uses, e.g. `h264-720p`.
    pub name: &'static str,
    /// What it is good for.
    pub description: &'static str,
    /// The container where the output's name doesn't tell; without it the name has to.
    pub container: Option<Container>,
    /// The video.
    pub video: VideoSettings,
    /// The audio.
    pub audio: AudioSettings,
}

/// A preset as a client reads it.
#[derive(Clone, Debug, Deserialize)]
pub struct PresetListing {
    /// The name that a job uses.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The container where the output's name doesn't tell.
    pub container: Option<Container>,
}

/// The presets that every server has.
pub const BUILT_IN: &[Preset] = &[
    picture("h264-480p", "Plays everywhere, small: H.264 and AAC, at most 854×480", V::H264, 854, 480),
    picture("h264-720p", "Plays everywhere: H.264 and AAC, at most 1280×720", V::H264, 1280, 720),
    picture("h264-1080p", "Plays everywhere, full HD: H.264 and AAC, at most 1920×1080", V::H264, 1920, 1080),
    picture("hevc-1080p", "Full HD in about half the bits: HEVC and AAC, at most 1920×1080", V::Hevc, 1920, 1080),
    Preset {
        name: "av1-720p",
        description: "Smallest files for current browsers: AV1 and Opus, at most 1280×720",
        container: Some(Container::Webm),
        video: VideoSettings { codec: Some(V::Av1), width: Some(1280), height: Some(720), ..NO_VIDEO_SETTINGS },
        audio: sound(A::Opus, 96_000),
    },
    Preset {
        name: "vp9-720p",
        description: "Small files for nearly all browsers: VP9 and Opus, at most 1280×720",
        container: Some(Container::Webm),
        video: VideoSettings { codec: Some(V::Vp9), width: Some(1280), height: Some(720), ..NO_VIDEO_SETTINGS },
        audio: sound(A::Opus, 96_000),
    },
    Preset {
        name: "web-mp4",
        description: "Ready for a web page: H.264 and AAC in the input's size, starts playing before it is loaded",
        container: Some(Container::Mp4),
        video: VideoSettings { codec: Some(V::H264), speed: Some(EncoderSpeed::Fast), ..NO_VIDEO_SETTINGS },
        audio: sound(A::Aac, 128_000),
    },
    audio_only(
        "audio-mp3",
        "Sound only, plays everywhere: MP3, 192 kbit/s stereo",
        Container::Mp3,
        sound(A::Mp3, 192_000),
    ),
    audio_only("audio-aac", "Sound only: AAC, 160 kbit/s stereo", Container::M4a, sound(A::Aac, 160_000)),
    audio_only(
        "audio-opus",
        "Sound only, best for its size: Opus, 96 kbit/s stereo",
        Container::Ogg,
        sound(A::Opus, 96_000),
    ),
    Preset {
        name: "remux",
        description: "Another container for the first video and the first audio: nothing is encoded, so it takes seconds and \
                      no quality",
        container: None,
        video: VideoSettings { codec: Some(V::Copy), ..NO_VIDEO_SETTINGS },
        audio: AudioSettings { codec: Some(A::Copy), bitrate_bps: None, channels: None },
    },
];

/// The preset of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    BUILT_IN.iter().find(|preset| preset.name == name)
}

/// `VideoSettings::default()`, which can't be called in a constant.
const NO_VIDEO_SETTINGS: VideoSettings =
    VideoSettings { codec: None, width: None, height: None, fps: None, crf: None, bitrate_bps: None, speed: None };

const fn picture(name: &'static str, description: &'static str, codec: V, width: u32, height: u32) -> Preset {
    Preset {
        name,
        description,
        container: Some(Container::Mp4),
        video: VideoSettings { codec: Some(codec), width: Some(width), height: Some(height), ..NO_VIDEO_SETTINGS },
        audio: sound(A::Aac, 128_000),
    }
}

const fn audio_only(
    name: &'static str,
    description: &'static str,
    container: Container,
    audio: AudioSettings,
) -> Preset {
    let video = VideoSettings { codec: Some(V::None), ..NO_VIDEO_SETTINGS };
    Preset { name, description, container: Some(container), video, audio }
}

const fn sound(codec: A, bitrate_bps: u64) -> AudioSettings {
    AudioSettings { codec: Some(codec), bitrate_bps: Some(bitrate_bps), channels: Some(2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::output::OutputRequest;
    use crate::domain::resolve::resolve_output;

    #[test]
    fn every_preset_makes_an_output_in_its_own_container() {
        for preset in BUILT_IN {
            let ending = preset.container.unwrap_or(Container::Mkv);
            let request = OutputRequest {
                name: format!("out.{ending}"),
                preset: Some(preset.name.into()),
                ..OutputRequest::default()
            };
            let spec = resolve_output(&request, "").unwrap_or_else(|errors| panic!("{}: {errors:?}", preset.name));
            assert_eq!(spec.container, ending);
        }
    }

    #[test]
    fn names_are_unique() {
        for preset in BUILT_IN {
            assert_eq!(BUILT_IN.iter().filter(|other| other.name == preset.name).count(), 1, "{}", preset.name);
        }
    }
}
