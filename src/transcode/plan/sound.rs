//! The sound of an output: its channels, its loudness, its bitrate and the options that make it.

use crate::domain::format::AudioCodec;
use crate::domain::media::AudioFacts;
use crate::domain::output::AudioSpec;

/// The highest true peak that normalised sound may have, in dBTP: EBU R128 leaves so much for what lossy codecs add.
const TRUE_PEAK: f64 = -1.5;

/// How loud sound is, as `loudnorm` measured it in its first pass. Numbers are kept in its own spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Loudness {
    /// Integrated loudness in LUFS.
    pub(in crate::transcode) integrated: String,
    /// True peak in dBTP.
    pub(in crate::transcode) true_peak: String,
    /// Loudness range in LU.
    pub(in crate::transcode) range: String,
    /// The threshold in LUFS.
    pub(in crate::transcode) threshold: String,
    /// What the gain is off by, in LU.
    pub(in crate::transcode) offset: String,
}

impl Loudness {
    /// Stands for what will have been measured, where a plan is only shown.
    pub(in crate::transcode) fn unmeasured() -> Self {
        let word = || "{measured}".to_owned();
        Self { integrated: word(), true_peak: word(), range: word(), threshold: word(), offset: word() }
    }

    /// The same of sound that is so many dB less loud.
    fn lowered_by(&self, excess: f64) -> Self {
        let lowered =
            |text: &str| text.parse().map_or_else(|_| text.to_owned(), |number: f64| format!("{:.2}", number - excess));
        Self {
            integrated: lowered(&self.integrated),
            true_peak: lowered(&self.true_peak),
            threshold: lowered(&self.threshold),
            ..self.clone()
        }
    }

    /// Whether there was anything to hear.
    fn is_silence(&self) -> bool {
        self.integrated.contains("inf")
    }
}

/// The filters up to where the loudness counts: channels and sample layout.
pub(super) fn channel_filters(spec: &AudioSpec, facts: &AudioFacts) -> Vec<String> {
    let channels = channels(spec, facts);
    let Some(layout) = channels.and_then(|channels| layout(spec.codec, channels)) else { return Vec::new() };
    let mut filters = Vec::new();
    if facts.channels > 2 && channels.is_some_and(|channels| channels <= 2) {
        // Dialogue is in the centre: it comes out as loud as left and right, and what is behind at half of that. The usual
        // matrix would leave it 3 dB lower.
        filters.push("aresample=clev=1:slev=0.5".to_owned());
    }
    // Naming the layout keeps encoders from meeting one that they don't know, such as 5.1(side) for Opus.
    filters.push(format!("aformat=channel_layouts={layout}"));
    filters
}

/// The filter of the first pass.
pub(super) fn measuring(target: f64) -> String {
    format!("loudnorm=I={target}:TP={TRUE_PEAK}:LRA=11:print_format=json")
}

/// The filter of the second pass: one gain for all of it where the peaks allow that.
fn normalising(target: f64, loudness: &Loudness) -> Option<String> {
    if loudness.is_silence() {
        return None;
    }
    // Below the range that was measured the filter would press the sound together.
    let range = loudness.range.parse::<f64>().map_or(11.0, |range| range.clamp(11.0, 50.0));
    // The filter takes nothing above 0 for measured, as channels that are added up may come to.
    let excess = loudness.integrated.parse::<f64>().ok().filter(|lufs| *lufs > 0.0);
    let (lowered, loudness) = match excess {
        Some(excess) => (format!("volume={:.2}dB,", -excess), loudness.lowered_by(excess)),
        None => (String::new(), loudness.clone()),
    };
    let Loudness { integrated, true_peak, range: measured, threshold, offset } = &loudness;
    Some(format!(
        "{lowered}loudnorm=I={target}:TP={TRUE_PEAK}:LRA={range}:measured_I={integrated}:measured_TP={true_peak}:\
         measured_LRA={measured}:measured_thresh={threshold}:offset={offset}:linear=true"
    ))
}

