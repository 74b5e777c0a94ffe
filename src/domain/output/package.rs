//! An HLS and DASH package: one folder, one set of segments for both, a ladder of renditions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::video::VideoSpec;
use crate::domain::format::VideoCodec;
use crate::domain::invalid::FieldErrors;
use crate::domain::media::FrameRate;

/// The most rungs of a ladder.
const MOST_RUNGS: usize = 10;

/// An HLS and DASH package. `video` and `audio` beside it say how its renditions are encoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageSettings {
    /// The manifests that are written over the one set of segments; by default both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<PackageFormat>>,
    /// How long a segment is, 1000 to 20 000; each begins with a key frame. By default 4000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1000, maximum = 20_000)]
    pub segment_ms: Option<u32>,
    /// The renditions, 1 to 10; by default a ladder that suits the input: none larger than it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 10)]
    pub ladder: Option<Vec<Rung>>,
}

/// A manifest of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PackageFormat {
    /// `master.m3u8` and a playlist for each rendition (RFC 8216).
    Hls,
    /// `manifest.mpd` (ISO/IEC 23009-1).
    Dash,
}

/// One rendition of a ladder. One that would be larger than the input is left out, but for the smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The most pixels of the shorter side (the height of a picture in landscape), 16 to 8192.
    #[schema(minimum = 16, maximum = 8192)]
    pub height: u32,
    /// Constant quality; by default the codec's. Not with `bitrate_bps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crf: Option<u8>,
    /// The average bitrate. Not with `crf` and `max_bitrate_bps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<u64>,
    /// A cap on constant quality; by default what suits the size and the codec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bitrate_bps: Option<u64>,
}

/// A package, checked and complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackageSpec {
    /// The manifests.
    pub formats: Vec<PackageFormat>,
    /// How long a segment is, in milliseconds.
    pub segment_ms: u32,
    /// The renditions; empty for the built-in ladder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<Rung>,
}

impl PackageSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self {
            formats: self.formats.or_else(|| base.formats.clone()),
            segment_ms: self.segment_ms.or(base.segment_ms),
            ladder: self.ladder.or_else(|| base.ladder.clone()),
        }
    }

    pub(super) fn complete(self, codec: VideoCodec, at: &str, errors: &mut FieldErrors) -> PackageSpec {
        let formats = self.formats.unwrap_or_else(|| vec![PackageFormat::Hls, PackageFormat::Dash]);
        errors.check(!formats.is_empty(), format!("{at}/formats"), "name \"hls\", \"dash\" or both");
        let segment_ms = self.segment_ms.unwrap_or(4000);
        let fits = (1000..=20_000).contains(&segment_ms);
        errors.check(fits, format!("{at}/segment_ms"), "segment_ms is 1000 to 20000");
        if let Some(ladder) = &self.ladder {
            let fits = (1..=MOST_RUNGS).contains(&ladder.len());
            errors.check(fits, format!("{at}/ladder"), format!("a ladder has 1 to {MOST_RUNGS} rungs"));
            for (index, rung) in ladder.iter().enumerate() {
                rung.check(codec, &format!("{at}/ladder/{index}"), errors);
            }
        }
        PackageSpec { formats, segment_ms, ladder: self.ladder.unwrap_or_default() }
    }
}

impl Rung {
    fn check(&self, codec: VideoCodec, at: &str, errors: &mut FieldErrors) {
        errors.check((16..=8192).contains(&self.height), format!("{at}/height"), "height is 16 to 8192 pixels");
        let most = codec.max_crf();
        let crf = self.crf.is_none_or(|crf| crf <= most);
        errors.check(crf, format!("{at}/crf"), format!("crf is 0 to {most} for {}", codec.name()));
        let one = self.bitrate_bps.is_none() || (self.crf.is_none() && self.max_bitrate_bps.is_none());
        let detail = "give either an average, bitrate_bps, or constant quality with crf and max_bitrate_bps";
        errors.check(one, format!("{at}/bitrate_bps"), detail);
        for (field, rate) in [("bitrate_bps", self.bitrate_bps), ("max_bitrate_bps", self.max_bitrate_bps)] {
            let fits = rate.is_none_or(|rate| (10_000..=500_000_000).contains(&rate));
            errors.check(fits, format!("{at}/{field}"), format!("{field} is 10000 to 500000000 bits per second"));
        }
    }
}

/// The heights of the built-in ladder, and the most bits per second of h264 at 30 frames per second.
const BUILT_IN: [(u32, u64); 7] = [
    (2160, 14_000_000),
    (1440, 8_500_000),
    (1080, 5_000_000),
    (720, 2_800_000),
    (480, 1_400_000),
    (360, 800_000),
    (240, 400_000),
];

