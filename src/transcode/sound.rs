//! The audio of an output: its channels, its bitrate and the options that make it.

use crate::domain::format::AudioCodec;
use crate::domain::media::AudioFacts;
use crate::domain::output::AudioSpec;

/// Options for sound encoded with `encoder`.
pub(super) fn options(encoder: &str, spec: AudioSpec, facts: &AudioFacts) -> Vec<String> {
    let mut options = vec!["-c:a".to_owned(), encoder.to_owned()];
    let channels = channels(spec, facts);
    if let Some(layout) = channels.and_then(|channels| layout(spec.codec, channels)) {
        // Naming the layout keeps encoders from meeting one that they don't know, such as 5.1(side) for Opus.
        options.extend(["-af".to_owned(), format!("aformat=channel_layouts={layout}")]);
    }
    if spec.codec.has_bitrate() {
        let bitrate = bitrate(spec, channels.unwrap_or(2));
        options.extend(["-b:a".to_owned(), bitrate.to_string()]);
    }
    match spec.codec {
        AudioCodec::Opus => options.extend(["-ar".to_owned(), "48000".to_owned()]),
        // Lossy input has no depth of its own, and the deepest would be taken, at half as much space again.
        AudioCodec::Flac if facts.bit_depth.is_none_or(|bits| bits <= 16) => {
            options.extend(["-sample_fmt".to_owned(), "s16".to_owned()]);
        }
        _ => {}
    }
    options
}

/// How many channels come out; `None` where the input's number isn't known and none was asked for.
pub(super) fn channels(spec: AudioSpec, facts: &AudioFacts) -> Option<u32> {
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
fn bitrate(spec: AudioSpec, channels: u32) -> u64 {
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

    fn made(codec: AudioCodec, channels: Option<u8>, input: u32) -> String {
        let facts = AudioFacts { channels: input, sample_rate_hz: 44_100, ..AudioFacts::default() };
        options("enc", AudioSpec { codec, bitrate_bps: None, channels }, &facts).join(" ")
    }

    #[test]
    fn layouts_and_bitrates_suit_the_codec() {
        for (codec, channels, input, expected) in [
            (AudioCodec::Aac, None, 2, "-c:a enc -af aformat=channel_layouts=stereo -b:a 160000"),
            (AudioCodec::Aac, Some(2), 6, "-c:a enc -af aformat=channel_layouts=stereo -b:a 160000"),
            (AudioCodec::Opus, None, 6, "-c:a enc -af aformat=channel_layouts=5.1 -b:a 252000 -ar 48000"),
            (AudioCodec::Mp3, None, 6, "-c:a enc -af aformat=channel_layouts=stereo -b:a 192000"),
            (AudioCodec::Flac, None, 1, "-c:a enc -af aformat=channel_layouts=mono -sample_fmt s16"),
            (AudioCodec::Pcm, None, 24, "-c:a enc -af aformat=channel_layouts=7.1"),
            (AudioCodec::Pcm, None, 0, "-c:a enc"),
        ] {
            assert_eq!(made(codec, channels, input), expected);
        }
    }

    #[test]
    fn opus_is_never_asked_for_more_than_it_takes() {
        let spec = AudioSpec { codec: AudioCodec::Opus, bitrate_bps: Some(512_000), channels: Some(1) };
        assert_eq!(bitrate(spec, 1), 256_000);
    }
}
