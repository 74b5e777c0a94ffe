//! Presets: named recipes for an output, the built-in ones and those of the operator.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::format::{AudioCodec as A, Container as C, EncoderSpeed, VideoCodec as V};
use super::invalid::FieldError;
use super::output::{
    AudioSettings, CopyPolicy, OutputRequest, PackageSettings, StoryboardSettings, SubtitleSettings, ThumbnailSettings,
    VideoSettings, resolve_output,
};
use super::strict;

/// A named recipe for an output. A job may override each of its fields.
///
/// In a file of the operator's it is written like this, without a name, which is that of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The name that a job uses, e.g. `h264-720p`.
    #[serde(default)]
    pub name: String,
    /// What it is good for.
    #[serde(default)]
    pub description: String,
    /// The container where the output's name doesn't tell; without it the name has to.
    #[serde(default)]
    pub container: Option<C>,
    /// The video.
    #[serde(default, deserialize_with = "strict::whole_object")]
    pub video: VideoSettings,
    /// The audio.
    #[serde(default, deserialize_with = "strict::whole_object")]
    pub audio: AudioSettings,
    /// The subtitles.
    #[serde(default, deserialize_with = "strict::whole_object")]
    pub subtitles: SubtitleSettings,
    /// Whether streams that fit are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyPolicy>,
    /// Makes a folder with an HLS and DASH package.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageSettings>,
    /// Makes a folder with pictures.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<ThumbnailSettings>,
    /// Makes a folder with sheets of small pictures.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<StoryboardSettings>,
}

/// A preset as a client reads it, of a server that may know more of it.
#[derive(Clone, Debug, Deserialize)]
pub struct PresetListing {
    /// The name that a job uses.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The container where the output's name doesn't tell.
    pub container: Option<String>,
}

/// The presets that jobs may name.
#[derive(Clone, Debug)]
pub struct Presets(Vec<Preset>);

impl Presets {
    /// Those that every server has.
    #[must_use]
    pub fn built_in() -> Self {
        Self(built_in())
    }

    /// The same and these; one of a built-in name takes its place.
    #[must_use]
    pub fn with(mut self, own: Vec<Preset>) -> Self {
        self.0.retain(|preset| own.iter().all(|other| other.name != preset.name));
        self.0.extend(own);
        self
    }

    /// The preset of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Preset> {
        self.0.iter().find(|preset| preset.name == name)
    }

    /// All of them, the built-in ones first.
    #[must_use]
    pub fn all(&self) -> &[Preset] {
        &self.0
    }
}

impl Preset {
    /// A name for an output that is made from it.
    #[must_use]
    pub fn sample_name(&self) -> String {
        match self.container {
            Some(C::Cmaf) | None if self.package.is_some() => "out".to_owned(),
            _ if self.thumbnails.is_some() || self.storyboard.is_some() => "out".to_owned(),
            Some(container) => format!("out.{container}"),
            None => "out.mkv".to_owned(),
        }
    }

    /// Checks the preset as if a job had asked for all that it holds.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let request = OutputRequest {
            name: self.sample_name(),
            container: self.container.filter(|_| self.package.is_none()),
            video: Some(self.video),
            audio: Some(self.audio.clone()),
            subtitles: Some(self.subtitles.clone()),
            copy: self.copy,
            package: self.package.clone(),
            thumbnails: self.thumbnails.clone(),
            storyboard: self.storyboard,
            ..OutputRequest::default()
        };
        resolve_output(&request, &Presets(Vec::new()), "").map(drop)
    }
}

fn built_in() -> Vec<Preset> {
    [films(), sounds(), pictures(), vec![remux()]].concat()
}

fn films() -> Vec<Preset> {
    vec![
        picture("h264-480p", "Plays everywhere, small: H.264 and AAC, at most 854×480", V::H264, 854, 480),
        picture("h264-720p", "Plays everywhere: H.264 and AAC, at most 1280×720", V::H264, 1280, 720),
        picture("h264-1080p", "Plays everywhere, full HD: H.264 and AAC, at most 1920×1080", V::H264, 1920, 1080),
        picture("hevc-1080p", "Full HD in about half the bits: HEVC and AAC, at most 1920×1080", V::Hevc, 1920, 1080),
        Preset {
            container: Some(C::Webm),
            audio: sound(A::Opus, 96_000),
            ..picture(
                "av1-720p",
                "Smallest files for current browsers: AV1 and Opus, at most 1280×720",
                V::Av1,
                1280,
                720,
            )
        },
        Preset {
            container: Some(C::Webm),
            audio: sound(A::Opus, 96_000),
            ..picture(
                "vp9-720p",
                "Small files for nearly all browsers: VP9 and Opus, at most 1280×720",
                V::Vp9,
                1280,
                720,
            )
        },
        Preset {
            video: VideoSettings { codec: Some(V::H264), speed: Some(EncoderSpeed::Fast), ..VideoSettings::default() },
            ..preset(
                "web-mp4",
                "Ready for a web page: H.264 and AAC in the input's size, starts playing before it is loaded",
                C::Mp4,
                sound(A::Aac, 128_000),
            )
        },
        Preset {
            package: Some(PackageSettings::default()),
            video: VideoSettings { codec: Some(V::H264), ..VideoSettings::default() },
            ..preset(
                "stream-h264",
                "Adaptive streaming for every player: an HLS and DASH package of H.264 and AAC, in a ladder of sizes",
                C::Cmaf,
                sound(A::Aac, 128_000),
            )
        },
    ]
}

