//! The picture of an output: what a client asks for, and what that comes to.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use super::rate::RequestedRate;
use crate::domain::format::{Container, EncoderSpeed, VideoCodec};
use crate::domain::invalid::{FieldErrors, names};
use crate::domain::media::Ratio;

/// The picture of an output. It is fitted into `width` × `height` with square pixels, upright, with its aspect kept and
/// never enlarged, unless something else is said.
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
    /// The picture's shape, e.g. `"16:9"`; by default the input's. `fit` says how it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<Aspect>,
    /// What is done where the input has another shape than `aspect`, or than `width` and `height`; by default `inside`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Whether a smaller picture is enlarged to `width` and `height`; by default it isn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upscale: Option<bool>,
    /// Frames per second: a number such as 25 or 29.97, or a fraction such as `"30000/1001"`; by default the input's. Not
    /// with `max_fps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<RequestedRate>,
    /// The most frames per second: a faster input is brought to half, a third … of its rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<RequestedRate>,
    /// Constant quality, lower is better: 0 to 51 for h264 and hevc, 0 to 63 for av1 and vp9. 0 of h264 is the best
    /// that players show, not lossless. Not with `bitrate_bps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 63)]
    pub crf: Option<u8>,
    /// The average bitrate in bits per second, 10 000 to 500 000 000. Not with `crf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10_000, maximum = 500_000_000)]
    pub bitrate_bps: Option<u64>,
    /// The most bits per second over a few seconds: a cap on constant quality. Not with `bitrate_bps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10_000, maximum = 500_000_000)]
    pub max_bitrate_bps: Option<u64>,
    /// The encoder's speed; by default `medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<EncoderSpeed>,
    /// Bits per colour, 8 or 10; by default the input's where the codec's players can show it, so 8 for h264.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// What becomes of a high dynamic range; by default it is kept where the picture has 10 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdr: Option<Hdr>,
    /// What becomes of interlaced pictures; by default `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deinterlace: Option<Deinterlace>,
    /// A key frame at least this often, 100 to 60 000; no frame refers to one before the last key frame. By default as the
    /// encoder likes it, about every 10 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 60_000)]
    pub keyframe_interval_ms: Option<u32>,
}

/// The picture of an output, checked and complete.
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
    /// The picture's shape; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aspect: Option<Aspect>,
    /// What is done with a picture of another shape.
    #[serde(default, skip_serializing_if = "Fit::is_default")]
    pub fit: Fit,
    /// Whether a smaller picture is enlarged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub upscale: bool,
    /// Frames per second; without it the input's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<RequestedRate>,
    /// The most frames per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<RequestedRate>,
    /// Constant quality; without it and a bitrate the codec's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crf: Option<u8>,
    /// Average bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<u64>,
    /// The most bits per second over a few seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bitrate_bps: Option<u64>,
    /// The encoder's speed.
    #[serde(default)]
    pub speed: EncoderSpeed,
    /// Bits per colour; without it the input's where the codec's players can show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// What becomes of a high dynamic range.
    #[serde(default, skip_serializing_if = "Hdr::is_default")]
    pub hdr: Hdr,
    /// What becomes of interlaced pictures.
    #[serde(default, skip_serializing_if = "Deinterlace::is_default")]
    pub deinterlace: Deinterlace,
    /// A key frame at least this often, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframe_interval_ms: Option<u32>,
}

/// What is done with a picture of another shape than was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It keeps its shape and is smaller on one side.
    #[default]
    Inside,
    /// Black is added at two of its sides.
    Pad,
    /// Two of its sides are cut off.
    Crop,
}

/// What becomes of a high dynamic range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// It is kept where the picture has 10 bits, as with hevc and av1 or where they were asked for, and mapped to the standard
    /// range elsewhere.
    #[default]
    Auto,
    /// It is mapped to the standard range.
    Sdr,
}

/// What becomes of interlaced pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlace {
    /// They are made whole ones; others stay as they are.
    #[default]
    Auto,
    /// They stay interlaced, and h264 says so; the other codecs can't, so players show both fields at once.
    Never,
}

impl Fit {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
    fn is_default(&self) -> bool {
        *self == Self::Inside
    }
}

impl Hdr {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
    fn is_default(&self) -> bool {
        *self == Self::Auto
    }
}

