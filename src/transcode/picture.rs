//! The video of an output: the size it comes out in, and the options that make it.

use super::encoders::VideoEncoder;
use crate::domain::media::VideoFacts;
use crate::domain::output::VideoSpec;

/// Options for an encoded picture of `size`. `threads` is 0 where the encoder decides.
pub(super) fn options(
    encoder: VideoEncoder,
    spec: &VideoSpec,
    facts: &VideoFacts,
    size: (u32, u32),
    threads: u32,
) -> Vec<String> {
    let mut options = encoder.options(spec, threads);
    if size != shown(facts) {
        // Rounding to even numbers would leave pixels that are a hair's breadth from square; they are meant square.
        let square = "setsar=sar='if(lt(abs(sar-1),0.02),1,sar)'";
        options.extend(["-vf".to_owned(), format!("scale={}:{},{square}", size.0, size.1)]);
    }
    let deep = encoder.keeps_ten_bits() && facts.bit_depth.is_some_and(|bits| bits > 8);
    options.extend(["-pix_fmt".to_owned(), if deep { "yuv420p10le" } else { "yuv420p" }.to_owned()]);
    if let Some(rate) = spec.fps {
        options.extend(["-r".to_owned(), format!("{}/{}", rate.0.numerator, rate.0.denominator)]);
    }
    options
}

/// The size in which players show the input, which is also the one that ffmpeg decodes to: rotation is applied.
pub(super) fn shown(facts: &VideoFacts) -> (u32, u32) {
    if facts.rotation % 180 == 90 { (facts.height, facts.width) } else { (facts.width, facts.height) }
}

/// The size of the output: the input's, fitted into what was asked, with its aspect kept, never enlarged, and even.
pub(super) fn fit(facts: &VideoFacts, spec: &VideoSpec) -> (u32, u32) {
    let (width, height) = shown(facts);
    let (most_wide, most_high) = (spec.width.unwrap_or(u32::MAX), spec.height.unwrap_or(u32::MAX));
    if width == 0 || height == 0 {
        return (width, height);
    }
    if width <= most_wide && height <= most_high {
        return (even(width, most_wide), even(height, most_high));
    }
    // Which side is the tighter one: most_wide / width against most_high / height.
    if u64::from(most_wide) * u64::from(height) <= u64::from(most_high) * u64::from(width) {
        (even(most_wide, most_wide), even(scaled(height, most_wide, width), most_high))
    } else {
        (even(scaled(width, most_high, height), most_wide), even(most_high, most_high))
    }
}

/// `side` × `to` / `from`, rounded; no more than `side`, as nothing is enlarged.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from));
    u32::try_from((side * to + from / 2) / from).unwrap_or(u32::MAX)
}

/// The even number at or below `side` or, where that is odd and there is room, no more than one away.
fn even(side: u32, most: u32) -> u32 {
    (side.min(most) & !1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format::{EncoderSpeed, VideoCodec};

    fn spec(width: Option<u32>, height: Option<u32>) -> VideoSpec {
        let speed = EncoderSpeed::Medium;
        VideoSpec { codec: VideoCodec::H264, width, height, fps: None, crf: None, bitrate_bps: None, speed }
    }

    #[test]
    fn pictures_are_fitted_and_never_enlarged() {
        for ((width, height, rotation), (most_wide, most_high), fitted) in [
            ((1280, 720, 0), (Some(640), Some(640)), (640, 360)),
            ((1280, 720, 0), (Some(854), Some(480)), (852, 480)),
            ((1280, 720, 0), (None, Some(360)), (640, 360)),
            ((1280, 720, 0), (Some(320), None), (320, 180)),
            ((1280, 720, 0), (Some(1920), Some(1080)), (1280, 720)),
            ((1280, 720, 90), (Some(854), Some(480)), (270, 480)),
            ((1280, 720, 270), (None, None), (720, 1280)),
            ((1280, 720, 180), (None, None), (1280, 720)),
            ((321, 241, 0), (None, None), (320, 240)),
            ((1000, 10, 0), (Some(100), None), (100, 2)),
            ((1920, 1080, 0), (Some(1279), Some(719)), (1278, 718)),
            ((1, 1, 0), (None, None), (2, 2)),
            ((0, 0, 0), (Some(100), None), (0, 0)),
        ] {
            let facts = VideoFacts { width, height, rotation, ..VideoFacts::default() };
            assert_eq!(fit(&facts, &spec(most_wide, most_high)), fitted, "{width}x{height} by {rotation}");
        }
    }

    #[test]
    fn ten_bits_are_kept_where_the_encoder_can() {
        let facts = VideoFacts { width: 64, height: 64, bit_depth: Some(10), ..VideoFacts::default() };
        for (encoder, format) in [(VideoEncoder::X264, "yuv420p"), (VideoEncoder::X265, "yuv420p10le")] {
            let options = options(encoder, &spec(None, None), &facts, (64, 64), 0);
            assert!(options.windows(2).any(|pair| pair == ["-pix_fmt", format]), "{options:?}");
            assert!(!options.contains(&"-vf".to_owned()));
        }
    }
}
