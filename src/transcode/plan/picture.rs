//! The size in which a picture comes out, and the filters that bring it there.

use crate::domain::media::{Colour, FrameRate, Stream, VideoFacts};
use crate::domain::output::{Aspect, Deinterlace, Fit, Hdr, RequestedRate, VideoSpec};

/// What becomes of a picture on its way into an output.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Picture {
    /// Width and height of what comes out; 0 where the input's aren't known.
    pub(super) size: (u32, u32),
    /// The filters, in their order.
    pub(super) filters: Vec<String>,
    /// Whether it comes out with 10 bits per colour.
    pub(super) deep: bool,
    /// Whether its high dynamic range is kept.
    pub(super) hdr: bool,
    /// Whether its frames hold two fields each.
    pub(super) interlaced: bool,
    /// The frame rate to force, where it isn't the input's.
    pub(super) rate: Option<FrameRate>,
    /// What was done beside scaling, in words for people.
    pub(super) done: Vec<String>,
}

/// What becomes of a high dynamic range that isn't kept, in words for people.
pub(super) const MAPPED: &str = "its high dynamic range is mapped to the standard one";

/// What an encoder can carry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carries {
    /// 10 bits per colour.
    pub(super) ten_bits: bool,
    /// 10 bits without being asked.
    pub(super) ten_bits_by_default: bool,
}

/// Works out what is to be done with the pictures of a stream.
pub(super) fn picture(stream: &Stream, facts: &VideoFacts, spec: &VideoSpec, carries: Carries) -> Picture {
    let asked = spec.bit_depth.map(|bits| bits > 8);
    let input_deep = facts.bit_depth.is_some_and(|bits| bits > 8);
    // What is mapped to the standard range needs no more than its eight.
    let as_it_is = input_deep && !(facts.colour.is_hdr() && spec.hdr == Hdr::Sdr);
    let deep = carries.ten_bits && asked.unwrap_or(as_it_is && carries.ten_bits_by_default);
    let hdr = facts.colour.is_hdr() && deep && spec.hdr == Hdr::Auto;
    let frame = frame(facts, spec);
    let interlaced = spec.deinterlace == Deinterlace::Never && facts.interlaced == Some(true);
    let mut picture = Picture { size: frame.size, deep, hdr, interlaced, ..Picture::default() };
    if spec.deinterlace == Deinterlace::Auto && may_be_interlaced(&stream.codec, facts) {
        picture.filters.push("bwdif=mode=send_frame:parity=auto:deint=interlaced".to_owned());
        if facts.interlaced == Some(true) {
            picture.done.push("deinterlaced".to_owned());
        }
    }
    if interlaced {
        picture.done.push("it stays interlaced".to_owned());
    }
    let colours = converted_colours(facts);
    match frame.scale {
        Some((width, height)) => {
            let colours = colours.map(|colours| format!(":{colours}")).unwrap_or_default();
            // Two fields are two pictures.
            let fields = if interlaced { ":interl=1" } else { "" };
            picture.filters.push(format!("scale={width}:{height}{fields}{colours}"));
        }
        None => picture.filters.extend(colours.map(|colours| format!("scale={colours}"))),
    }
    picture.filters.extend(frame.shape);
    if facts.colour.is_hdr() && !hdr {
        picture.filters.push(tone_map(&facts.colour, deep));
        picture.done.push(MAPPED.to_owned());
    }
    if frame.size != (0, 0) {
        picture.filters.push("setsar=1".to_owned());
    }
    if facts.sample_aspect_ratio.is_some() {
        picture.done.push("its pixels are made square".to_owned());
    }
    if facts.rotation != 0 {
        picture.done.push("turned upright".to_owned());
    }
    picture.change_rate(facts.frame_rate, spec);
    picture
}

impl Picture {
    /// Frames are left out before the work on them, and shown again after it. (`-r` would make the film longer, and have
    /// every frame go through the filters.)
    fn change_rate(&mut self, input: Option<FrameRate>, spec: &VideoSpec) {
        self.rate = rate(input, spec);
        let Some(rate) = self.rate else { return };
        let slower = input.is_some_and(|input| input.per_second() > rate.per_second());
        let filter = format!("fps={}/{}", rate.numerator, rate.denominator);
        if slower {
            self.choose(filter);
        } else {
            self.filters.push(filter);
        }
    }

    /// Has a filter leave out frames before any work on them but deinterlacing, which looks at the ones beside them.
    pub(super) fn choose(&mut self, filter: String) {
        let deinterlaced = self.filters.first().is_some_and(|filter| filter.starts_with("bwdif"));
        self.filters.insert(usize::from(deinterlaced), filter);
    }
}