impl Deinterlace {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")]
    fn is_default(&self) -> bool {
        *self == Self::Auto
    }
}

/// The shape of a picture: width to height, written as `"16:9"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, examples("16:9", "1:1", "9:16"))]
pub struct Aspect(pub Ratio);

impl Serialize for Aspect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}", self.0.numerator, self.0.denominator))
    }
}

impl<'de> Deserialize<'de> for Aspect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ratio = Ratio::parse(&text).filter(|ratio| (0.1..=10.0).contains(&ratio.value()));
        ratio.map(Self).ok_or_else(|| de::Error::custom("give a shape such as \"16:9\", from 1:10 to 10:1"))
    }
}

impl VideoSettings {
    /// What isn't set here is taken from `base`, a preset's.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        // A preset's numbers belong to the preset's codec, and one way to say how good excludes the others.
        let other_codec = self.codec.is_some_and(|codec| Some(codec) != base.codec);
        let by_crf = self.crf.is_some();
        let by_bitrate = self.bitrate_bps.is_some();
        let kept = base.crf.filter(|_| !other_codec && !by_bitrate);
        let rate = |rate: Option<u64>, excluded: bool| rate.filter(|_| !other_codec && !excluded);
        let paced = self.fps.is_some() || self.max_fps.is_some();
        Self {
            codec: self.codec.or(base.codec),
            width: self.width.or(base.width),
            height: self.height.or(base.height),
            aspect: self.aspect.or(base.aspect),
            fit: self.fit.or(base.fit),
            upscale: self.upscale.or(base.upscale),
            fps: self.fps.or(base.fps.filter(|_| !paced)),
            max_fps: self.max_fps.or(base.max_fps.filter(|_| !paced)),
            crf: self.crf.or(kept),
            bitrate_bps: self.bitrate_bps.or(rate(base.bitrate_bps, by_crf || self.max_bitrate_bps.is_some())),
            max_bitrate_bps: self.max_bitrate_bps.or(rate(base.max_bitrate_bps, by_bitrate)),
            speed: self.speed.or(base.speed),
            bit_depth: self.bit_depth.or(base.bit_depth),
            hdr: self.hdr.or(base.hdr),
            deinterlace: self.deinterlace.or(base.deinterlace),
            keyframe_interval_ms: self.keyframe_interval_ms.or(base.keyframe_interval_ms),
        }
    }

    /// Completes and checks what was merged with a preset. `at` is the JSON pointer to it.
    pub(super) fn complete(self, container: Container, at: &str, errors: &mut FieldErrors) -> VideoSpec {
        let codec = self.codec.or(container.video_codecs().first().copied()).unwrap_or(VideoCodec::None);
        let holds = || names(container.video_codecs().iter().map(|codec| codec.name()));
        errors.check(
            container.holds_video(codec),
            format!("{at}/codec"),
            match container.video_codecs() {
                [] if container.is_picture() => {
                    "a picture has no video codec; its name's ending says what it is".into()
                }
                [] => format!("{container} holds no video; leave \"video\" out"),
                _ if container == Container::Cmaf && codec == VideoCodec::Copy => {
                    format!("a package is always encoded, as its key frames have to come together; choose {}", holds())
                }
                _ => format!("{container} can't hold {}; it holds {}", codec.name(), holds()),
            },
        );
        self.check(codec, at, errors);
        let idle = Self { codec: self.codec, ..Self::default() };
        if container.is_picture() {
            self.check_picture(at, errors);
        } else if !codec.encodes() && self != idle {
            errors.add(
                at,
                match self.codec {
                    Some(codec) => {
                        format!("with the codec {:?} nothing is encoded, so nothing else can be set", codec.name())
                    }
                    None => format!("{container} holds no video; leave \"video\" out"),
                },
            );
        }
        self.spec(codec)
    }

    /// What only moving pictures have.
    fn check_picture(&self, at: &str, errors: &mut FieldErrors) {
        for (field, given) in [
            ("fps", self.fps.is_some()),
            ("max_fps", self.max_fps.is_some()),
            ("crf", self.crf.is_some()),
            ("bitrate_bps", self.bitrate_bps.is_some()),
            ("max_bitrate_bps", self.max_bitrate_bps.is_some()),
            ("speed", self.speed.is_some()),
            ("bit_depth", self.bit_depth.is_some()),
            ("keyframe_interval_ms", self.keyframe_interval_ms.is_some()),
        ] {
            errors.check(!given, format!("{at}/{field}"), "it means nothing for a still picture; leave it out");
        }
    }

    fn spec(self, codec: VideoCodec) -> VideoSpec {
        VideoSpec {
            codec,
            width: self.width,
            height: self.height,
            aspect: self.aspect,
            fit: self.fit.unwrap_or_default(),
            upscale: self.upscale.unwrap_or_default(),
            fps: self.fps,
            max_fps: self.max_fps,
            crf: self.crf,
            bitrate_bps: self.bitrate_bps,
            max_bitrate_bps: self.max_bitrate_bps,
            speed: self.speed.unwrap_or_default(),
            bit_depth: self.bit_depth,
            hdr: self.hdr.unwrap_or_default(),
            deinterlace: self.deinterlace.unwrap_or_default(),
            keyframe_interval_ms: self.keyframe_interval_ms,
        }
    }

    fn check(&self, codec: VideoCodec, at: &str, errors: &mut FieldErrors) {
        for (field, pixels) in [("width", self.width), ("height", self.height)] {
            let fits = pixels.is_none_or(|pixels| (16..=8192).contains(&pixels));
            errors.check(fits, format!("{at}/{field}"), format!("{field} is 16 to 8192 pixels"));
        }
        self.check_shape(at, errors);
        if let Some(crf) = self.crf {
            let most = codec.max_crf();
            errors.check(crf <= most, format!("{at}/crf"), format!("crf is 0 to {most} for {}", codec.name()));
            errors.check(
                self.bitrate_bps.is_none(),
                format!("{at}/bitrate_bps"),
                "give either crf or bitrate_bps, not both",
            );
        }
        for (field, rate) in [("bitrate_bps", self.bitrate_bps), ("max_bitrate_bps", self.max_bitrate_bps)] {
            let fits = rate.is_none_or(|rate| (10_000..=500_000_000).contains(&rate));
            errors.check(fits, format!("{at}/{field}"), format!("{field} is 10000 to 500000000 bits per second"));
        }
        errors.check(
            self.bitrate_bps.is_none() || self.max_bitrate_bps.is_none(),
            format!("{at}/max_bitrate_bps"),
            "give either an average, bitrate_bps, or a cap on constant quality, max_bitrate_bps",
        );
        for (field, rate) in [("fps", self.fps), ("max_fps", self.max_fps)] {
            let fits = rate.is_none_or(|rate| (1.0..=240.0).contains(&rate.0.per_second()));
            errors.check(fits, format!("{at}/{field}"), format!("{field} is 1 to 240 frames per second"));
        }
        errors.check(
            self.fps.is_none() || self.max_fps.is_none(),
            format!("{at}/max_fps"),
            "give either fps or max_fps, not both",
        );
        let deep = self.bit_depth.is_none_or(|bits| bits == 8 || bits == 10);
        errors.check(deep, format!("{at}/bit_depth"), "bit_depth is 8 or 10");
        let interval = self.keyframe_interval_ms.is_none_or(|ms| (100..=60_000).contains(&ms));
        errors.check(interval, format!("{at}/keyframe_interval_ms"), "keyframe_interval_ms is 100 to 60000");
    }

    fn check_shape(&self, at: &str, errors: &mut FieldErrors) {
        let fills = matches!(self.fit, Some(Fit::Pad | Fit::Crop));
        let shaped = self.aspect.is_some() || (self.width.is_some() && self.height.is_some());
        errors.check(
            !fills || shaped,
            format!("{at}/fit"),
            "to pad or crop, say to which shape: give an aspect, or both width and height",
        );
        errors.check(
            self.aspect.is_none() || fills,
            format!("{at}/aspect"),
            "say how the shape is reached: fit is \"pad\" (black is added) or \"crop\" (sides are cut off)",
        );
        errors.check(
            self.upscale != Some(true) || self.width.is_some() || self.height.is_some(),
            format!("{at}/upscale"),
            "to enlarge the picture, say how large: give a width or a height",
        );
        errors.check(
            self.aspect.is_none() || self.width.is_none() || self.height.is_none(),
            format!("{at}/aspect"),
            "give an aspect with a width or a height, not with both",
        );
    }
}
