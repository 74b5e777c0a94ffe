//! What has become of one track: a folder of segments, and what a manifest says of them.

use std::time::Duration;

use super::codecs::VideoRange;
use super::fragments::Index;
use super::init::Medium;
use super::plan::Segment;
use crate::domain::media::FrameRate;

/// One rendition of a package.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) struct Rendition {
    /// Its folder inside the package.
    pub(in crate::transcode) folder: String,
    /// The codec, as RFC 6381 names it, e.g. `avc1.64001f`.
    pub(in crate::transcode) codec: String,
    /// What only video, or only audio, has.
    pub(in crate::transcode) facts: Facts,
    /// The highest rate in bits per second, over any run of segments between a half and one and a half times the target
    /// length (RFC 8216, 4.3.4.2).
    pub(in crate::transcode) bandwidth_bps: u64,
    /// The rate of all segments together in bits per second.
    pub(in crate::transcode) average_bps: u64,
    /// The size of the init segment in bytes.
    pub(in crate::transcode) init_bytes: u64,
    /// Ticks per second of the segments' times.
    pub(in crate::transcode) timescale: u32,
    /// The segments, `00001.m4s` first.
    pub(in crate::transcode) segments: Vec<Piece>,
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Piece {
    /// When its first sample is shown, in ticks from the beginning of the package.
    pub(in crate::transcode) start: u64,
    /// How long it lasts, in ticks.
    pub(in crate::transcode) duration: u64,
    /// Its size.
    pub(in crate::transcode) bytes: u64,
}

/// What only video, or only audio, has.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) enum Facts {
    /// Moving pictures.
    Video {
        /// In pixels, as shown.
        width: u32,
        /// In pixels, as shown.
        height: u32,
        /// The rate that was given, or what has been counted.
        frame_rate: FrameRate,
        /// Standard or high dynamic range.
        range: VideoRange,
    },
    /// Sound.
    Audio {
        /// The number of channels.
        channels: u32,
        /// Samples per second.
        sample_rate_hz: u32,
        /// What players show.
        name: String,
        /// The language (RFC 5646), if it is known.
        language: Option<String>,
        /// Whether players begin with it.
        default: bool,
    },
}

impl Rendition {
    /// Ticks of all segments together.
    pub(super) fn ticks(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// When its last sample is over, from the package's beginning.
    pub(super) fn end(&self) -> Duration {
        let start = self.segments.first().map_or(0, |first| first.start);
        ticks(start + self.ticks(), self.timescale)
    }

    /// How long each segment lasts.
    pub(super) fn durations(&self) -> impl Iterator<Item = Duration> {
        self.segments.iter().map(|segment| ticks(segment.duration, self.timescale))
    }
}

/// A number of ticks as a duration; a clock that stands still shows none.
pub(super) fn ticks(ticks: u64, timescale: u32) -> Duration {
    let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Puts the segments' times and sizes together. `sizes` begins with the init segment's.
pub(super) fn pieces(segments: &[Segment], sizes: &[u64]) -> Vec<Piece> {
    let sizes = sizes.iter().skip(1);
    let piece =
        |(segment, bytes): (&Segment, &u64)| Piece { start: segment.start, duration: segment.duration, bytes: *bytes };
    segments.iter().zip(sizes).map(piece).collect()
}

/// The frame rate of what was kept: `given`, or the number of frames over their time.
pub(super) fn frame_rate(index: &Index, given: Option<FrameRate>) -> FrameRate {
    let counted = || {
        let samples: u64 = index.fragments.iter().map(|fragment| u64::from(fragment.samples)).sum();
        let ticks: u64 = index.fragments.iter().map(|fragment| fragment.duration).sum();
        let thousandths = u128::from(samples) * 1000 * u128::from(index.track.timescale) / u128::from(ticks.max(1));
        let thousandths = u32::try_from(thousandths).ok()?;
        let common = (1..=1000).rev().find(|by| thousandths % by == 0 && 1000 % by == 0).unwrap_or(1);
        FrameRate::new(thousandths / common, 1000 / common)
    };
    given.or_else(counted).unwrap_or(FrameRate { numerator: 25, denominator: 1 })
}

/// The facts of a track that the file itself tells.
pub(super) fn facts(index: &Index, words: &super::Words) -> Option<Facts> {
    match (index.track.medium, words) {
        (Medium::Video { width, height, range }, super::Words::Video { frame_rate: given }) => {
            Some(Facts::Video { width, height, range, frame_rate: frame_rate(index, *given) })
        }
        (Medium::Audio { channels, sample_rate_hz }, super::Words::Audio { name, language, default }) => {
            Some(Facts::Audio {
                channels,
                sample_rate_hz,
                name: name.clone(),
                language: language.as_deref().and_then(super::text::language),
                default: *default,
            })
        }
        _ => None,
    }
}

/// The highest and the average rate of the segments, in bits per second, rounded up.
pub(super) fn bandwidth(segments: &[Piece], timescale: u32, target: Duration) -> (u64, u64) {
    let target = target.as_nanos() * u128::from(timescale) / 1_000_000_000;
    let rate = |bytes: u64, duration: u64| {
        let bits = u128::from(bytes) * 8 * u128::from(timescale);
        u64::try_from(bits.div_ceil(u128::from(duration.max(1)))).unwrap_or(u64::MAX)
    };
    let all = segments.iter().fold((0, 0), |sum, segment| (sum.0 + segment.bytes, sum.1 + segment.duration));
    let average = rate(all.0, all.1);
    let mut peak = average;
    for first in 0..segments.len() {
        let mut run = (0, 0);
        for (place, segment) in segments[first..].iter().enumerate() {
            run = (run.0 + segment.bytes, run.1 + segment.duration);
            // One segment that is longer than any run may be still counts.
            if place > 0 && u128::from(run.1) * 2 > target * 3 {
                break;
            }
            if u128::from(run.1) * 2 >= target {
                peak = peak.max(rate(run.0, run.1));
            }
        }
    }
    (peak, average)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(segments: &[(u64, u64)]) -> Vec<Piece> {
        segments.iter().map(|&(duration, bytes)| Piece { start: 0, duration, bytes }).collect()
    }

    #[test]
    fn the_peak_is_that_of_runs_near_the_target() {
        let two = Duration::from_secs(2);
        // A clock of ten ticks a second. A short last segment is no run on its own.
        for (segments, peak, average) in [
            (vec![(20, 1000), (20, 3000), (20, 2000)], 12_000, 8000),
            (vec![(20, 1000), (5, 1000)], 6400, 6400),
            (vec![(40, 4000), (20, 1000)], 8000, 6667),
            (vec![(10, 1000), (10, 3000), (10, 3000), (10, 0)], 24_000, 14_000),
            (vec![(5, 100)], 1600, 1600),
            (vec![], 0, 0),
        ] {
            assert_eq!(bandwidth(&pieces(&segments), 10, two), (peak, average), "{segments:?}");
        }
    }
}
