//! Reads a raw ffmpeg command line for what decides the length of its outputs.

use std::ffi::OsString;
use std::time::Duration;

use super::expected::{Expected, OutputSpan};

/// Options without a value. Every other one takes the next argument.
const FLAGS: &[&str] = &[
    "y",
    "n",
    "hide_banner",
    "stats",
    "nostats",
    "stdin",
    "nostdin",
    "vn",
    "an",
    "sn",
    "dn",
    "shortest",
    "copyts",
    "start_at_zero",
    "re",
    "autorotate",
    "noautorotate",
    "autoscale",
    "noautoscale",
    "accurate_seek",
    "noaccurate_seek",
    "seek_timestamp",
    "xerror",
    "report",
    "benchmark",
    "benchmark_all",
    "ignore_unknown",
    "copy_unknown",
    "debug_ts",
    "bitexact",
    "psnr",
    "vstats",
    "dump",
    "hex",
    "qphist",
    "find_stream_info",
    "fix_sub_duration",
    "recast_media",
];

/// Filters that change how long a stream is in ways that aren't followed here.
const STRETCHING: &[&str] = &[
    "trim",
    "atrim",
    "loop",
    "aloop",
    "concat",
    "tpad",
    "apad",
    "select",
    "aselect",
    "asetpts",
    "rubberband",
    "asetrate",
    "xfade",
    "acrossfade",
    "movie",
    "amovie",
    "zoompan",
    "silenceremove",
    "adelay",
    "setpts",
    "atempo",
];

/// Input options after which an input's time is no longer its file's time.
const RETIMING: &[&str] = &["itsoffset", "itsscale", "r", "copyts"];

/// The options that belong to the next file on the command line.
#[derive(Default)]
struct Options(Vec<(String, String)>);

/// Reads `args`; `probed` is the duration of the first input.
pub(super) fn read(args: &[OsString], probed: Option<Duration>) -> Expected {
    let mut expected = Expected { probed, ..Expected::default() };
    let (mut options, mut inputs, mut unclear) = (Options::default(), 0_usize, false);
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    while let Some(arg) = args.next() {
        match arg.strip_prefix('-').filter(|name| !name.is_empty()) {
            Some("i") => {
                let name = args.next().unwrap_or_default();
                let options = std::mem::take(&mut options);
                // A still picture laid over the video is no input that takes time.
                let counts = inputs == 0 || options.has("loop") || !is_picture(&name);
                if inputs == 0 {
                    set_input(&mut expected, &options);
                }
                inputs += usize::from(counts);
                unclear |= inputs > 1 || RETIMING.iter().any(|option| options.has(option));
            }
            Some(name) => {
                let value = if FLAGS.contains(&name) { None } else { args.next() };
                let value = value.unwrap_or_default().into_owned();
                unclear |= matches!(name, "filter_complex" | "lavfi") && speed(&value) != Some(1.0);
                unclear |= matches!(name, "filter_complex_script" | "/filter_complex" | "copyts");
                options.0.push((name.to_owned(), value));
            }
            None => expected.outputs.push(output(&std::mem::take(&mut options))),
        }
    }
    for output in &mut expected.outputs {
        output.unclear |= unclear || inputs == 0;
    }
    expected
}

fn set_input(expected: &mut Expected, options: &Options) {
    expected.input_start = options.time("ss");
    expected.input_duration = options.time("t");
    expected.input_end = options.time("to");
    expected.input_tail = options.value("sseof").and_then(|value| time(value.strip_prefix('-')?));
    expected.loops = options.value("stream_loop").map_or(0, |value| value.parse().unwrap_or(-1));
}

fn output(options: &Options) -> OutputSpan {
    let video = if options.has("vn") { None } else { Some(options.speed(&["vf", "filter:v", "filter:v:0"])) };
    let audio = if options.has("an") { None } else { Some(options.speed(&["af", "filter:a", "filter:a:0"])) };
    let speed = match (video, audio) {
        (Some(video), Some(audio)) if video == audio => video,
        (Some(speed), None) | (None, Some(speed)) => speed,
        (None, None) => Some(1.0),
        _ => None,
    };
    OutputSpan {
        start: options.time("ss"),
        duration: options.time("t"),
        end: options.time("to"),
        speed,
        frames: ["frames:v", "vframes", "frames:v:0"].iter().find_map(|name| options.value(name)?.parse().ok()),
        unclear: speed.is_none() || options.has("fs") || options.has("filter_script") || options.has("filter"),
    }
}

impl Options {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn time(&self, name: &str) -> Option<Duration> {
        self.value(name).and_then(time)
    }

    /// How much faster the filters in these options make a stream; `None` where they aren't understood.
    fn speed(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.value(name)).map_or(Some(1.0), speed)
    }
}

/// How much faster a graph makes its streams; `None` where it isn't understood.
fn speed(graph: &str) -> Option<f64> {
    let mut speed = 1.0;
    for filter in graph.split([',', ';']) {
        let bare = without_labels(filter);
        let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
        // A filter may have a name of its own: `setpts@slow=2*PTS`.
        speed *= match name.split('@').next().unwrap_or(name) {
            "setpts" => slowdown(value)?.recip(),
            "atempo" => value.trim_start_matches("tempo=").parse().ok()?,
            name if STRETCHING.contains(&name) => return None,
            _ => 1.0,
        };
    }
    (speed.is_finite() && speed > 0.0).then_some(speed)
}

/// Strips labels such as `[0:v]` from before and after a filter.
fn without_labels(mut filter: &str) -> &str {
    while let Some((_, rest)) = filter.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        filter = rest;
    }
    filter.split('[').next().unwrap_or(filter).trim()
}

