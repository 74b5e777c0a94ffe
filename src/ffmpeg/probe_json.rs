//! Makes facts of ffprobe's JSON, which is as trustworthy as the file that it describes.
//!
//! Nothing here panics or fails on odd values: what can't be true is left out.

use serde_json::Value;

use crate::domain::media::{AudioFacts, Colour, FrameRate, MediaInfo, Ratio, Stream, StreamKind, VideoFacts};

/// A duration beyond this is not believed.
const LONGEST_MS: f64 = 366.0 * 24.0 * 3600.0 * 1000.0;
/// A file of fewer bits per second than this doesn't last as long as it says.
const FEWEST_BITS_PER_SECOND: f64 = 100.0;

/// Reads the answer to `-show_format -show_streams`; `None` where it is no such answer.
pub(super) fn read(json: &[u8]) -> Option<MediaInfo> {
    let text = String::from_utf8_lossy(json);
    let value: Value = serde_json::from_str(&text).ok()?;
    let format = value.get("format")?;
    let ends = Ends::of(format);
    let streams: Vec<Stream> = match value.get("streams").and_then(Value::as_array) {
        Some(streams) => streams.iter().enumerate().map(|(place, value)| stream(place, value, ends)).collect(),
        None => Vec::new(),
    };
    let size_bytes = unsigned(format, "size");
    Some(MediaInfo {
        container: text_of(format, "format_name")?,
        duration_ms: credible_duration(ends.duration(format), &streams, size_bytes),
        start_ms: number(format, "start_time").and_then(signed_millis),
        start_us: number(format, "start_time").and_then(signed_micros),
        size_bytes,
        bitrate_bps: unsigned(format, "bit_rate"),
        streams,
    })
}

/// The container's duration, unless its streams contradict it by more than a tenth and 2 s: then theirs.
fn credible_duration(container: Option<u64>, streams: &[Stream], size_bytes: Option<u64>) -> Option<u64> {
    let longest = streams.iter().filter(|stream| !is_picture(stream)).filter_map(|stream| stream.duration_ms).max();
    let duration = match (container, longest) {
        (Some(container), Some(longest)) if container.abs_diff(longest) > 2000 + longest.min(container) / 10 => longest,
        (container, longest) => container.or(longest)?,
    };
    let bits_per_second = size_bytes.map(|bytes| as_f64(bytes) * 8000.0 / as_f64(duration));
    bits_per_second.is_none_or(|rate| rate >= FEWEST_BITS_PER_SECOND).then_some(duration)
}

/// What the file writes down of its streams' lengths.
#[derive(Clone, Copy)]
enum Ends {
    /// When they end rather than how long they are: Matroska by ffmpeg does, and of itself, too.
    Tagged,
    /// How long each of them is: mp4 does.
    Told,
    /// Nothing that could be relied on.
    Untold,
}

impl Ends {
    fn of(format: &Value) -> Self {
        let by_ffmpeg =
            ["ENCODER", "encoder"].iter().any(|name| tag(format, name).is_some_and(|by| by.starts_with("Lavf")));
        match text_of(format, "format_name").unwrap_or_default() {
            name if by_ffmpeg && name.starts_with("matroska") => Self::Tagged,
            name if name.starts_with("mov") => Self::Told,
            _ => Self::Untold,
        }
    }

    /// How long the whole file is.
    fn duration(self, format: &Value) -> Option<u64> {
        match self {
            Self::Tagged => since_start(format, number(format, "duration")?),
            Self::Told | Self::Untold => millis(format, "duration"),
        }
    }

    /// How long a stream is by its tag, the only place where such a file tells; ffprobe may put the file's length beside it.
    fn tagged(self, stream: &Value) -> Option<u64> {
        let end = tag(stream, "DURATION").filter(|_| matches!(self, Self::Tagged))?;
        since_start(stream, clock(&end)?)
    }

    /// How long a stream is by its own word.
    fn own(self, stream: &Value) -> Option<u64> {
        match self {
            Self::Tagged => self.tagged(stream),
            Self::Told => millis(stream, "duration"),
            Self::Untold => None,
        }
    }
}

