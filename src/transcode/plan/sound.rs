//! The sound of an output: its channels, its loudness, its bitrate and the options that make it.

use super::loudness::{Gain, limiter};
use crate::domain::format::AudioCodec;
use crate::domain::media::AudioFacts;
use crate::domain::output::AudioSpec;

/// Brings surround sound to stereo or mono. Dialogue is in the centre: it comes out as loud as left and right, and what is
/// behind at half of that; the usual matrix would leave it 3 dB lower. All codecs get the same level: with samples that are
/// whole numbers the matrix would be turned down until nothing can be too loud, which a limiter sees to instead.
const DOWNMIX: &str = "aresample=clev=1:slev=0.5:rematrix_maxval=1000:internal_sample_fmt=fltp";
/// What channels that were added up may come to, in dB below the most that there can be.
const DOWNMIX_PEAK: f64 = -1.0;

/// The filters up to where the loudness counts: channels and sample layout.
pub(super) fn channel_filters(spec: &AudioSpec, facts: &AudioFacts) -> Vec<String> {
    let channels = channels(spec, facts);
    let Some(layout) = channels.and_then(|channels| layout(spec.codec, channels)) else { return Vec::new() };
    let mut filters = Vec::new();
    if is_downmix(spec, facts) {
        filters.push(DOWNMIX.to_owned());
    }
    // Naming the layout keeps encoders from meeting one that they don't know, such as 5.1(side) for Opus.
    filters.push(format!("aformat=channel_layouts={layout}"));
    filters
}

/// Whether channels are added up.
fn is_downmix(spec: &AudioSpec, facts: &AudioFacts) -> bool {
    facts.channels > 2 && channels(spec, facts).is_some_and(|channels| channels <= 2)
}

/// Options for sound encoded with `encoder` as audio stream `index` of an output.
pub(super) fn options(
    encoder: &str,
    index: usize,
    spec: &AudioSpec,
    facts: &AudioFacts,
    gain: Option<Gain>,
) -> Vec<String> {
    let mut options = vec![format!("-c:a:{index}"), encoder.to_owned()];
    let mut filters = channel_filters(spec, facts);
    match gain {
        None | Some(Gain::None) if is_downmix(spec, facts) => filters.push(limiter(DOWNMIX_PEAK)),
        gain => filters.extend(gain.and_then(Gain::filter)),
    }
    let own = Some(facts.sample_rate_hz).filter(|rate| *rate > 0);
    if gain.is_some_and(Gain::oversamples) {
        // Back to its own rate, or to one that the encoder takes.
        filters.push(format!("aresample={}", own.unwrap_or(48_000)));
    }
    if !filters.is_empty() {
        options.extend([format!("-filter:a:{index}"), filters.join(",")]);
    }
    let channels = channels(spec, facts);
    if spec.codec.has_bitrate() {
        let bitrate = bitrate(spec, channels.unwrap_or(2));
        options.extend([format!("-b:a:{index}"), bitrate.to_string()]);
    }
    if let Some(rate) = sample_rate(spec, own) {
        options.extend([format!("-ar:a:{index}"), rate.to_string()]);
    }
    // Lossy input has no depth of its own, and the deepest would be taken, at half as much space again.
    if spec.codec == AudioCodec::Flac && facts.bit_depth.is_none_or(|bits| bits <= 16) {
        options.extend([format!("-sample_fmt:a:{index}"), "s16".to_owned()]);
    }
    options
}

/// The sample rate to force, where it isn't the input's `own`.
fn sample_rate(spec: &AudioSpec, own: Option<u32>) -> Option<u32> {
    match spec.codec {
        AudioCodec::Opus => Some(spec.sample_rate_hz.unwrap_or(48_000)),
        // These encoders know no higher one and would refuse it.
        AudioCodec::Aac => spec.sample_rate_hz.or(own.filter(|rate| *rate > 96_000).map(|_| 96_000)),
        AudioCodec::Mp3 => spec.sample_rate_hz.or(own.filter(|rate| *rate > 48_000).map(|_| 48_000)),
        _ => spec.sample_rate_hz,
    }
}

