//! Which encoder makes which codec, and how its knobs are set: speed, quality and threads on one scale for all.

use std::collections::BTreeSet;
use std::time::Duration;

use super::picture::{Carries, Picture};
use crate::domain::format::{AudioCodec, Container, EncoderSpeed as Speed, VideoCodec};
use crate::domain::media::{FrameRate, VideoFacts};
use crate::domain::output::VideoSpec;
use crate::transcode::package::{fixed_key_frames, force_key_frames};

/// The encoders that were found to work.
#[derive(Clone, Debug, Default)]
pub(in crate::transcode) struct UsableEncoders(BTreeSet<String>);

impl UsableEncoders {
    /// The encoders of these names, as ffmpeg spells them, e.g. `libx264`.
    pub(in crate::transcode) fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The encoder for video of this size; `None` where none works or nothing is encoded.
    pub(in crate::transcode) fn for_video(&self, codec: VideoCodec, size: (u32, u32)) -> Option<VideoEncoder> {
        use VideoEncoder::{Aom, SvtAv1, Vp9, X264, X265};
        let candidates: &[VideoEncoder] = match codec {
            VideoCodec::H264 => &[X264],
            VideoCodec::Hevc => &[X265],
            VideoCodec::Vp9 => &[Vp9],
            // SVT-AV1 refuses pictures below 64 pixels.
            VideoCodec::Av1 if size.0.min(size.1) < 64 => &[Aom, SvtAv1],
            VideoCodec::Av1 => &[SvtAv1, Aom],
            VideoCodec::Copy | VideoCodec::None => &[],
        };
        candidates.iter().copied().find(|encoder| self.has(encoder.name()))
    }

    /// Whether pictures of this kind can be made.
    pub(super) fn makes_pictures(&self, container: Container) -> bool {
        // The other two are part of every ffmpeg.
        container != Container::Webp || self.has("libwebp")
    }

    /// The encoder for audio; `None` where it doesn't work or nothing is encoded.
    pub(in crate::transcode) fn for_audio(&self, codec: AudioCodec) -> Option<&'static str> {
        let name = match codec {
            AudioCodec::Aac => "aac",
            AudioCodec::Opus => "libopus",
            AudioCodec::Mp3 => "libmp3lame",
            AudioCodec::Flac => "flac",
            AudioCodec::Pcm => "pcm_s16le",
            AudioCodec::Copy | AudioCodec::None => return None,
        };
        self.has(name).then_some(name)
    }
}

/// How an encoder is to work, beside what was asked of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoding {
    /// Its threads; 0 where it decides.
    pub(super) threads: u32,
    /// Whether key frames come only where they are asked for.
    pub(super) aligned: bool,
}

/// The video encoders that we know how to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transcode) enum VideoEncoder {
    X264,
    X265,
    SvtAv1,
    Aom,
    Vp9,
}

