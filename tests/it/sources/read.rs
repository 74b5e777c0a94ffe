//! Reads files with ffprobe and ffmpeg, past the server.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The side of the small grey picture that stands for a whole one.
const SIDE: usize = 16;
/// How many pixels it has.
const PIXELS: f64 = 256.0;

fn run(program: &str, args: &[&str], path: &Path) -> Output {
    let mut command = Command::new(program);
    let place = args.iter().position(|arg| *arg == "{}").expect("a place for the file");
    command.args(&args[..place]).arg(path).args(&args[place + 1..]);
    command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// What ffprobe says of a file.
pub(super) fn probe(path: &Path) -> Result<Value, String> {
    let output = run("ffprobe", &["-v", "error", "-show_format", "-show_streams", "-of", "json", "{}"], path);
    if !output.status.success() {
        return Err(format!("ffprobe: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// What was found in decoding a file to its end.
pub(super) struct Decoded {
    /// How long it is, in milliseconds.
    pub(super) millis: f64,
    /// What ffmpeg complained of.
    pub(super) complaints: String,
}

/// Decodes everything in a file.
pub(super) fn decode(path: &Path) -> Decoded {
    let args =
        ["-nostdin", "-v", "error", "-progress", "pipe:1", "-xerror", "-i", "{}", "-map", "0:V?", "-map", "0:a?"];
    // At their own times, as they are; at even ones two pictures might meet.
    let rest = ["-fps_mode", "passthrough", "-enc_time_base:v", "1:1000000", "-f", "null", "-"];
    let output = run("ffmpeg", &[&args[..], &rest].concat(), path);
    let mut complaints = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        complaints = format!("{complaints} ({})", output.status);
    }
    let progress = String::from_utf8_lossy(&output.stdout).into_owned();
    let times = progress.lines().filter_map(|line| line.strip_prefix("out_time_us="));
    let micros: Option<f64> = times.filter_map(|time| time.parse().ok()).next_back();
    Decoded { millis: micros.unwrap_or(0.0) / 1000.0, complaints }
}

/// How loud a file is on average, in dB below the most there can be; none without sound.
pub(super) fn loudness(path: &Path) -> Option<f64> {
    let args = ["-nostdin", "-v", "info", "-i", "{}", "-map", "0:a:0", "-af", "volumedetect", "-f", "null", "-"];
    let output = run("ffmpeg", &args, path);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().find_map(|line| line.split_once("mean_volume: ")?.1.strip_suffix(" dB")?.parse().ok())
}

/// The first picture as a player shows it, small and grey.
pub(super) fn look(path: &Path) -> Option<Vec<u8>> {
    picture(path, &[])
}

/// The first picture as it is in the file, turned by us.
pub(super) fn look_turned(path: &Path, degrees: u16) -> Option<Vec<u8>> {
    let mut grey = picture(path, &["-noautorotate"])?;
    for _ in 0..degrees / 90 {
        grey = (0..SIDE * SIDE).map(|at| grey[(SIDE - 1 - at % SIDE) * SIDE + at / SIDE]).collect();
    }
    Some(grey)
}

fn picture(path: &Path, before: &[&str]) -> Option<Vec<u8>> {
    let first = ["-nostdin", "-v", "error"];
    let size = format!("scale={SIDE}:{SIDE}:flags=area,format=gray");
    let rest = ["-i", "{}", "-map", "0:V:0", "-frames:v", "1", "-vf", &size, "-f", "rawvideo", "pipe:1"];
    let output = run("ffmpeg", &[&first[..], before, &rest[..]].concat(), path);
    Some(output.stdout).filter(|grey| grey.len() == SIDE * SIDE)
}

/// Whether a small picture is of one colour.
pub(super) fn is_plain(grey: &[u8]) -> bool {
    grey.iter().max().zip(grey.iter().min()).is_none_or(|(most, least)| most - least < 8)
}

/// How alike two small pictures are: 1 where they are the same but for brightness and contrast.
pub(super) fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let mean = |grey: &[u8]| grey.iter().map(|&value| f64::from(value)).sum::<f64>() / PIXELS;
    let (first, second) = (mean(one), mean(other));
    let pairs = || one.iter().zip(other).map(|(&a, &b)| (f64::from(a) - first, f64::from(b) - second));
    let together: f64 = pairs().map(|(a, b)| a * b).sum();
    let (alone, apart): (f64, f64) = (pairs().map(|(a, _)| a * a).sum(), pairs().map(|(_, b)| b * b).sum());
    together / (alone * apart).sqrt().max(1e-9)
}