/// How many channels come out; `None` where the input's number isn't known and none was asked for.
pub(super) fn channels(spec: &AudioSpec, facts: &AudioFacts) -> Option<u32> {
    let most = u32::from(spec.codec.max_channels());
    let wanted = spec.channels.map(u32::from).or(Some(facts.channels).filter(|&channels| channels > 0));
    wanted.map(|channels| channels.min(most))
}

/// The usual layout of so many channels, of those that the codec knows.
fn layout(codec: AudioCodec, channels: u32) -> Option<&'static str> {
    Some(match channels {
        1 => "mono",
        2 => "stereo",
        3 => "3.0",
        4 if codec == AudioCodec::Aac => "4.0",
        4 => "quad",
        5 => "5.0",
        6 => "5.1",
        7 => "6.1",
        8 => "7.1",
        _ => return None,
    })
}

/// The asked bitrate, else what sounds good: lower for more channels, as they share.
pub(super) fn bitrate(spec: &AudioSpec, channels: u32) -> u64 {
    let channels = u64::from(channels);
    let asked = spec.bitrate_bps.unwrap_or(match (spec.codec, channels) {
        (AudioCodec::Opus, 1) => 64_000,
        (AudioCodec::Opus, 2) => 96_000,
        (AudioCodec::Opus, _) => channels * 42_000,
        (AudioCodec::Mp3, 1) => 128_000,
        (AudioCodec::Mp3, _) => 192_000,
        (_, 1) => 96_000,
        (_, 2) => 160_000,
        (_, _) => (channels * 64_000).min(512_000),
    });
    // libopus refuses more than this instead of using less.
    if spec.codec == AudioCodec::Opus { asked.min(256_000 * channels) } else { asked }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::output::Tracks;

    fn spec(codec: AudioCodec, channels: Option<u8>) -> AudioSpec {
        let tracks = Tracks::default();
        AudioSpec { codec, bitrate_bps: None, channels, sample_rate_hz: None, loudness_lufs: None, tracks }
    }

    fn made(codec: AudioCodec, channels: Option<u8>, input: u32) -> String {
        let facts = AudioFacts { channels: input, sample_rate_hz: 44_100, ..AudioFacts::default() };
        options("enc", 0, &spec(codec, channels), &facts, None).join(" ")
    }

    #[test]
    fn layouts_and_bitrates_suit_the_codec() {
        for (codec, channels, input, expected) in [
            (AudioCodec::Aac, None, 2, "-c:a:0 enc -filter:a:0 aformat=channel_layouts=stereo -b:a:0 160000"),
            (
                AudioCodec::Aac,
                Some(2),
                6,
                "-c:a:0 enc -filter:a:0 aresample=clev=1:slev=0.5:rematrix_maxval=1000:internal_sample_fmt=fltp,aformat=channel_layouts=stereo,alimiter=limit=0.8913:level=disabled:latency=1:asc=1 -b:a:0 160000",
            ),
            (
                AudioCodec::Opus,
                None,
                6,
                "-c:a:0 enc -filter:a:0 aformat=channel_layouts=5.1 -b:a:0 252000 -ar:a:0 48000",
            ),
            (
                AudioCodec::Mp3,
                None,
                6,
                "-c:a:0 enc -filter:a:0 aresample=clev=1:slev=0.5:rematrix_maxval=1000:internal_sample_fmt=fltp,aformat=channel_layouts=stereo,alimiter=limit=0.8913:level=disabled:latency=1:asc=1 -b:a:0 192000",
            ),
            (AudioCodec::Flac, None, 1, "-c:a:0 enc -filter:a:0 aformat=channel_layouts=mono -sample_fmt:a:0 s16"),
            (AudioCodec::Pcm, None, 24, "-c:a:0 enc -filter:a:0 aformat=channel_layouts=7.1"),
            (AudioCodec::Pcm, None, 0, "-c:a:0 enc"),
        ] {
            assert_eq!(made(codec, channels, input), expected);
        }
    }

    #[test]
    fn opus_is_never_asked_for_more_than_it_takes() {
        let spec = AudioSpec { bitrate_bps: Some(512_000), ..spec(AudioCodec::Opus, Some(1)) };
        assert_eq!(bitrate(&spec, 1), 256_000);
    }
}