/// Reads `0.5*PTS`, `PTS*0.5`, `PTS/2` and `PTS-STARTPTS`, the common uses of `setpts`.
fn slowdown(expression: &str) -> Option<f64> {
    let expression = expression.trim_matches(['\'', '"']).trim_start_matches("expr=").replace(' ', "");
    let expression = expression.replace("(PTS-STARTPTS)", "PTS").replace("PTS-STARTPTS", "PTS");
    let factor = match expression.strip_prefix("PTS") {
        Some("") => 1.0,
        Some(rest) => match rest.strip_prefix('/') {
            Some(divisor) => divisor.parse::<f64>().ok()?.recip(),
            None => rest.strip_prefix('*')?.parse().ok()?,
        },
        None => expression.strip_suffix("*PTS")?.parse().ok()?,
    };
    (f64::is_finite(factor) && factor > 0.0).then_some(factor)
}

/// Reads a duration as ffmpeg does: `[HH:]MM:SS[.fraction]`, or a number with `s`, `ms`, `us` or nothing behind it.
fn time(text: &str) -> Option<Duration> {
    let seconds = if text.contains(':') {
        text.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?
    } else if let Some(millis) = text.strip_suffix("ms") {
        millis.parse::<f64>().ok()? / 1e3
    } else if let Some(micros) = text.strip_suffix("us") {
        micros.parse::<f64>().ok()? / 1e6
    } else {
        text.strip_suffix('s').unwrap_or(text).parse().ok()?
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn is_picture(name: &str) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "webp" | "bmp" | "tif" | "tiff")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected seconds of a 60 s input.
    fn seconds(line: &str) -> Option<f64> {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        Expected::from_args(&args, Some(Duration::from_mins(1))).duration().map(|time| time.as_secs_f64())
    }

    #[test]
    fn the_options_that_cut_and_repeat_are_followed() {
        let cases = [
            ("-i a.mp4 b.mp4", 60.0),
            ("-y -ss 20 -i a.mp4 -c copy b.mp4", 40.0),
            ("-i a.mp4 -ss 20 b.mp4", 40.0),
            ("-i a.mp4 -t 2.5 b.mp4", 2.5),
            ("-i a.mp4 -t 500 b.mp4", 60.0),
            ("-ss 10 -to 40 -i a.mp4 b.mp4", 30.0),
            ("-ss 10 -i a.mp4 -to 00:00:04 b.mp4", 4.0),
            ("-i a.mp4 -ss 10 -to 40 b.mp4", 30.0),
            ("-t 90000ms -i a.mp4 b.mp4", 60.0),
            ("-sseof -10 -i a.mp4 b.mp4", 10.0),
            ("-stream_loop 2 -i a.mp4 b.mp4", 180.0),
            ("-stream_loop -1 -i a.mp4 -t 100 b.mp4", 100.0),
            ("-i a.mp4 -t 2 b.mp4 -t 7 c.mp4", 7.0),
            ("-hide_banner -progress pipe:1 -i a.mp4 -i logo.png -filter_complex overlay=1:1 b.mp4", 60.0),
        ];
        for (line, expected) in cases {
            assert_eq!(seconds(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn changes_of_speed_are_followed_where_they_are_clear() {
        let cases = [
            ("-i a.mp4 -an -vf setpts=0.5*PTS b.mp4", Some(30.0)),
            ("-i a.mp4 -an -vf scale=320:-2,setpts=PTS/4 b.mp4", Some(15.0)),
            ("-i a.mp4 -vf setpts=PTS/2 -af atempo=2.0 b.mp4", Some(30.0)),
            ("-i a.mp4 -vn -af atempo=0.5 b.m4a", Some(120.0)),
            ("-i a.mp4 -vf setpts=PTS-STARTPTS b.mp4", Some(60.0)),
            ("-i a.mp4 -vf setpts=PTS/2 b.mp4", None),
            ("-i a.mp4 -an -vf setpts=N/25/TB b.mp4", None),
            ("-i a.mp4 -vf trim=1:3 b.mp4", None),
            ("-i a.mp4 -vf trim=1:3 -t 2 b.mp4", Some(2.0)),
        ];
        for (line, expected) in cases {
            assert_eq!(seconds(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_clear_is_unknown() {
        for line in [
            "-c copy b.mp4",
            "-i a.mp4 -i b.mp4 c.mp4",
            "-stream_loop -1 -i a.mp4 b.mp4",
            "-itsoffset 3 -i a.mp4 b.mp4",
            "-i a.mp4 -frames:v 10 b.mp4",
            "-i a.mp4 -filter_complex [0:v][0:v]concat[v] -map [v] b.mp4",
            "-i a.mp4 -ss 70 b.mp4",
            "-i a.mp4 -fs 1M b.mp4",
        ] {
            assert!(
                matches!(seconds(line), None | Some(60.0)) && (line.len() < 3 || seconds(line).is_none()),
                "{line}"
            );
        }
        let args = ["-i", "a.mp4", "-frames:v", "10", "b.mp4"].map(OsString::from);
        assert_eq!(Expected::from_args(&args, None).frames(), Some(10));
    }

    #[test]
    fn odd_times_are_no_times() {
        for odd in ["", "-5", "1:2:x", "nan", "inf", "1e400", "N/A", ":"] {
            assert_eq!(time(odd), None, "{odd}");
        }
        assert_eq!(time("1:02:03.5"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(time("500us"), Some(Duration::from_micros(500)));
    }
}
