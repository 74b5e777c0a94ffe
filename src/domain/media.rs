//! Facts about media files, as read from the file itself, and the summary of them that a job shows.
//!
//! Nothing here reads a file: `ffmpeg::probe` and `transcode::check::inspect` fill these types.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found in a media file.
///
/// Names of codecs and containers are ffmpeg's own (`h264`, `aac`, `mov,mp4,m4a,3gp,3g2,mj2`), since an input may
/// hold any of hundreds of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MediaInfo {
    /// The container's name, e.g. `mov,mp4,m4a,3gp,3g2,mj2` or `matroska,webm`.
    pub container: String,
    /// The duration in milliseconds; `null` where the file doesn't tell or what it tells can't be true.
    pub duration_ms: Option<u64>,
    /// The time stamp of the first packet in milliseconds, which may be negative.
    pub start_ms: Option<i64>,
    /// The same in microseconds; not told to clients.
    #[serde(skip)]
    pub start_us: Option<i64>,
    /// The size of the file in bytes.
    pub size_bytes: Option<u64>,
    /// The average rate of the whole file in bits per second.
    pub bitrate_bps: Option<u64>,
    /// Every stream, in the order of the file.
    pub streams: Vec<Stream>,
}

/// One stream of a media file.
#[expect(clippy::struct_excessive_bools, reason = "marks of the file, each its own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stream {
    /// Its place in the file, from 0.
    pub index: u32,
    /// The codec's name, e.g. `h264`; `unknown` where it isn't known.
    pub codec: String,
    /// The codec's profile, e.g. `High`.
    pub profile: Option<String>,
    /// The language tag, e.g. `eng`.
    pub language: Option<String>,
    /// The stream's own duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// The stream's own rate in bits per second.
    pub bitrate_bps: Option<u64>,
    /// What the file calls the stream, e.g. `Director's commentary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether the file marks this stream as the default of its kind.
    pub default: bool,
    /// Whether it is to be shown even where nobody asks for subtitles.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forced: bool,
    /// Whether it is made for those who hear badly.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hearing_impaired: bool,
    /// Whether somebody comments on what is seen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub commentary: bool,
    /// What kind of stream it is and what only such streams have.
    #[serde(flatten)]
    pub kind: StreamKind,
    /// When it begins, in microseconds by the clock of the file; not told to clients.
    #[serde(skip)]
    pub start_us: Option<i64>,
    /// How long it is in milliseconds, where the file tells that of every stream by itself; not told to clients.
    #[serde(skip)]
    pub own_ms: Option<u64>,
}

/// The kinds of streams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamKind {
    /// Moving pictures.
    Video(VideoFacts),
    /// Sound.
    Audio(AudioFacts),
    /// Text or pictures shown over the video.
    Subtitle,
    /// Anything else: data, time codes, attachments.
    Other,
}

/// What only a video stream has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VideoFacts {
    /// Coded width in pixels, before rotation.
    pub width: u32,
    /// Coded height in pixels, before rotation.
    pub height: u32,
    /// Average frames per second, as a rational number.
    pub frame_rate: Option<FrameRate>,
    /// Whether that is the rate of the whole film, as far as the file tells; not told to clients.
    #[serde(skip)]
    pub constant_rate: bool,
    /// How far players turn the picture, clockwise, in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Pixel format, e.g. `yuv420p`.
    pub pixel_format: Option<String>,
    /// Bits per colour component.
    pub bit_depth: Option<u8>,
    /// Whether this is a still picture attached to the file (cover art), not a moving one.
    pub attached_picture: bool,
    /// How much wider than high a pixel is shown; left out where pixels are square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_aspect_ratio: Option<Ratio>,
    /// Whether each frame holds two fields that were taken at different times; left out where the file doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interlaced: Option<bool>,
    /// Whether the lower of two fields was taken first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bottom_field_first: bool,
    /// What the colours mean.
    #[serde(default, skip_serializing_if = "Colour::is_untold")]
    pub colour: Colour,
    /// The limits of the display on which an HDR picture was graded, as x265 writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mastering_display: Option<String>,
    /// The brightest pixel and the brightest average of a frame, in cd/m², e.g. `1000,400`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_light: Option<String>,
}

/// What the colours of a picture mean, by ffmpeg's names (those of ITU-T H.273); what the file doesn't tell is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Colour {
    /// The primaries, e.g. `bt709` or `bt2020`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primaries: Option<String>,
    /// The transfer function, e.g. `bt709`, `smpte2084` (HDR10) or `arib-std-b67` (HLG).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<String>,
    /// The matrix, e.g. `bt709` or `bt2020nc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<String>,
    /// `tv` or `pc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

impl Colour {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the picture has a high dynamic range: PQ or HLG.
    #[must_use]
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }
}