/// The rate to force, where it isn't the input's.
fn rate(input: Option<FrameRate>, spec: &VideoSpec) -> Option<FrameRate> {
    if let Some(RequestedRate(rate)) = spec.fps {
        return Some(rate);
    }
    let (input, most) = (input?, spec.max_fps?.0.per_second());
    let divisor = (1..=16).find(|divisor| input.per_second() / f64::from(*divisor) <= most + 0.001).unwrap_or(16);
    let fraction = FrameRate::new(input.numerator, input.denominator.checked_mul(divisor)?)?;
    match fraction.per_second() / most {
        _ if divisor == 1 => None,
        // A whole fraction of the input's rate keeps motion even, but nobody who wants 24 of 25 frames wants 12.5.
        part if (0.8..1.001).contains(&part) => Some(fraction),
        _ => spec.max_fps.map(|most| most.0),
    }
}

/// Whether frames may hold two fields: the file says so, or says nothing and the codec has such frames.
fn may_be_interlaced(codec: &str, facts: &VideoFacts) -> bool {
    let knows_fields = matches!(
        codec,
        "h264" | "mpeg2video" | "mpeg4" | "dvvideo" | "vc1" | "wmv3" | "prores" | "dnxhd" | "mjpeg" | "ffv1"
    );
    facts.interlaced.unwrap_or(knows_fields)
}

/// What the scaler has to do with the colours: players expect the narrow range, which ffmpeg 5 alone chooses by itself.
fn converted_colours(facts: &VideoFacts) -> Option<&'static str> {
    let full = facts.colour.range.as_deref() == Some("pc")
        || facts.pixel_format.as_deref().is_some_and(|name| name.starts_with("yuvj") || name.starts_with("gray"));
    if is_rgb(facts) { Some("out_color_matrix=bt709:out_range=tv") } else { full.then_some("out_range=tv") }
}

fn is_rgb(facts: &VideoFacts) -> bool {
    let format = facts.pixel_format.as_deref().unwrap_or_default();
    ["rgb", "bgr", "gbr", "argb", "abgr", "pal8", "0rgb", "0bgr"].iter().any(|prefix| format.starts_with(prefix))
}

/// Brings PQ or HLG to bt709. Without the input's tags zscale wouldn't know what to start from.
fn tone_map(colour: &Colour, deep: bool) -> String {
    let pixels = if deep { "yuv420p10le" } else { "yuv420p" };
    let transfer = colour.transfer.as_deref().unwrap_or("smpte2084");
    let primaries = match colour.primaries.as_deref() {
        Some("bt709") => "bt709",
        _ => "bt2020",
    };
    format!(
        "zscale=tin={transfer}:min=bt2020nc:pin={primaries}:rin=tv:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
         tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format={pixels},{UNGRADED}"
    )
}

/// Forgets for which display the picture was graded, which ffmpeg 7 and later would write into what no longer is.
const UNGRADED: &str = "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,\
                        sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL,sidedata=mode=delete:type=DYNAMIC_HDR_PLUS";

/// The size in which players show the input, upright and with square pixels; ffmpeg turns it by itself.
pub(super) fn shown(facts: &VideoFacts) -> (u32, u32) {
    let width = match facts.sample_aspect_ratio {
        Some(ratio) => even(f64::from(facts.width) * ratio.value()),
        None => facts.width,
    };
    if facts.rotation % 180 == 90 { (facts.height, width) } else { (width, facts.height) }
}

/// The size of the output.
pub(super) fn fit(facts: &VideoFacts, spec: &VideoSpec) -> (u32, u32) {
    frame(facts, spec).size
}

/// What is done with a picture's size and shape.
#[derive(Debug, Default, PartialEq)]
struct Frame {
    /// What comes out.
    size: (u32, u32),
    /// What it is scaled to, where it has to be.
    scale: Option<(u32, u32)>,
    /// What is added or cut off then.
    shape: Option<String>,
}