fn sounds() -> Vec<Preset> {
    vec![
        audio_only("audio-mp3", "Sound only, plays everywhere: MP3, 192 kbit/s stereo", C::Mp3, sound(A::Mp3, 192_000)),
        audio_only("audio-aac", "Sound only: AAC, 160 kbit/s stereo", C::M4a, sound(A::Aac, 160_000)),
        audio_only(
            "audio-opus",
            "Sound only, best for its size: Opus, 96 kbit/s stereo",
            C::Ogg,
            sound(A::Opus, 96_000),
        ),
        audio_only(
            "podcast",
            "Speech for podcasts: MP3, 96 kbit/s mono, brought to -16 LUFS",
            C::Mp3,
            AudioSettings { channels: Some(1), loudness_lufs: Some(-16.0), ..sound(A::Mp3, 96_000) },
        ),
    ]
}

fn pictures() -> Vec<Preset> {
    vec![
        Preset {
            thumbnails: Some(ThumbnailSettings { count: Some(10), ..ThumbnailSettings::default() }),
            video: VideoSettings { width: Some(640), ..VideoSettings::default() },
            ..preset("thumbnails", "Ten pictures from all over the film, 640 wide", C::Jpg, AudioSettings::default())
        },
        Preset {
            video: VideoSettings { width: Some(1280), ..VideoSettings::default() },
            ..preset("poster", "One picture that isn't black, at most 1280 wide", C::Jpg, AudioSettings::default())
        },
        Preset {
            storyboard: Some(StoryboardSettings::default()),
            ..preset(
                "storyboard",
                "Small pictures for a player's scrub bar: sheets and a WebVTT file",
                C::Jpg,
                AudioSettings::default(),
            )
        },
    ]
}

fn remux() -> Preset {
    Preset {
        name: "remux".to_owned(),
        description:
            "Another container for the first video and the first audio: nothing is encoded, so it takes seconds and \
                      no quality"
                .to_owned(),
        video: VideoSettings { codec: Some(V::Copy), ..VideoSettings::default() },
        audio: AudioSettings { codec: Some(A::Copy), ..AudioSettings::default() },
        ..Preset::default()
    }
}

fn preset(name: &str, description: &str, container: C, audio: AudioSettings) -> Preset {
    Preset {
        name: name.to_owned(),
        description: description.to_owned(),
        container: Some(container),
        audio,
        ..Preset::default()
    }
}

fn picture(name: &str, description: &str, codec: V, width: u32, height: u32) -> Preset {
    let video =
        VideoSettings { codec: Some(codec), width: Some(width), height: Some(height), ..VideoSettings::default() };
    Preset { video, ..preset(name, description, C::Mp4, sound(A::Aac, 128_000)) }
}

fn audio_only(name: &str, description: &str, container: C, audio: AudioSettings) -> Preset {
    let video = VideoSettings { codec: Some(V::None), ..VideoSettings::default() };
    Preset { video, ..preset(name, description, container, audio) }
}

fn sound(codec: A, bitrate_bps: u64) -> AudioSettings {
    AudioSettings { codec: Some(codec), bitrate_bps: Some(bitrate_bps), channels: Some(2), ..AudioSettings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_makes_an_output_in_its_own_container() {
        let presets = Presets::built_in();
        for preset in presets.all() {
            let name = preset.sample_name();
            let request = OutputRequest { name, preset: Some(preset.name.clone()), ..OutputRequest::default() };
            let spec =
                resolve_output(&request, &presets, "").unwrap_or_else(|errors| panic!("{}: {errors:?}", preset.name));
            assert!(preset.container.is_none_or(|container| container == spec.container), "{}", preset.name);
            assert_eq!(preset.check(), Ok(()), "{}", preset.name);
        }
    }

    #[test]
    fn names_are_unique_and_an_own_preset_takes_the_place_of_a_built_in_one() {
        let presets = Presets::built_in();
        for preset in presets.all() {
            assert_eq!(presets.all().iter().filter(|other| other.name == preset.name).count(), 1, "{}", preset.name);
        }
        let own = Preset { description: "ours".into(), ..presets.find("web-mp4").unwrap().clone() };
        let count = presets.all().len();
        let presets = presets.with(vec![own]);
        assert_eq!((presets.all().len(), presets.find("web-mp4").unwrap().description.as_str()), (count, "ours"));
    }

    #[test]
    fn what_is_wrong_with_a_preset_is_told_by_field() {
        let preset: Preset =
            serde_json::from_str(r#"{"container": "webm", "video": {"codec": "h264", "crf": 99}}"#).unwrap();
        let pointers: Vec<String> = preset.check().unwrap_err().into_iter().map(|error| error.pointer).collect();
        assert_eq!(pointers, ["/video/codec", "/video/crf"]);
    }
}