/// Options for sound encoded with `encoder` as audio stream `index` of an output.
pub(super) fn options(
    encoder: &str,
    index: usize,
    spec: &AudioSpec,
    facts: &AudioFacts,
    loudness: Option<&Loudness>,
) -> Vec<String> {
    let mut options = vec![format!("-c:a:{index}"), encoder.to_owned()];
    let mut filters = channel_filters(spec, facts);
    let normalised = spec.loudness_lufs.zip(loudness).and_then(|(target, loudness)| normalising(target, loudness));
    let is_normalised = normalised.is_some();
    filters.extend(normalised);
    if !filters.is_empty() {
        options.extend([format!("-filter:a:{index}"), filters.join(",")]);
    }
    let channels = channels(spec, facts);
    if spec.codec.has_bitrate() {
        let bitrate = bitrate(spec, channels.unwrap_or(2));
        options.extend([format!("-b:a:{index}"), bitrate.to_string()]);
    }
    if let Some(rate) = sample_rate(spec, facts, is_normalised) {
        options.extend([format!("-ar:a:{index}"), rate.to_string()]);
    }
    // Lossy input has no depth of its own, and the deepest would be taken, at half as much space again.
    if spec.codec == AudioCodec::Flac && facts.bit_depth.is_none_or(|bits| bits <= 16) {
        options.extend([format!("-sample_fmt:a:{index}"), "s16".to_owned()]);
    }
    options
}

/// The sample rate to force, where it isn't the input's.
fn sample_rate(spec: &AudioSpec, facts: &AudioFacts, is_normalised: bool) -> Option<u32> {
    let own = Some(facts.sample_rate_hz).filter(|rate| *rate > 0);
    match spec.codec {
        AudioCodec::Opus => Some(spec.sample_rate_hz.unwrap_or(48_000)),
        // These encoders know no higher one and would refuse it.
        AudioCodec::Aac => spec.sample_rate_hz.or(own.filter(|rate| *rate > 96_000).map(|_| 96_000)),
        AudioCodec::Mp3 => spec.sample_rate_hz.or(own.filter(|rate| *rate > 48_000).map(|_| 48_000)),
        _ => spec.sample_rate_hz,
    }
    // loudnorm works with 192 000 samples a second and leaves it at that.
    .or(if is_normalised { own.map(|rate| rate.min(96_000)) } else { None })
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
                "-c:a:0 enc -filter:a:0 aresample=clev=1:slev=0.5,aformat=channel_layouts=stereo -b:a:0 160000",
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
                "-c:a:0 enc -filter:a:0 aresample=clev=1:slev=0.5,aformat=channel_layouts=stereo -b:a:0 192000",
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

    #[test]
    fn silence_is_left_as_it_is_and_a_wide_range_is_not_pressed_together() {
        let loudness = |integrated: &str, range: &str| Loudness {
            integrated: integrated.into(),
            range: range.into(),
            ..Loudness::unmeasured()
        };
        assert_eq!(normalising(-16.0, &loudness("-inf", "0.00")), None);
        let filter = normalising(-16.0, &loudness("-30.1", "18.20")).unwrap();
        assert!(filter.contains("I=-16:") && filter.contains("LRA=18.2:") && filter.contains("measured_I=-30.1"));
    }

    #[test]
    fn sound_that_is_louder_than_the_filter_takes_is_lowered_first() {
        let loudness = Loudness {
            integrated: "2.75".into(),
            true_peak: "6.00".into(),
            threshold: "-7.30".into(),
            range: "0.00".into(),
            offset: "0.10".into(),
        };
        let filter = normalising(-16.0, &loudness).unwrap();
        assert!(filter.starts_with("volume=-2.75dB,loudnorm=I=-16:"), "{filter}");
        assert!(filter.contains(":measured_I=0.00:measured_TP=3.25:") && filter.contains(":measured_thresh=-10.05:"));
    }
}