/// The time from the start of a file or a stream to its end.
fn since_start(value: &Value, end: f64) -> Option<u64> {
    checked_millis(end - number(value, "start_time").unwrap_or(0.0).max(0.0))
}

/// Reads `00:01:42.500000000` as seconds.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

fn is_picture(stream: &Stream) -> bool {
    matches!(&stream.kind, StreamKind::Video(facts) if facts.attached_picture)
}

fn stream(place: usize, value: &Value, ends: Ends) -> Stream {
    let disposition = |name| value.get("disposition").and_then(|set| unsigned(set, name)).is_some_and(|flag| flag == 1);
    Stream {
        index: small(value, "index").or_else(|| u32::try_from(place).ok()).unwrap_or(u32::MAX),
        codec: text_of(value, "codec_name").unwrap_or_else(|| "unknown".to_owned()),
        profile: text_of(value, "profile"),
        language: tag(value, "language").filter(|language| language != "und"),
        // ffprobe gives the first stream of such a file the length of the whole.
        duration_ms: ends.tagged(value).or_else(|| millis(value, "duration")),
        bitrate_bps: unsigned(value, "bit_rate").filter(|rate| *rate > 0),
        title: tag(value, "title"),
        default: disposition("default"),
        forced: disposition("forced"),
        hearing_impaired: disposition("hearing_impaired"),
        commentary: disposition("comment"),
        kind: match value.get("codec_type").and_then(Value::as_str) {
            Some("video") => StreamKind::Video(video(value, disposition("attached_pic"))),
            Some("audio") => StreamKind::Audio(audio(value)),
            Some("subtitle") => StreamKind::Subtitle,
            _ => StreamKind::Other,
        },
        start_us: number(value, "start_time").and_then(signed_micros),
        own_ms: ends.own(value),
    }
}

fn video(value: &Value, attached_picture: bool) -> VideoFacts {
    let rate = |name| text_of(value, name).and_then(|text| FrameRate::parse(&text));
    let pixel_format = text_of(value, "pix_fmt");
    VideoFacts {
        width: small(value, "width").unwrap_or(0),
        height: small(value, "height").unwrap_or(0),
        frame_rate: frame_rate(rate("avg_frame_rate"), rate("r_frame_rate")),
        constant_rate: is_constant(rate("avg_frame_rate"), rate("r_frame_rate")),
        rotation: rotation(value),
        bit_depth: depth(value, "bits_per_raw_sample").or_else(|| pixel_format.as_deref().and_then(depth_of_pixels)),
        pixel_format,
        attached_picture,
        sample_aspect_ratio: text_of(value, "sample_aspect_ratio")
            .and_then(|text| Ratio::parse(&text))
            .filter(|ratio| ratio.numerator != ratio.denominator),
        interlaced: match value.get("field_order").and_then(Value::as_str) {
            Some("progressive") => Some(false),
            Some("tt" | "bb" | "tb" | "bt") => Some(true),
            _ => None,
        },
        bottom_field_first: matches!(value.get("field_order").and_then(Value::as_str), Some("bb" | "bt")),
        colour: colour(value),
        mastering_display: side_data(value, "Mastering display metadata").and_then(mastering_display),
        content_light: side_data(value, "Content light level metadata").and_then(content_light),
    }
}

/// The average rate; ffprobe's guess where that is as good as the same. Of a fragmented file only the first fragments are
/// measured, which makes 24.73 of 25.
fn frame_rate(average: Option<FrameRate>, guess: Option<FrameRate>) -> Option<FrameRate> {
    let (Some(average), Some(guess)) = (average, guess) else { return average.or(guess) };
    let is_usual = average.denominator <= 2 || average.denominator == 1001;
    let near = (average.per_second() / guess.per_second() - 1.0).abs() < 0.02;
    Some(if near && !is_usual { guess } else { average })
}

