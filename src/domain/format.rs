//! Containers, codecs and what fits into what.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The container of an output. `cmaf` is a folder with an HLS and DASH package, `jpg`, `png` and `webp` are pictures, `vtt`
/// and `srt` subtitles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the formats' own")]
pub enum Container {
    Mp4,
    Mkv,
    Webm,
    Mov,
    Mp3,
    M4a,
    Ogg,
    Flac,
    Wav,
    Cmaf,
    Jpg,
    Png,
    Webp,
    Vtt,
    Srt,
}

/// The codec of an output's video; `copy` keeps the input's stream as it is, `none` leaves video out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the formats' own")]
pub enum VideoCodec {
    H264,
    Hevc,
    Av1,
    Vp9,
    Copy,
    None,
}

/// The codec of an output's audio; `copy` keeps the input's stream as it is, `none` leaves audio out.
///
/// `pcm` is 16-bit little-endian, for `wav`, `mov` and `mkv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the formats' own")]
pub enum AudioCodec {
    Aac,
    Opus,
    Mp3,
    Flac,
    Pcm,
    Copy,
    None,
}

/// How much time an encoder may take for the same quality in fewer bits, on one scale for every encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are x264's own")]
pub enum EncoderSpeed {
    Ultrafast,
    Veryfast,
    Fast,
    #[default]
    Medium,
    Slow,
    Veryslow,
}

use AudioCodec as A;
use VideoCodec as V;

impl Container {
    /// Every container, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Mp4,
        Self::Mkv,
        Self::Webm,
        Self::Mov,
        Self::Mp3,
        Self::M4a,
        Self::Ogg,
        Self::Flac,
        Self::Wav,
        Self::Cmaf,
        Self::Jpg,
        Self::Png,
        Self::Webp,
        Self::Vtt,
        Self::Srt,
    ];

    /// The container that a file name's ending stands for; `None` where it stands for none of ours.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "mp4" | "m4v" => Self::Mp4,
            "mkv" | "mka" => Self::Mkv,
            "webm" => Self::Webm,
            "mov" => Self::Mov,
            "mp3" => Self::Mp3,
            "m4a" => Self::M4a,
            "ogg" | "oga" | "opus" => Self::Ogg,
            "flac" => Self::Flac,
            "wav" => Self::Wav,
            "cmaf" => Self::Cmaf,
            "jpg" | "jpeg" => Self::Jpg,
            "png" => Self::Png,
            "webp" => Self::Webp,
            "vtt" => Self::Vtt,
            "srt" => Self::Srt,
            _ => return None,
        })
    }

    /// The name in JSON, and the usual ending of a file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
            Self::Mov => "mov",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Cmaf => "cmaf",
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Vtt => "vtt",
            Self::Srt => "srt",
        }
    }

    /// The media type for HTTP, given whether the file has video.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Mkv => "video/x-matroska",
            Self::Webm => "video/webm",
            Self::Mov => "video/quicktime",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Cmaf => "application/json",
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Vtt => "text/vtt",
            Self::Srt => "application/x-subrip",
        }
    }

    /// The video codecs that it may hold, the default first; empty for a container of audio only.
    #[must_use]
    pub const fn video_codecs(self) -> &'static [VideoCodec] {
        match self {
            Self::Mp4 | Self::Mkv | Self::Cmaf => &[V::H264, V::Hevc, V::Av1, V::Vp9],
            Self::Webm => &[V::Vp9, V::Av1],
            Self::Mov => &[V::H264, V::Hevc],
            // Sound, pictures, text.
            _ => &[],
        }
    }

    /// The audio codecs that it may hold, the default first.
    #[must_use]
    pub const fn audio_codecs(self) -> &'static [AudioCodec] {
        match self {
            Self::Mp4 => &[A::Aac, A::Opus, A::Mp3, A::Flac],
            Self::Mkv => &[A::Aac, A::Opus, A::Mp3, A::Flac, A::Pcm],
            Self::Webm => &[A::Opus],
            Self::Mov => &[A::Aac, A::Mp3, A::Pcm],
            Self::Mp3 => &[A::Mp3],
            Self::M4a => &[A::Aac],
            Self::Ogg => &[A::Opus, A::Flac],
            Self::Flac => &[A::Flac],
            Self::Wav => &[A::Pcm],
            Self::Cmaf => &[A::Aac, A::Opus, A::Flac],
            Self::Jpg | Self::Png | Self::Webp | Self::Vtt | Self::Srt => &[],
        }
    }

    /// Whether it may hold this video; `copy` is decided by the input and `none` always fits.
    #[must_use]
    pub fn holds_video(self, codec: VideoCodec) -> bool {
        match codec {
            V::None => true,
            // The key frames of a package have to be where its segments begin.
            V::Copy => !self.video_codecs().is_empty() && self != Self::Cmaf,
            codec => self.video_codecs().contains(&codec),
        }
    }

    /// Whether it may hold this audio; `copy` is decided by the input, and only a container of video goes without.
    #[must_use]
    pub fn holds_audio(self, codec: AudioCodec) -> bool {
        match codec {
            A::None => !self.video_codecs().is_empty() || self.audio_codecs().is_empty(),
            A::Copy => !self.audio_codecs().is_empty(),
            codec => self.audio_codecs().contains(&codec),
        }
    }
}

