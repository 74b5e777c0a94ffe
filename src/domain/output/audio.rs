//! The sound of an output: what a client asks for, and what that comes to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tracks::Tracks;
use crate::domain::format::{AudioCodec, Container};
use crate::domain::invalid::{FieldErrors, names};

/// The sample rates that can be asked for.
const SAMPLE_RATES: [u32; 9] = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

/// The sound of an output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioSettings {
    /// The codec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<AudioCodec>,
    /// Bits per second, 6 000 to 512 000 (mp3: to 320 000); by default what suits the codec and the channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 6_000, maximum = 512_000)]
    pub bitrate_bps: Option<u64>,
    /// The number of channels, 1 to 8 (mp3: to 2); by default the input's, 2 for presets. Surround sound becomes stereo with
    /// its dialogue in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 8)]
    pub channels: Option<u8>,
    /// Samples per second, e.g. 48 000; by default the input's, as far as the codec takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate_hz: Option<u32>,
    /// Brings the sound to this loudness (EBU R128, measured first), -70 to -5 LUFS: -23 for television, -16 or -14 for the
    /// web; by default it stays as loud as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -70, maximum = -5)]
    pub loudness_lufs: Option<f64>,
    /// Which of the input's tracks; by default `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Tracks>,
}

/// The sound of an output, checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AudioSpec {
    /// The codec.
    pub codec: AudioCodec,
    /// Bits per second; without it what suits the codec and the channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<u64>,
    /// The number of channels; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Samples per second; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate_hz: Option<u32>,
    /// The loudness in LUFS; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudness_lufs: Option<f64>,
    /// Which of the input's tracks.
    #[serde(default, skip_serializing_if = "Tracks::is_main")]
    pub tracks: Tracks,
}

impl AudioSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        let other_codec = self.codec.is_some_and(|codec| Some(codec) != base.codec);
        Self {
            codec: self.codec.or(base.codec),
            bitrate_bps: self.bitrate_bps.or(base.bitrate_bps.filter(|_| !other_codec)),
            channels: self.channels.or(base.channels),
            sample_rate_hz: self.sample_rate_hz.or(base.sample_rate_hz),
            loudness_lufs: self.loudness_lufs.or(base.loudness_lufs),
            tracks: self.tracks.or_else(|| base.tracks.clone()),
        }
    }

    /// Completes and checks what was merged with a preset; `asked` is what the client wrote itself. `at` is the JSON pointer
    /// to it.
    pub(super) fn complete(self, asked: &Self, container: Container, at: &str, errors: &mut FieldErrors) -> AudioSpec {
        let codec = self.codec.or(container.audio_codecs().first().copied()).unwrap_or(AudioCodec::None);
        let holds = names(container.audio_codecs().iter().map(|codec| codec.name()));
        errors.check(
            container.holds_audio(codec),
            format!("{at}/codec"),
            match codec {
                AudioCodec::None => format!("{container} holds sound only, so it needs audio"),
                _ if container.audio_codecs().is_empty() => format!("{container} holds no sound; leave \"audio\" out"),
                codec => format!("{container} can't hold {}; it holds {holds}", codec.name()),
            },
        );
        asked.check(codec, at, errors);
        let tracks = self.tracks.unwrap_or_default();
        errors.check(
            !tracks.may_be_many() || container.holds_many(),
            format!("{at}/tracks"),
            format!("{container} holds one track only; choose one"),
        );
        tracks.check(&format!("{at}/tracks"), errors);
        AudioSpec {
            codec,
            bitrate_bps: self.bitrate_bps.filter(|_| codec.has_bitrate()),
            channels: self.channels.filter(|_| codec.encodes()),
            sample_rate_hz: self.sample_rate_hz.filter(|_| codec.encodes()),
            loudness_lufs: self.loudness_lufs.filter(|_| codec.encodes()),
            tracks,
        }
    }

    fn check(&self, codec: AudioCodec, at: &str, errors: &mut FieldErrors) {
        if let Some(rate) = self.bitrate_bps {
            let most = if codec == AudioCodec::Mp3 { 320_000 } else { 512_000 };
            let at = format!("{at}/bitrate_bps");
            if codec.has_bitrate() {
                let fits = (6_000..=most).contains(&rate);
                errors.check(fits, at, format!("bitrate_bps is 6000 to {most} bits per second"));
            } else {
                errors.add(at, format!("a bitrate can't be chosen for {}", codec.name()));
            }
        }
        if let Some(channels) = self.channels {
            let most = codec.max_channels();
            let at = format!("{at}/channels");
            if codec.encodes() {
                let fits = (1..=most).contains(&channels);
                errors.check(fits, at, format!("channels is 1 to {most} for {}", codec.name()));
            } else {
                errors.add(at, format!("channels can't be chosen for {}", codec.name()));
            }
        }
        if let Some(rate) = self.sample_rate_hz {
            let at = format!("{at}/sample_rate_hz");
            let known = names(SAMPLE_RATES.map(|rate| rate.to_string()).iter().map(String::as_str));
            if !codec.encodes() {
                errors.add(at, format!("a rate can't be chosen for {}", codec.name()));
            } else if !SAMPLE_RATES.contains(&rate) {
                errors.add(at, format!("sample_rate_hz is {known}"));
            } else {
                let taken = codec.takes_rate(rate);
                errors.check(taken, at, format!("{} can't have {rate} samples per second", codec.name()));
            }
        }
        if let Some(lufs) = self.loudness_lufs {
            let at = format!("{at}/loudness_lufs");
            if codec.encodes() {
                errors.check((-70.0..=-5.0).contains(&lufs), at, "loudness_lufs is -70 to -5");
            } else {
                errors.add(at, format!("the loudness can't be changed with {}", codec.name()));
            }
        }
    }
}