/// The renditions for a picture whose sides have these pixels, the largest first: those of `asked`, or of the built-in ladder,
/// that are no larger than it, and where none is, one of its own size.
#[must_use]
pub fn ladder(asked: &[Rung], size: (u32, u32), rate: Option<FrameRate>, codec: VideoCodec) -> Vec<Rung> {
    let short = size.0.min(size.1).max(2);
    let mut rungs: Vec<Rung> = if asked.is_empty() { built_in(short) } else { asked.to_vec() };
    rungs.sort_by_key(|rung| std::cmp::Reverse(rung.height));
    let smallest = rungs.last().copied();
    rungs.retain(|rung| rung.height <= short);
    if rungs.is_empty() {
        rungs.extend(smallest.map(|rung| Rung { height: short, ..rung }));
    }
    for rung in &mut rungs {
        if rung.bitrate_bps.is_none() && rung.max_bitrate_bps.is_none() {
            rung.max_bitrate_bps = Some(cap(rung.height, rate, codec));
        }
    }
    rungs
}

/// The built-in rungs up to this height, and the picture's own size where it is well above the next rung.
fn built_in(short: u32) -> Vec<Rung> {
    let rung = |height| Rung { height, ..Rung::default() };
    let mut rungs: Vec<Rung> =
        BUILT_IN.iter().filter(|(height, _)| *height <= short).map(|(height, _)| rung(*height)).collect();
    let top = rungs.first().map_or(0, |rung| rung.height);
    if u64::from(short) * 10 >= u64::from(top) * 13 && short <= 2160 {
        rungs.insert(0, rung(short));
    }
    rungs
}

/// The most bits per second that suit the height, the frame rate and the codec.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a round number"
)]
fn cap(height: u32, rate: Option<FrameRate>, codec: VideoCodec) -> u64 {
    let above = BUILT_IN.iter().rev().find(|(rung, _)| *rung >= height).unwrap_or(&BUILT_IN[0]);
    let pixels = f64::from(height) / f64::from(above.0);
    let smooth = if rate.is_some_and(|rate| rate.per_second() > 32.0) { 1.5 } else { 1.0 };
    let thrift = match codec {
        VideoCodec::Hevc | VideoCodec::Vp9 => 0.65,
        VideoCodec::Av1 => 0.55,
        VideoCodec::H264 | VideoCodec::Copy | VideoCodec::None => 1.0,
    };
    let rate = above.1 as f64 * pixels.powf(1.6) * smooth * thrift;
    (((rate / 10_000.0).round() * 10_000.0) as u64).max(50_000)
}

/// The video of one rung.
#[must_use]
pub fn video_of(rung: &Rung, video: &VideoSpec, size: (u32, u32), segment_ms: u32) -> VideoSpec {
    let (width, height) = if size.0 < size.1 { (Some(rung.height), None) } else { (None, Some(rung.height)) };
    let crf = rung.crf.or(video.crf).filter(|_| rung.bitrate_bps.is_none());
    VideoSpec {
        width,
        height,
        crf,
        bitrate_bps: rung.bitrate_bps,
        max_bitrate_bps: rung.max_bitrate_bps,
        keyframe_interval_ms: Some(segment_ms),
        ..*video
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heights(asked: &[Rung], size: (u32, u32)) -> Vec<u32> {
        ladder(asked, size, None, VideoCodec::H264).iter().map(|rung| rung.height).collect()
    }

    #[test]
    fn the_built_in_ladder_suits_the_input() {
        for (size, expected) in [
            ((1920, 1080), &[1080, 720, 480, 360, 240][..]),
            ((1080, 1920), &[1080, 720, 480, 360, 240]),
            ((3840, 2160), &[2160, 1440, 1080, 720, 480, 360, 240]),
            ((1280, 1000), &[1000, 720, 480, 360, 240]),
            ((1280, 736), &[720, 480, 360, 240]),
            ((320, 240), &[240]),
            ((160, 120), &[120]),
            ((7680, 4320), &[2160, 1440, 1080, 720, 480, 360, 240]),
        ] {
            assert_eq!(heights(&[], size), expected, "{size:?}");
        }
    }

    #[test]
    fn rungs_above_the_input_are_left_out_but_never_all() {
        let rung = |height| Rung { height, ..Rung::default() };
        assert_eq!(heights(&[rung(360), rung(1080)], (1280, 720)), [360]);
        assert_eq!(heights(&[rung(720), rung(1080)], (640, 480)), [480]);
    }

    #[test]
    fn bitrates_follow_size_rate_and_codec() {
        let of = |height, rate, codec| cap(height, FrameRate::new(rate, 1), codec);
        assert_eq!(of(720, 25, VideoCodec::H264), 2_800_000);
        assert_eq!(of(720, 60, VideoCodec::H264), 4_200_000);
        assert!(of(600, 25, VideoCodec::H264) < 2_800_000 && of(600, 25, VideoCodec::H264) > 1_400_000);
        assert!(of(720, 25, VideoCodec::Av1) < of(720, 25, VideoCodec::Hevc));
    }
}