/// Whether the average is what most pairs of frames are apart.
fn is_constant(average: Option<FrameRate>, guess: Option<FrameRate>) -> bool {
    let near =
        |(average, guess): (FrameRate, FrameRate)| (average.per_second() / guess.per_second() - 1.0).abs() < 1e-4;
    average.zip(guess).is_some_and(near)
}

fn colour(value: &Value) -> Colour {
    let told = |name| text_of(value, name).filter(|text| text != "unknown" && text != "reserved");
    Colour {
        primaries: told("color_primaries"),
        transfer: told("color_transfer"),
        matrix: told("color_space"),
        range: told("color_range"),
    }
}

fn side_data<'a>(value: &'a Value, kind: &str) -> Option<&'a Value> {
    let list = value.get("side_data_list")?.as_array()?;
    list.iter().find(|data| data.get("side_data_type").and_then(Value::as_str) == Some(kind))
}

/// Whether the file doesn't say on which display an HDR10 picture was graded.
pub(super) fn lacks_grading(info: &MediaInfo) -> bool {
    info.video().is_some_and(|(_, video)| {
        video.colour.transfer.as_deref() == Some("smpte2084") && video.mastering_display.is_none()
    })
}

/// Adds what is told along with the first picture, by the answer to `-show_frames`.
pub(super) fn add_grading(info: &mut MediaInfo, json: &[u8]) {
    let answer: Value = serde_json::from_slice(json).unwrap_or_default();
    let video = info.streams.iter_mut().find_map(|stream| match &mut stream.kind {
        StreamKind::Video(video) if !video.attached_picture => Some(video),
        _ => None,
    });
    if let (Some(frame), Some(video)) = (answer.pointer("/frames/0"), video) {
        video.mastering_display = side_data(frame, "Mastering display metadata").and_then(mastering_display);
        let light = side_data(frame, "Content light level metadata").and_then(content_light);
        video.content_light = light.or_else(|| video.content_light.take());
    }
}

/// `G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)`: chromaticities in 1/50 000, light in 1/10 000.
fn mastering_display(data: &Value) -> Option<String> {
    let scaled = |name: &str, unit: f64| {
        let number = text_of(data, name).and_then(|text| fraction(&text))?;
        let scaled = (number * unit).round();
        (0.0..=4e9).contains(&scaled).then(|| format!("{scaled:.0}"))
    };
    let pair = |x: &str, y: &str| Some(format!("({},{})", scaled(x, 50_000.0)?, scaled(y, 50_000.0)?));
    Some(format!(
        "G{}B{}R{}WP{}L({},{})",
        pair("green_x", "green_y")?,
        pair("blue_x", "blue_y")?,
        pair("red_x", "red_y")?,
        pair("white_point_x", "white_point_y")?,
        scaled("max_luminance", 10_000.0)?,
        scaled("min_luminance", 10_000.0)?
    ))
}

fn content_light(data: &Value) -> Option<String> {
    Some(format!("{},{}", small(data, "max_content")?, small(data, "max_average")?))
}

/// Reads `34000/50000`.
fn fraction(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    (below > 0.0 && above.is_finite()).then(|| above / below)
}

fn audio(value: &Value) -> AudioFacts {
    AudioFacts {
        channels: small(value, "channels").unwrap_or(0),
        channel_layout: text_of(value, "channel_layout").filter(|layout| layout != "unknown"),
        sample_rate_hz: small(value, "sample_rate").unwrap_or(0),
        bit_depth: depth(value, "bits_per_raw_sample").or_else(|| depth(value, "bits_per_sample")),
    }
}