fn frame(facts: &VideoFacts, spec: &VideoSpec) -> Frame {
    let (width, height) = shown(facts);
    if width == 0 || height == 0 {
        return Frame::default();
    }
    let (target, fit) = match shape(spec, (width, height)) {
        Some(target) if spec.fit != Fit::Inside => (target, spec.fit),
        _ => return inside((width, height), spec, facts),
    };
    let (across, down) = (target.0 / f64::from(width), target.1 / f64::from(height));
    let zoom = if fit == Fit::Pad { across.min(down) } else { across.max(down) };
    // Where the picture isn't to be enlarged, the frame around it shrinks instead.
    let shrink = if zoom > 1.0 && !spec.upscale { 1.0 / zoom } else { 1.0 };
    let size = (even(target.0 * shrink), even(target.1 * shrink));
    let zoom = zoom * shrink;
    let scaled = (even(f64::from(width) * zoom), even(f64::from(height) * zoom));
    let filter = match fit {
        Fit::Pad => {
            let scaled = (scaled.0.min(size.0), scaled.1.min(size.1));
            let shape = (scaled != size).then(|| {
                // Chroma has half the pixels, so the offsets are even.
                let (x, y) = ((size.0 - scaled.0) / 4 * 2, (size.1 - scaled.1) / 4 * 2);
                format!("pad={}:{}:{x}:{y}", size.0, size.1)
            });
            return Frame { size, scale: needs_scaling(facts, scaled), shape };
        }
        Fit::Crop | Fit::Inside => (scaled != size).then(|| format!("crop={}:{}", size.0, size.1)),
    };
    let scaled = (scaled.0.max(size.0), scaled.1.max(size.1));
    Frame { size, scale: needs_scaling(facts, scaled), shape: filter }
}

/// The frame that is to be filled, in pixels.
fn shape(spec: &VideoSpec, (width, height): (u32, u32)) -> Option<(f64, f64)> {
    let (width, height) = (f64::from(width), f64::from(height));
    let asked = (spec.width.map(f64::from), spec.height.map(f64::from));
    let aspect = spec.aspect.map(|Aspect(ratio)| ratio.value());
    Some(match (asked, aspect) {
        ((Some(width), Some(height)), _) => (width, height),
        ((Some(width), None), Some(aspect)) => (width, width / aspect),
        ((None, Some(height)), Some(aspect)) => (height * aspect, height),
        ((None, None), Some(aspect)) => {
            let wider = width / height > aspect;
            // Around the picture to pad it, within it to crop it.
            if wider == (spec.fit == Fit::Pad) { (width, width / aspect) } else { (height * aspect, height) }
        }
        (_, None) => return None,
    })
}

fn needs_scaling(facts: &VideoFacts, size: (u32, u32)) -> Option<(u32, u32)> {
    (size != shown(facts) || facts.sample_aspect_ratio.is_some()).then_some(size)
}

/// The input's size, fitted into what was asked, with its aspect kept, and even.
fn inside((width, height): (u32, u32), spec: &VideoSpec, facts: &VideoFacts) -> Frame {
    let (most_wide, most_high) = (spec.width.unwrap_or(u32::MAX), spec.height.unwrap_or(u32::MAX));
    let bounded = spec.width.is_some() || spec.height.is_some();
    let fits = width <= most_wide && height <= most_high;
    let size = if fits && !(spec.upscale && bounded) {
        (floor_even(width, most_wide), floor_even(height, most_high))
    } else if u64::from(most_wide) * u64::from(height) <= u64::from(most_high) * u64::from(width) {
        // Which side is the tighter one: most_wide / width against most_high / height.
        (floor_even(most_wide, most_wide), floor_even(scaled(height, most_wide, width), most_high))
    } else {
        (floor_even(scaled(width, most_high, height), most_wide), floor_even(most_high, most_high))
    };
    Frame { size, scale: needs_scaling(facts, size), shape: None }
}

/// `side` × `to` / `from`, rounded.
fn scaled(side: u32, to: u32, from: u32) -> u32 {
    let (side, to, from) = (u64::from(side), u64::from(to), u64::from(from));
    u32::try_from((side * to + from / 2) / from).unwrap_or(u32::MAX)
}

/// The even number at or below `side` or, where that is odd and there is room, no more than one away.
fn floor_even(side: u32, most: u32) -> u32 {
    (side.min(most) & !1).max(2)
}