/// A ratio of two whole numbers, such as 64:45; neither is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Ratio {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Ratio {
    /// Reads `64:45`; `None` where either part is 0 or no number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = text.split_once([':', '/'])?;
        let (numerator, denominator) = (numerator.trim().parse().ok()?, denominator.trim().parse().ok()?);
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// As a number.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What only an audio stream has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AudioFacts {
    /// The number of channels.
    pub channels: u32,
    /// The channel layout's name, e.g. `5.1`.
    pub channel_layout: Option<String>,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Bits per sample, where the codec has such a number.
    pub bit_depth: Option<u8>,
}

/// A frame rate as a rational number, such as 30000/1001. In JSON `{"numerator": 30000, "denominator": 1001}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct FrameRate {
    /// Frames.
    pub numerator: u32,
    /// In so many seconds; never 0.
    pub denominator: u32,
}

impl FrameRate {
    /// Makes a frame rate; `None` where either part is 0.
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// Reads ffprobe's spelling, `30000/1001`; `0/0` and anything else odd is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        Self::new(numerator.parse().ok()?, denominator.parse().ok()?)
    }

    /// Frames per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

impl MediaInfo {
    /// The first moving picture; cover art doesn't count.
    #[must_use]
    pub fn video(&self) -> Option<(&Stream, &VideoFacts)> {
        self.streams.iter().find_map(|stream| match &stream.kind {
            StreamKind::Video(facts) if !facts.attached_picture => Some((stream, facts)),
            _ => None,
        })
    }

    /// The first sound.
    #[must_use]
    pub fn audio(&self) -> Option<(&Stream, &AudioFacts)> {
        self.audios().next()
    }

    /// Every sound, in the order of the file.
    pub fn audios(&self) -> impl Iterator<Item = (&Stream, &AudioFacts)> {
        self.streams.iter().filter_map(|stream| match &stream.kind {
            StreamKind::Audio(facts) => Some((stream, facts)),
            _ => None,
        })
    }

    /// Every subtitle, in the order of the file.
    pub fn subtitles(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| matches!(stream.kind, StreamKind::Subtitle))
    }
}

/// What a finished output holds, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MediaSummary {
    /// The container, e.g. `mp4`.
    pub container: String,
    /// The duration in milliseconds.
    pub duration_ms: Option<u64>,
    /// The video stream, if there is one.
    pub video: Option<VideoSummary>,
    /// The first audio stream, if there is one.
    pub audio: Option<AudioSummary>,
    /// How many audio streams there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_tracks: u32,
    /// How many subtitles there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub subtitle_tracks: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The video stream of an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VideoSummary {
    /// The codec, e.g. `h264`.
    pub codec: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Average frames per second, rounded to thousandths.
    pub fps: Option<f64>,
}

/// An audio stream of an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AudioSummary {
    /// The codec, e.g. `aac`.
    pub codec: String,
    /// The number of channels.
    pub channels: u32,
    /// Samples per second.
    pub sample_rate_hz: u32,
}

impl MediaSummary {
    /// Sums up `info` for an output whose container is called `container`.
    #[must_use]
    pub fn of(info: &MediaInfo, container: &str) -> Self {
        Self {
            container: container.to_owned(),
            duration_ms: info.duration_ms,
            video: info.video().map(|(stream, facts)| VideoSummary {
                codec: stream.codec.clone(),
                width: facts.width,
                height: facts.height,
                fps: facts.frame_rate.map(|rate| (rate.per_second() * 1000.0).round() / 1000.0),
            }),
            audio: info.audio().map(|(stream, facts)| AudioSummary {
                codec: stream.codec.clone(),
                channels: facts.channels,
                sample_rate_hz: facts.sample_rate_hz,
            }),
            audio_tracks: counted(info.audios()),
            subtitle_tracks: counted(info.subtitles()),
        }
    }
}

fn counted<T>(streams: impl Iterator<Item = T>) -> u32 {
    u32::try_from(streams.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_are_read_as_ffprobe_writes_them() {
        assert_eq!(FrameRate::parse("30000/1001"), FrameRate::new(30000, 1001));
        assert_eq!(FrameRate::parse("25"), FrameRate::new(25, 1));
        for odd in ["0/0", "25/0", "", "N/A", "-25/1", "1/2/3"] {
            assert_eq!(FrameRate::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn cover_art_is_not_the_video() {
        let picture = VideoFacts { attached_picture: true, ..VideoFacts::default() };
        let info = MediaInfo {
            container: "mp3".into(),
            duration_ms: None,
            start_ms: None,
            start_us: None,
            size_bytes: None,
            bitrate_bps: None,
            streams: vec![Stream {
                index: 0,
                codec: "mjpeg".into(),
                profile: None,
                language: None,
                duration_ms: None,
                bitrate_bps: None,
                title: None,
                default: false,
                forced: false,
                hearing_impaired: false,
                commentary: false,
                start_us: None,
                own_ms: None,
                kind: StreamKind::Video(picture),
            }],
        };
        assert!(info.video().is_none());
        assert!(MediaSummary::of(&info, "mp3").video.is_none());
    }
}
