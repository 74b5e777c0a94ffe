//! How much room on the disk the outputs are likely to need: a guess, so that a job that can't fit isn't begun.

use super::{HeldVideo, Make, Part, Planned};
use crate::domain::format::AudioCodec;
use crate::domain::media::MediaInfo;
use crate::domain::output::Shape;

/// What constant quality takes at most in most films, in bits per pixel; half of it is usual.
const BITS_PER_PIXEL: f64 = 0.1;
/// What is assumed where a frame rate isn't known.
const FRAMES_PER_SECOND: f64 = 30.0;
/// Bits per second of lossy audio where no rate is asked for.
const AUDIO_BPS: f64 = 192_000.0;
/// Bits per second of lossless audio: two channels of 24 bits at 48 kHz.
const LOSSLESS_BPS: f64 = 2_304_000.0;

/// Bytes of pictures and text, which are small beside films.
const PICTURES: u64 = 4_000_000;

/// The bytes that `outputs` are likely to need together. Where the length isn't known, each is taken for as large as the
/// input, of `input_bytes`.
pub(in crate::transcode) fn needed(outputs: &[Planned], info: &MediaInfo, input_bytes: u64) -> u64 {
    outputs.iter().map(|output| of_one(output, info, input_bytes)).fold(0, u64::saturating_add)
}

fn of_one(output: &Planned, info: &MediaInfo, input_bytes: u64) -> u64 {
    if output.spec.shape.is_pictures() || output.spec.shape == Shape::Text {
        return PICTURES;
    }
    let Some(length) = output.length else { return input_bytes };
    let seconds = length.expected.as_secs_f64();
    // A stream that is copied is as large as its share of the input, of which all is an upper bound.
    let input_bps = info.duration_ms.filter(|ms| *ms > 0).map_or(0.0, |ms| bits(input_bytes) * 1000.0 / bits_of(ms));
    let bps: f64 = output.parts.iter().map(|part| part_bps(part, output, input_bps)).sum();
    // What is put together afterwards is there twice for a while.
    let times = if output.make == Make::AsItIs { 1.0 } else { 2.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and the cast saturates")]
    let bytes = (bps * seconds * times / 8.0) as u64;
    bytes
}

fn part_bps(part: &Part, output: &Planned, input_bps: f64) -> f64 {
    let video = part.holds.video.as_ref().map_or(0.0, |held| video_bps(held, output, input_bps));
    let copied = part.holds.video.as_ref().is_some_and(|held| !held.encoded);
    let audio: f64 = part.holds.audio.iter().map(|_| audio_bps(output, input_bps, copied)).sum();
    video + audio
}

fn video_bps(held: &HeldVideo, output: &Planned, input_bps: f64) -> f64 {
    match output.spec.video.bitrate_bps {
        _ if !held.encoded => input_bps,
        Some(bitrate) => bits_of(bitrate),
        None => {
            let (width, height) = held.size.unwrap_or((1280, 720));
            let rate = held.rate.map_or(FRAMES_PER_SECOND, crate::domain::media::FrameRate::per_second);
            f64::from(width) * f64::from(height) * rate * BITS_PER_PIXEL
        }
    }
}

fn audio_bps(output: &Planned, input_bps: f64, video_copied: bool) -> f64 {
    match (output.spec.audio.codec, output.spec.audio.bitrate_bps) {
        (AudioCodec::None, _) => 0.0,
        // Counted with the video where that is copied as well.
        (AudioCodec::Copy, _) if video_copied => 0.0,
        (AudioCodec::Copy, _) => input_bps.min(LOSSLESS_BPS),
        (AudioCodec::Flac | AudioCodec::Pcm, _) => LOSSLESS_BPS,
        (_, bitrate) => bitrate.map_or(AUDIO_BPS, bits_of),
    }
}

fn bits(bytes: u64) -> f64 {
    bits_of(bytes) * 8.0
}

#[expect(clippy::cast_precision_loss, reason = "a guess")]
fn bits_of(number: u64) -> f64 {
    number as f64
}
