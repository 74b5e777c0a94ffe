//! Which encoder makes which codec, and how its knobs are set: speed, quality and threads on one scale for all.

use std::collections::BTreeSet;

use crate::domain::format::{AudioCodec, EncoderSpeed as Speed, VideoCodec};
use crate::domain::output::VideoSpec;

/// The encoders that were found to work.
#[derive(Clone, Debug, Default)]
pub(super) struct UsableEncoders(BTreeSet<String>);

impl UsableEncoders {
    /// The encoders of these names, as ffmpeg spells them, e.g. `libx264`.
    pub(super) fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The encoder for video of this size; `None` where none works or nothing is encoded.
    pub(super) fn for_video(&self, codec: VideoCodec, size: (u32, u32)) -> Option<VideoEncoder> {
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

    /// The encoder for audio; `None` where it doesn't work or nothing is encoded.
    pub(super) fn for_audio(&self, codec: AudioCodec) -> Option<&'static str> {
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

/// The video encoders that we know how to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VideoEncoder {
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

    /// Whether it keeps ten bits per colour where the input has as many.
    pub(super) const fn keeps_ten_bits(self) -> bool {
        matches!(self, Self::X265 | Self::SvtAv1 | Self::Aom)
    }

    /// The fewest pixels that a side of the picture may have.
    pub(super) const fn smallest(self) -> u32 {
        match self {
            Self::X265 => 16,
            Self::X264 | Self::SvtAv1 | Self::Aom | Self::Vp9 => 2,
        }
    }

    /// The options for what was asked. `threads` is 0 where the encoder decides.
    pub(super) fn options(self, spec: &VideoSpec, threads: u32) -> Vec<String> {
        let mut options = vec!["-c:v".to_owned(), self.name().to_owned()];
        options.extend(self.speed(spec.speed).iter().map(|&option| option.to_owned()));
        options.extend(self.rate(spec));
        options.extend(self.threads(threads));
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
            Self::X264 | Self::X265 | Self::SvtAv1 => vec!["-crf".to_owned(), crf],
        }
    }

    fn threads(self, threads: u32) -> Vec<String> {
        match (self, threads) {
            // Without `info=0` x265 puts its settings into the file, as two kilobytes of every header.
            (Self::X265, 0) => vec!["-x265-params".to_owned(), "info=0".to_owned()],
            (Self::X265, n) => vec!["-x265-params".to_owned(), format!("info=0:pools={n}")],
            (_, 0) => Vec::new(),
            (Self::SvtAv1, n) => vec!["-svtav1-params".to_owned(), format!("lp={n}")],
            (Self::X264 | Self::Aom | Self::Vp9, n) => vec!["-threads:v".to_owned(), n.to_string()],
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
            (Self::Aom, Speed::Ultrafast) => &["-usage", "realtime", "-cpu-used", "8", "-row-mt", "1", "-g", "240"],
            (Self::Aom, Speed::Veryfast) => &["-usage", "realtime", "-cpu-used", "7", "-row-mt", "1", "-g", "240"],
            (Self::Aom, Speed::Fast) => &["-cpu-used", "6", "-row-mt", "1", "-g", "240"],
            (Self::Aom, Speed::Medium) => &["-cpu-used", "5", "-row-mt", "1", "-g", "240"],
            (Self::Aom, Speed::Slow) => &["-cpu-used", "4", "-row-mt", "1", "-g", "240"],
            (Self::Aom, Speed::Veryslow) => &["-cpu-used", "2", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Ultrafast) => &["-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Veryfast) => &["-deadline", "realtime", "-cpu-used", "6", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Fast) => &["-deadline", "good", "-cpu-used", "5", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Medium) => &["-deadline", "good", "-cpu-used", "3", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Slow) => &["-deadline", "good", "-cpu-used", "2", "-row-mt", "1", "-g", "240"],
            (Self::Vp9, Speed::Veryslow) => &["-deadline", "good", "-cpu-used", "1", "-row-mt", "1", "-g", "240"],
        }
    }
}