/// Clockwise degrees. The display matrix counts the other way round than the older tag.
fn rotation(value: &Value) -> u16 {
    let matrix = value
        .get("side_data_list")
        .and_then(Value::as_array)
        .and_then(|list| list.iter().find_map(|data| number(data, "rotation")))
        .map(|degrees| -degrees);
    let degrees = matrix.or_else(|| tag(value, "rotate")?.parse().ok()).unwrap_or(0.0);
    quarters(degrees) * 90
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 3; what isn't finite becomes 0")]
fn quarters(degrees: f64) -> u16 {
    (degrees / 90.0).round().rem_euclid(4.0) as u16
}

/// `yuv420p10le` has 10 bits; a name without a number has 8.
fn depth_of_pixels(format: &str) -> Option<u8> {
    let name = format.trim_end_matches("le").trim_end_matches("be");
    let digits = name.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    match digits.parse::<u8>() {
        Ok(bits) if name.ends_with(&format!("p{bits}")) && (9..=16).contains(&bits) => Some(bits),
        _ if name.starts_with("yuv") && name.ends_with('p') => Some(8),
        _ => None,
    }
}

fn depth(value: &Value, name: &str) -> Option<u8> {
    unsigned(value, name).and_then(|bits| u8::try_from(bits).ok()).filter(|bits| *bits > 0)
}

fn tag(value: &Value, name: &str) -> Option<String> {
    text_of(value.get("tags")?, name)
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A number, whether ffprobe wrote it as one or as text.
fn number(value: &Value, name: &str) -> Option<f64> {
    let value = value.get(name)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

fn unsigned(value: &Value, name: &str) -> Option<u64> {
    let value = value.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn small(value: &Value, name: &str) -> Option<u32> {
    unsigned(value, name).and_then(|number| u32::try_from(number).ok())
}

fn millis(value: &Value, name: &str) -> Option<u64> {
    checked_millis(number(value, name)?)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to LONGEST_MS")]
fn checked_millis(seconds: f64) -> Option<u64> {
    let millis = (seconds * 1000.0).round();
    (millis > 0.0 && millis <= LONGEST_MS).then_some(millis as u64)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within LONGEST_MS")]
fn signed_millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() <= LONGEST_MS).then_some(millis as i64)
}

#[expect(clippy::cast_possible_truncation, reason = "checked")]
fn signed_micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round();
    (micros.abs() <= LONGEST_MS * 1000.0).then_some(micros as i64)
}

#[expect(clippy::cast_precision_loss, reason = "only compared with a threshold")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"streams": [
        {"index": 0, "codec_name": "h264", "profile": "High", "codec_type": "video", "width": 1920, "height": 1080,
         "pix_fmt": "yuv420p10le", "avg_frame_rate": "30000/1001", "r_frame_rate": "30/1", "duration": "60.060000",
         "bit_rate": "800000", "disposition": {"default": 1, "attached_pic": 0},
         "tags": {"language": "eng"}, "side_data_list": [{"side_data_type": "x"}, {"rotation": -90}]},
        {"index": 1, "codec_name": "pcm_s24le", "codec_type": "audio", "sample_rate": "48000", "channels": 2,
         "channel_layout": "stereo", "bits_per_sample": 24, "tags": {"language": "und"}}],
        "format": {"format_name": "mov,mp4", "start_time": "-0.083000", "duration": "60.06", "size": "6000000",
         "bit_rate": "800000"}}"#;

    fn with(from: &str, to: &str) -> MediaInfo {
        assert!(ANSWER.contains(from), "{from}");
        read(ANSWER.replace(from, to).as_bytes()).expect("still an answer")
    }

    #[test]
    fn a_rate_that_was_measured_too_early_gives_way_to_the_guess() {
        for (average, guess, rate) in [
            ("320000/12937", "25/1", (25, 1)),
            ("30000/1001", "30/1", (30_000, 1001)),
            ("25/2", "25/2", (25, 2)),
            ("18000/1000", "30/1", (18_000, 1000)),
            ("0/0", "50/1", (50, 1)),
        ] {
            let found = frame_rate(FrameRate::parse(average), FrameRate::parse(guess));
            assert_eq!(found, FrameRate::new(rate.0, rate.1), "{average} {guess}");
        }
    }

    #[test]
    fn an_answer_becomes_facts() {
        let info = read(ANSWER.as_bytes()).expect("an answer");
        assert_eq!((info.duration_ms, info.start_ms, info.size_bytes), (Some(60_060), Some(-83), Some(6_000_000)));
        let (stream, video) = info.video().expect("a picture");
        assert_eq!((stream.language.as_deref(), video.rotation, video.bit_depth), (Some("eng"), 90, Some(10)));
        let (stream, audio) = info.audio().expect("sound");
        assert_eq!((stream.language.as_deref(), audio.bit_depth, stream.duration_ms), (None, Some(24), None));
    }

    #[test]
    fn odd_rotations_are_brought_to_quarters() {
        for (rotation, expected) in [("90", 270), ("-270", 270), ("180", 180), ("-180", 180), ("0", 0), ("1e300", 0)] {
            let info = with("\"rotation\": -90", &format!("\"rotation\": {rotation}"));
            assert_eq!(info.video().expect("a picture").1.rotation, expected, "{rotation}");
        }
        let tagged = with("\"rotation\": -90", "\"other\": 1").streams;
        assert!(matches!(&tagged[0].kind, StreamKind::Video(video) if video.rotation == 0));
        let tagged =
            ANSWER.replace("\"rotation\": -90", "\"other\": 1").replace("\"eng\"", "\"eng\", \"rotate\": \"90\"");
        assert_eq!(read(tagged.as_bytes()).expect("an answer").video().expect("a picture").1.rotation, 90);
    }

    #[test]
    fn a_duration_that_cannot_be_true_is_unknown_or_replaced() {
        let container = "\"duration\": \"60.06\"";
        for (lie, expected) in [
            ("\"duration\": \"N/A\"", Some(60_060)),
            ("\"duration\": \"-5\"", Some(60_060)),
            ("\"duration\": \"nan\"", Some(60_060)),
            ("\"duration\": \"1e300\"", Some(60_060)),
            ("\"duration\": \"9223372036854.775807\"", Some(60_060)),
            ("\"duration\": \"0.5\"", Some(60_060)),
            ("\"duration\": \"7200\"", Some(60_060)),
            ("\"duration\": \"61.5\"", Some(61_500)),
        ] {
            assert_eq!(with(container, lie).duration_ms, expected, "{lie}");
        }
        let nobody_knows = ANSWER.replace("60.060000", "N/A").replace(container, "\"duration\": \"N/A\"");
        assert_eq!(read(nobody_knows.as_bytes()).expect("an answer").duration_ms, None);
        // 6 MB can't last 150 days.
        let endless = ANSWER.replace("60.060000", "13000000").replace(container, "\"duration\": \"13000000\"");
        assert_eq!(read(endless.as_bytes()).expect("an answer").duration_ms, None);
    }

    #[test]
    fn what_ffmpeg_writes_into_matroska_are_ends() {
        let answer = |encoder: &str| {
            let text = format!(
                r#"{{"streams": [
                    {{"codec_type": "video", "start_time": "100.0", "tags": {{"DURATION": "00:01:42.000000000"}}}},
                    {{"codec_type": "audio", "start_time": "100.5", "duration": "101.9", "tags": {{"DURATION": "00:01:41.500000000"}}}},
                    {{"codec_type": "audio", "tags": {{"DURATION": "soon"}}}}],
                   "format": {{"format_name": "matroska,webm", "start_time": "100.0", "duration": "102.0",
                    "tags": {{"ENCODER": "{encoder}"}}}}}}"#
            );
            let info = read(text.as_bytes()).expect("an answer");
            (info.duration_ms, info.streams.iter().map(|stream| stream.duration_ms).collect::<Vec<_>>())
        };
        assert_eq!(answer("Lavf59.27.100"), (Some(2000), vec![Some(2000), Some(1000), None]));
        assert_eq!(answer("another"), (Some(102_000), vec![None, Some(101_900), None]));
    }

    #[test]
    fn mutated_answers_never_panic() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).expect("31 bits") % below
        };
        let words =
            ["null", "{}", "[]", "-1", "1e999", "\"\"", "\"N/A\"", "18446744073709551616", "\u{0}", "\"é", "true"];
        for _ in 0..20_000 {
            let mut bytes = ANSWER.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = u8::try_from(random(256)).expect("a byte"),
                    1 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                    _ => drop(bytes.splice(at..at, words[random(words.len())].bytes())),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let _ = read(&bytes);
        }
    }
}
