//! What an output is to be: the fields of a request, and the checked, complete settings that they stand for.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use super::format::{AudioCodec, Container, EncoderSpeed, VideoCodec};
use super::media::FrameRate;
use super::strict;

/// One output of a job, as a client asks for it. What is left out comes from the preset, then from the container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputRequest {
    /// The file's name: up to 200 bytes of letters, digits, spaces and `._-()+,=@[]{}~!&#'`, not starting with `-` or `.`.
    #[schema(examples("out.mp4"))]
    pub name: String,
    /// The name of a preset, see `GET /v1/presets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples("h264-720p"))]
    pub preset: Option<String>,
    /// The container; by default what the name's ending stands for, else the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The video; by default the container's usual codec.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoSettings>,
    /// The audio; by default the container's usual codec.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioSettings>,
    /// The part of the input to take; by default all of it.
    #[serde(default, deserialize_with = "strict::object", skip_serializing_if = "Option::is_none")]
    pub trim: Option<Trim>,
}

/// The video of an output. The picture is fitted into `width` × `height`, keeping its aspect, never enlarged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoSettings {
    /// The codec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<VideoCodec>,
    /// The most pixels across, 16 to 8192.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 8192)]
    pub width: Option<u32>,
    /// The most pixels from top to bottom, 16 to 8192.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 16, maximum = 8192)]
    pub height: Option<u32>,
    /// Frames per second: a number such as 25 or 29.97, or a fraction such as `"30000/1001"`; by default the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<RequestedRate>,
    /// Constant quality, lower is better: 0 to 51 for h264 and hevc, 0 to 63 for av1 and vp9. Not with `bitrate_bps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 63)]
    pub crf: Option<u8>,
    /// The average bitrate in bits per second, 10 000 to 500 000 000. Not with `crf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10_000, maximum = 500_000_000)]
    pub bitrate_bps: Option<u64>,
    /// The encoder's speed; by default `medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<EncoderSpeed>,
}

/// The audio of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioSettings {
    /// The codec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<AudioCodec>,
    /// Bits per second, 6 000 to 512 000 (mp3: to 320 000); by default what suits the codec and the channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 6_000, maximum = 512_000)]
    pub bitrate_bps: Option<u64>,
    /// The number of channels, 1 to 8 (mp3: to 2); by default the input's, at most 2 for presets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 8)]
    pub channels: Option<u8>,
}

/// A part of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trim {
    /// Where it starts, in milliseconds from the start of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Where it ends, in milliseconds from the start of the input; by default at the input's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
}

/// One output, checked and complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputSpec {
    /// The file's name.
    pub name: String,
    /// The preset that it was made from, if any.
    pub preset: Option<String>,
    /// The container.
    pub container: Container,
    /// The video.
    pub video: VideoSpec,
    /// The audio.
    pub audio: AudioSpec,
    /// The part of the input that is taken.
    pub trim: Option<Trim>,
}

/// The video of an output, checked and complete.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VideoSpec {
    /// The codec.
    pub codec: VideoCodec,
    /// The most pixels across.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The most pixels from top to bottom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Frames per second; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<RequestedRate>,
    /// Constant quality; without it and a bitrate the codec's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crf: Option<u8>,
    /// Average bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<u64>,
    /// The encoder's speed.
    #[serde(default)]
    pub speed: EncoderSpeed,
}

/// The audio of an output, checked and complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AudioSpec {
    /// The codec.
    pub codec: AudioCodec,
    /// Bits per second; without it what suits the codec and the channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<u64>,
    /// The number of channels; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
}

/// A frame rate as a client writes it: a number, or a fraction in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = Object, examples(25, 29.97, "30000/1001"))]
pub struct RequestedRate(pub FrameRate);

impl RequestedRate {
    /// The rate for a decimal number; 23.976, 29.97 and 59.94 stand for the exact fractions of television.
    #[must_use]
    pub fn of_number(number: f64) -> Option<Self> {
        const TELEVISION: [u32; 4] = [24_000, 30_000, 60_000, 120_000];
        if !(0.01..=1000.0).contains(&number) {
            return None;
        }
        let television = TELEVISION.into_iter().find(|&n| (f64::from(n) / 1001.0 - number).abs() < 0.005);
        let (numerator, denominator) = television.map_or_else(|| decimal(number), |n| (n, 1001));
        FrameRate::new(numerator, denominator).map(Self)
    }
}

/// `number` in thousandths, or in ones where it is whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.01 to 1000, so it fits")]
fn decimal(number: f64) -> (u32, u32) {
    let thousandths = (number * 1000.0).round() as u32;
    if thousandths.is_multiple_of(1000) { (thousandths / 1000, 1) } else { (thousandths, 1000) }
}

impl Serialize for RequestedRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FrameRate { numerator, denominator: 1 } => serializer.serialize_u32(numerator),
            FrameRate { numerator, denominator } => serializer.collect_str(&format_args!("{numerator}/{denominator}")),
        }
    }
}

impl<'de> Deserialize<'de> for RequestedRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a frame rate such as 25, 29.97 or \"30000/1001\"")]
        enum Spelling {
            Number(f64),
            Fraction(String),
        }
        let rate = match Spelling::deserialize(deserializer)? {
            Spelling::Number(number) => Self::of_number(number),
            Spelling::Fraction(text) => FrameRate::parse(&text).map(Self),
        };
        rate.ok_or_else(|| de::Error::custom("a frame rate such as 25, 29.97 or \"30000/1001\" was expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_may_be_numbers_or_fractions() {
        let read =
            |json: &str| serde_json::from_str::<RequestedRate>(json).map(|rate| (rate.0.numerator, rate.0.denominator));
        assert_eq!(read("25").unwrap(), (25, 1));
        assert_eq!(read("29.97").unwrap(), (30_000, 1001));
        assert_eq!(read("23.976").unwrap(), (24_000, 1001));
        assert_eq!(read("12.5").unwrap(), (12_500, 1000));
        assert_eq!(read(r#""30000/1001""#).unwrap(), (30_000, 1001));
        for odd in ["0", "-25", "1e9", "\"0/0\"", "\"fast\"", "null", "[]"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn frame_rates_come_back_as_they_were_written() {
        for json in ["25", r#""30000/1001""#] {
            let rate: RequestedRate = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&rate).unwrap(), json);
        }
    }
}