/// The even number that is nearest.
fn even(side: f64) -> u32 {
    (rounded(side / 2.0) * 2).max(2)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of pixels; the cast saturates")]
fn rounded(number: f64) -> u32 {
    number.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::media::Ratio;
    use crate::domain::output::{OutputRequest, VideoSettings, resolve_output};
    use crate::domain::preset::Presets;

    fn spec(video: &str) -> VideoSpec {
        let video: VideoSettings = serde_json::from_str(video).unwrap();
        let request = OutputRequest { name: "a.mp4".into(), video: Some(video), ..OutputRequest::default() };
        resolve_output(&request, &Presets::built_in(), "").unwrap().video
    }

    fn facts(width: u32, height: u32, rotation: u16) -> VideoFacts {
        VideoFacts { width, height, rotation, ..VideoFacts::default() }
    }

    #[test]
    fn pictures_are_fitted_and_never_enlarged() {
        for ((width, height, rotation), video, fitted) in [
            ((1280, 720, 0), r#"{"width":640,"height":640}"#, (640, 360)),
            ((1280, 720, 0), r#"{"width":854,"height":480}"#, (852, 480)),
            ((1280, 720, 0), r#"{"height":360}"#, (640, 360)),
            ((1280, 720, 0), r#"{"width":320}"#, (320, 180)),
            ((1280, 720, 0), r#"{"width":1920,"height":1080}"#, (1280, 720)),
            ((1280, 720, 0), r#"{"width":1920,"height":1080,"upscale":true}"#, (1920, 1080)),
            ((640, 480, 0), r#"{"width":1920,"height":1080,"upscale":true}"#, (1440, 1080)),
            ((1280, 720, 90), r#"{"width":854,"height":480}"#, (270, 480)),
            ((1280, 720, 270), "{}", (720, 1280)),
            ((1280, 720, 180), "{}", (1280, 720)),
            ((321, 241, 0), "{}", (320, 240)),
            ((1000, 10, 0), r#"{"width":100}"#, (100, 2)),
            ((1920, 1080, 0), r#"{"width":1279,"height":719}"#, (1278, 718)),
            ((1, 1, 0), "{}", (2, 2)),
            ((0, 0, 0), r#"{"width":100}"#, (0, 0)),
        ] {
            assert_eq!(fit(&facts(width, height, rotation), &spec(video)), fitted, "{width}x{height} {video}");
        }
    }

    #[test]
    fn other_shapes_are_padded_or_cropped() {
        for ((width, height), video, size, scale, shape) in [
            ((640, 480), r#"{"aspect":"16:9","fit":"pad"}"#, (854, 480), None, Some("pad=854:480:106:0")),
            ((640, 480), r#"{"aspect":"16:9","fit":"crop"}"#, (640, 360), None, Some("crop=640:360")),
            (
                (1280, 720),
                r#"{"aspect":"1:1","fit":"crop","width":360}"#,
                (360, 360),
                Some((640, 360)),
                Some("crop=360:360"),
            ),
            (
                (1280, 720),
                r#"{"aspect":"9:16","fit":"pad","height":640}"#,
                (360, 640),
                Some((360, 202)),
                Some("pad=360:640:0:218"),
            ),
            ((640, 480), r#"{"width":1920,"height":1080,"fit":"pad"}"#, (854, 480), None, Some("pad=854:480:106:0")),
            (
                (640, 480),
                r#"{"width":1920,"height":1080,"fit":"pad","upscale":true}"#,
                (1920, 1080),
                Some((1440, 1080)),
                Some("pad=1920:1080:240:0"),
            ),
            ((1280, 720), r#"{"width":640,"height":360,"fit":"crop"}"#, (640, 360), Some((640, 360)), None),
        ] {
            let made = frame(&facts(width, height, 0), &spec(video));
            assert_eq!(made, Frame { size, scale, shape: shape.map(str::to_owned) }, "{width}x{height} {video}");
        }
    }

    #[test]
    fn pixels_come_out_square_and_pictures_upright() {
        let pal =
            VideoFacts { sample_aspect_ratio: Some(Ratio { numerator: 64, denominator: 45 }), ..facts(720, 576, 0) };
        assert_eq!(fit(&pal, &spec("{}")), (1024, 576));
        let turned = VideoFacts { rotation: 90, ..pal };
        assert_eq!(fit(&turned, &spec("{}")), (576, 1024));
    }

    #[test]
    fn a_cap_on_the_frame_rate_takes_a_whole_fraction() {
        let input = |n, d| FrameRate::new(n, d);
        let capped = |rate, video: &str| super::rate(rate, &spec(video)).map(|rate| (rate.numerator, rate.denominator));
        assert_eq!(capped(input(60_000, 1001), r#"{"max_fps":30}"#), Some((60_000, 2002)));
        assert_eq!(capped(input(25, 1), r#"{"max_fps":30}"#), None);
        assert_eq!(capped(input(120, 1), r#"{"max_fps":30}"#), Some((120, 4)));
        assert_eq!(capped(input(50, 1), r#"{"max_fps":30}"#), Some((50, 2)));
        assert_eq!(capped(None, r#"{"max_fps":30}"#), None);
        for (frames, seconds, most) in [(30, 1, 29.97), (25, 1, 24.0), (120, 1, 119.0), (1000, 1, 30.0)] {
            let rate = RequestedRate::of_number(most).map(|rate| (rate.0.numerator, rate.0.denominator));
            let video = format!(r#"{{"max_fps":{most}}}"#);
            assert_eq!(capped(input(frames, seconds), &video), rate);
        }
        assert_eq!(capped(input(25, 1), r#"{"fps":29.97}"#), Some((30_000, 1001)));
    }
}