impl Container {
    /// Whether it is one picture.
    #[must_use]
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Jpg | Self::Png | Self::Webp)
    }

    /// Whether it is one text track.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Vtt | Self::Srt)
    }

    /// Whether it may hold several tracks of one kind.
    #[must_use]
    pub const fn holds_many(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mkv | Self::Webm | Self::Mov | Self::M4a | Self::Cmaf)
    }

    /// Whether it may hold subtitles.
    #[must_use]
    pub const fn holds_subtitles(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mkv | Self::Webm | Self::Mov | Self::Cmaf) || self.is_text()
    }

    /// Whether its file can be written so that what is there plays even when the writer is killed.
    #[must_use]
    pub const fn can_be_fragmented(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov | Self::M4a)
    }
}

impl VideoCodec {
    /// The name in JSON; the same as ffmpeg's name of the codec where it is one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::Copy => "copy",
            Self::None => "none",
        }
    }

    /// Whether something is encoded, so that size, quality and speed mean something.
    #[must_use]
    pub const fn encodes(self) -> bool {
        !matches!(self, Self::Copy | Self::None)
    }

    /// The highest CRF that its encoder takes.
    #[must_use]
    pub const fn max_crf(self) -> u8 {
        match self {
            Self::Av1 | Self::Vp9 => 63,
            _ => 51,
        }
    }

    /// The CRF that is used where a request names neither a CRF nor a bitrate: visually good, reasonably small.
    #[must_use]
    pub const fn default_crf(self) -> u8 {
        match self {
            Self::Hevc => 26,
            Self::Av1 => 32,
            Self::Vp9 => 33,
            _ => 23,
        }
    }
}

impl AudioCodec {
    /// The name in JSON; the same as ffmpeg's name of the codec where it is one, but for `pcm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aac => "aac",
            Self::Opus => "opus",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::Pcm => "pcm",
            Self::Copy => "copy",
            Self::None => "none",
        }
    }

    /// Whether something is encoded, so that channels mean something.
    #[must_use]
    pub const fn encodes(self) -> bool {
        !matches!(self, Self::Copy | Self::None)
    }

    /// Whether there is to be sound at all.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether a bitrate can be chosen.
    #[must_use]
    pub const fn has_bitrate(self) -> bool {
        matches!(self, Self::Aac | Self::Opus | Self::Mp3)
    }

    /// Whether its encoder takes so many samples per second.
    #[must_use]
    pub const fn takes_rate(self, hertz: u32) -> bool {
        match self {
            Self::Opus => matches!(hertz, 8_000 | 16_000 | 24_000 | 48_000),
            Self::Mp3 => hertz <= 48_000,
            _ => true,
        }
    }

    /// The most channels that we encode with it.
    #[must_use]
    pub const fn max_channels(self) -> u8 {
        match self {
            Self::Mp3 => 2,
            _ => 8,
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_is_found_by_its_own_ending() {
        for container in Container::ALL {
            assert_eq!(Container::of_name(&format!("a.b.{container}")), Some(container));
            assert_eq!(serde_json::to_value(container).unwrap(), container.name());
        }
        assert_eq!(Container::of_name("mp4"), None);
        assert_eq!(Container::of_name("a.txt"), None);
    }

    #[test]
    fn mp3_does_not_fit_into_webm_and_audio_containers_need_audio() {
        assert!(!Container::Webm.holds_audio(AudioCodec::Mp3));
        assert!(!Container::Mp3.holds_audio(AudioCodec::None));
        assert!(!Container::Mp3.holds_video(VideoCodec::H264));
        assert!(Container::Mp4.holds_video(VideoCodec::Copy));
    }
}