impl VideoEncoder {
    /// ffmpeg's name of it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::X264 => "libx264",
            Self::X265 => "libx265",
            Self::SvtAv1 => "libsvtav1",
            Self::Aom => "libaom-av1",
            Self::Vp9 => "libvpx-vp9",
        }
    }

    /// What it can carry.
    pub(super) const fn carries(self) -> Carries {
        Carries {
            ten_bits: true,
            // Hardly a player shows h264 with ten bits, and few show vp9 with them.
            ten_bits_by_default: matches!(self, Self::X265 | Self::SvtAv1 | Self::Aom),
        }
    }

    /// The fewest pixels that a side of the picture may have.
    pub(super) const fn smallest(self) -> u32 {
        match self {
            Self::X265 => 16,
            Self::X264 | Self::SvtAv1 | Self::Aom | Self::Vp9 => 2,
        }
    }

    /// The options for what was asked.
    pub(super) fn options(self, spec: &VideoSpec, picture: &Picture, facts: &VideoFacts, how: Encoding) -> Vec<String> {
        let mut options = vec!["-c:v".to_owned(), self.name().to_owned()];
        options.extend(self.speed(spec.speed).iter().map(|&option| option.to_owned()));
        options.extend(self.rate(spec));
        if let Some(most) = spec.max_bitrate_bps {
            options.extend(self.cap(spec, most));
        }
        if let Some(interval) = spec.keyframe_interval_ms {
            options.extend(self.key_frames(interval, picture.rate.or(facts.frame_rate), how.aligned));
        } else if matches!(self, Self::Aom | Self::Vp9) {
            // They would go without for minutes.
            options.extend(["-g:v".to_owned(), "240".to_owned()]);
        }
        // The others can't say so of a frame that holds two fields.
        if picture.interlaced && self == Self::X264 {
            options.extend(["-flags:v".to_owned(), "+ilme+ildct".to_owned()]);
            if facts.bottom_field_first {
                options.extend(["-x264-params".to_owned(), "bff=1".to_owned()]);
            }
        }
        if !matches!(self, Self::X265 | Self::SvtAv1) && how.threads > 0 {
            options.extend(["-threads:v".to_owned(), how.threads.to_string()]);
        }
        let private = match self {
            Self::X265 => ("-x265-params", x265_params(picture, facts, how)),
            Self::SvtAv1 if how.threads > 0 => ("-svtav1-params", format!("lp={}", how.threads)),
            Self::SvtAv1 | Self::X264 | Self::Aom | Self::Vp9 => ("", String::new()),
        };
        if !private.1.is_empty() {
            options.extend([private.0.to_owned(), private.1]);
        }
        options
    }

    /// A cap on constant quality.
    fn cap(self, spec: &VideoSpec, most: u64) -> Vec<String> {
        match self {
            Self::X264 | Self::X265 => {
                vec!["-maxrate:v".to_owned(), most.to_string(), "-bufsize:v".to_owned(), (most * 2).to_string()]
            }
            Self::SvtAv1 => vec!["-maxrate:v".to_owned(), most.min(100_000_000).to_string()],
            // With a CRF these two take the bitrate for the most that they may use; it stands in place of the 0 of `rate`.
            Self::Aom | Self::Vp9 if spec.bitrate_bps.is_none() => vec!["-b:v".to_owned(), most.to_string()],
            Self::Aom | Self::Vp9 => Vec::new(),
        }
    }

    /// Key frames at the multiples of so many milliseconds; where they are `aligned`, nowhere else.
    fn key_frames(self, interval_ms: u32, rate: Option<FrameRate>, aligned: bool) -> Vec<String> {
        let interval = Duration::from_millis(interval_ms.into());
        let mut options: Vec<String> = force_key_frames(interval).into();
        // An encoder that heeds that must not make others of its own before; one that doesn't counts frames.
        let usual = FrameRate { numerator: 30, denominator: 1 };
        let reach = if matches!(self, Self::X264 | Self::X265) { interval * 2 } else { interval };
        options.extend(fixed_key_frames(reach, rate.unwrap_or(usual)));
        if aligned && self == Self::X264 {
            options.extend(["-sc_threshold:v".to_owned(), "0".to_owned()]);
        }
        options
    }

    fn rate(self, spec: &VideoSpec) -> Vec<String> {
        if let Some(bitrate) = spec.bitrate_bps {
            // SVT-AV1 refuses more than this instead of using less.
            let bitrate = if self == Self::SvtAv1 { bitrate.min(100_000_000) } else { bitrate };
            return vec!["-b:v".to_owned(), bitrate.to_string()];
        }
        let crf = spec.crf.unwrap_or(spec.codec.default_crf()).to_string();
        match self {
            // Without a bitrate of 0 these two take the CRF for a lower bound of the quality only.
            Self::Aom | Self::Vp9 => vec!["-crf".to_owned(), crf, "-b:v".to_owned(), "0".to_owned()],
            // With 0 it would be lossless and of a profile that hardly a player shows.
            Self::X264 if spec.crf == Some(0) => vec!["-crf".to_owned(), "1".to_owned()],
            Self::X264 | Self::X265 | Self::SvtAv1 => vec!["-crf".to_owned(), crf],
        }
    }

    /// Speed on the encoder's own scale, and what belongs to it.
    const fn speed(self, speed: Speed) -> &'static [&'static str] {
        match (self, speed) {
            (Self::X264 | Self::X265, Speed::Ultrafast) => &["-preset", "ultrafast"],
            (Self::X264 | Self::X265, Speed::Veryfast) => &["-preset", "veryfast"],
            (Self::X264 | Self::X265, Speed::Fast) => &["-preset", "fast"],
            (Self::X264 | Self::X265, Speed::Medium) => &["-preset", "medium"],
            (Self::X264 | Self::X265, Speed::Slow) => &["-preset", "slow"],
            (Self::X264 | Self::X265, Speed::Veryslow) => &["-preset", "veryslow"],
            (Self::SvtAv1, Speed::Ultrafast) => &["-preset", "12"],
            (Self::SvtAv1, Speed::Veryfast) => &["-preset", "10"],
            (Self::SvtAv1, Speed::Fast) => &["-preset", "9"],
            (Self::SvtAv1, Speed::Medium) => &["-preset", "8"],
            (Self::SvtAv1, Speed::Slow) => &["-preset", "6"],
            (Self::SvtAv1, Speed::Veryslow) => &["-preset", "4"],
            (Self::Aom, Speed::Ultrafast) => &["-usage", "realtime", "-cpu-used", "8", "-row-mt", "1"],
            (Self::Aom, Speed::Veryfast) => &["-usage", "realtime", "-cpu-used", "7", "-row-mt", "1"],
            (Self::Aom, Speed::Fast) => &["-cpu-used", "6", "-row-mt", "1"],
            (Self::Aom, Speed::Medium) => &["-cpu-used", "5", "-row-mt", "1"],
            (Self::Aom, Speed::Slow) => &["-cpu-used", "4", "-row-mt", "1"],
            (Self::Aom, Speed::Veryslow) => &["-cpu-used", "2", "-row-mt", "1"],
            (Self::Vp9, Speed::Ultrafast) => &["-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1"],
            (Self::Vp9, Speed::Veryfast) => &["-deadline", "realtime", "-cpu-used", "6", "-row-mt", "1"],
            (Self::Vp9, Speed::Fast) => &["-deadline", "good", "-cpu-used", "5", "-row-mt", "1"],
            (Self::Vp9, Speed::Medium) => &["-deadline", "good", "-cpu-used", "3", "-row-mt", "1"],
            (Self::Vp9, Speed::Slow) => &["-deadline", "good", "-cpu-used", "2", "-row-mt", "1"],
            (Self::Vp9, Speed::Veryslow) => &["-deadline", "good", "-cpu-used", "1", "-row-mt", "1"],
        }
    }
}

/// x265's own parameters. Without `info=0` it puts its settings into the file, as two kilobytes of every header.
fn x265_params(picture: &Picture, facts: &VideoFacts, how: Encoding) -> String {
    let mut params = vec!["info=0".to_owned(), "open-gop=0".to_owned()];
    if how.threads > 0 {
        params.push(format!("pools={}", how.threads));
    }
    if how.aligned {
        params.push("scenecut=0".to_owned());
    }
    if picture.hdr {
        params.extend(["hdr-opt=1".to_owned(), "repeat-headers=1".to_owned()]);
        params.extend(facts.mastering_display.as_ref().map(|display| format!("master-display={display}")));
        params.extend(facts.content_light.as_ref().map(|light| format!("max-cll={light}")));
    }
    params.join(":")
}
