//! Decides what ffmpeg is to do for a job: a pure function from the job and the facts of its input.
//!
//! All outputs come from one process and one decode. Nothing that a client wrote becomes the name of an option, a
//! filter or a path: outputs are written under names of ours and get theirs when they are published. What has to be
//! measured first is in `measure`; the jobs that bring their own arguments are planned in `raw`.

mod choice;
mod copying;
mod cues;
mod encoders;
mod ends;
mod faults;
mod files;
mod length;
mod loudness;
mod measure;
mod muxer;
mod package;
mod picture;
mod planned;
pub(super) mod raw;
mod sound;
pub(super) mod space;
mod span;
mod stills;
mod tracks;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use self::cues::Cuts;
use self::faults::Faults;
use self::length::hold_lengths;
use self::span::{Grid, Reading, Spans, Want};
use self::tracks::Chosen;
use crate::domain::decision::Decision;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::VideoCodec;
use crate::domain::media::{MediaInfo, Stream};
use crate::domain::output::{OutputSpec, Shape};
use crate::ffmpeg::{GLOBAL_ARGS, INPUT_ALLOWLIST};

pub(super) use encoders::UsableEncoders;
pub(super) use faults::Fault;
pub(super) use length::Length;
pub(super) use measure::{Measured, Measurement, Taken};
pub(super) use muxer::whole as whole_muxer;
pub(super) use package::{Label, Track};
pub(super) use planned::{HeldAudio, HeldVideo, Holds, Make, Part, PartKind, Planned};
pub(super) use stills::{Sheets, pattern};

/// The most pixels that a picture of the input may have; a few bytes can claim billions.
const MOST_PIXELS: u32 = 1 << 27;

/// What ffmpeg is to do, and what must come of it.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// What has to be measured before `args` are what they are to be.
    pub(super) measurements: Vec<Measurement>,
    /// What has to be written into the scratch folder before, by the names of the files.
    pub(super) files: Vec<(String, String)>,
    /// ffmpeg's arguments without the program's name.
    pub(super) args: Vec<OsString>,
    /// How long the longest output will be, where that can be known.
    pub(super) expected: Option<Duration>,
    /// Every output, in the job's order; empty where the job's own arguments decide.
    pub(super) outputs: Vec<Planned>,
}

/// Where things are and what there is to work with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// The input's absolute path.
    pub(super) input: &'a Path,
    /// The folder that outputs are written to.
    pub(super) outputs: &'a Path,
    /// The folder for what isn't kept.
    pub(super) scratch: &'a Path,
    /// The encoders that work.
    pub(super) encoders: &'a UsableEncoders,
    /// Threads for each encoder; 0 where it decides.
    pub(super) threads: u32,
    /// Whether files are to be such that a crash leaves what there is of them.
    pub(super) crash_safe: bool,
    /// What was measured.
    pub(super) measured: &'a Measured,
}

/// What is known of one output before its options are worked out.
#[derive(Clone, Copy)]
struct Found<'a> {
    index: usize,
    spec: &'a OutputSpec,
    info: &'a MediaInfo,
    spans: &'a Spans,
    cuts: &'a Cuts,
    length: Option<Duration>,
    /// Whether that is sure to be right.
    exact: bool,
}

impl Found<'_> {
    /// ffmpeg's name of a stream of the input, as this output reads it.
    fn named(self, stream: &Stream) -> OsString {
        format!("{}:{}", self.spans.outputs[self.index].read, stream.index).into()
    }

    /// How many frames of the video come before its end, where ffmpeg would add some: it counts a length from the first frame
    /// on, which isn't at the start of every input.
    fn frames(self) -> Option<u64> {
        let end = self.spec.trim.and_then(|trim| trim.end_ms).map(Duration::from_millis)?;
        let late = grid(self.info).filter(|grid| self.spans.start(self.index).is_zero() && grid.first > 0.0)?;
        Some(late.frames_until(end))
    }

    /// The options that cut an output of text alone, unless it was cut before.
    fn text_span(self, chosen: &Chosen<'_>) -> Vec<OsString> {
        let cut = chosen.subtitles.iter().any(|stream| self.cuts.named(self.index, stream.index).is_some());
        if cut { Vec::new() } else { self.spans.outputs[self.index].options() }
    }
}

/// What one output comes to.
#[derive(Debug, Default)]
struct Drafted {
    args: Vec<OsString>,
    parts: Vec<Part>,
    decisions: Vec<Decision>,
    make: Option<Make>,
}

/// Plans the outputs of a job.
///
/// # Errors
/// When the input can't become one of the outputs: the failure of the first such output. [`faults()`] has all of them.
pub(super) fn plan(specs: &[OutputSpec], info: &MediaInfo, around: Surroundings<'_>) -> Result<Plan, Failure> {
    let wants: Vec<Want> = specs.iter().map(|spec| want(spec, info, around)).collect();
    let spans = Spans::of(&wants, span::lead(&info.container));
    let cuts = Cuts::of(specs, info, &spans);
    let mut args = global_args(specs, info);
    args.extend(input_args(&spans, around));
    args.extend(cuts.inputs(around));
    let mut outputs = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let mut faults = Faults::default();
        let (planned, drafted) = one(index, spec, info, (&spans, &cuts), around, &mut faults);
        faults.first().map_or(Ok(()), Err)?;
        args.extend(drafted);
        outputs.push(planned);
    }
    let moving = outputs.iter().any(|output| !output.spec.shape.is_pictures());
    let timed = outputs.iter().filter(|output| !moving || !output.spec.shape.is_pictures());
    let lengths: Option<Vec<Duration>> = timed.map(|output| Some(output.length?.expected)).collect();
    let expected = lengths.and_then(|lengths| lengths.into_iter().max()).filter(|length| !length.is_zero());
    let measurements = measure::needed(specs, info, (&spans, &cuts), around);
    let files = cuts.files(around.measured.scripts());
    Ok(Plan { measurements, files, args, expected, outputs })
}

/// Everything that keeps the input from becoming these outputs, each with the number of the output.
pub(super) fn faults(specs: &[OutputSpec], info: &MediaInfo, around: Surroundings<'_>) -> Vec<(usize, Fault)> {
    let alone = |(index, spec): (usize, &OutputSpec)| {
        let spans = Spans::of(&[want(spec, info, around)], span::lead(&info.container));
        let cuts = Cuts::of(std::slice::from_ref(spec), info, &spans);
        let mut faults = Faults::default();
        one(0, spec, info, (&spans, &cuts), around, &mut faults);
        faults.into_iter().map(move |fault| (index, fault))
    };
    specs.iter().enumerate().flat_map(alone).collect()
}

fn one(
    index: usize,
    spec: &OutputSpec,
    info: &MediaInfo,
    (spans, cuts): (&Spans, &Cuts),
    around: Surroundings<'_>,
    faults: &mut Faults,
) -> (Planned, Vec<OsString>) {
    let chosen = Chosen::of(spec, info, faults);
    let start = start(spec, around);
    ends::in_time(spec, (start, spans.start(index)), info, &chosen, faults);
    // Without the input's duration the end of a trim is only the most that there can be.
    let length = length::of(spec, info, spans, index, &chosen);
    let exact = length.is_some_and(|length| length.exact);
    let found = Found { index, spec, info, spans, cuts, length: length.map(|length| length.expected), exact };
    let mut drafted = match &spec.shape {
        Shape::File => files::media(found, &chosen, around, faults),
        Shape::Text => files::text(found, &chosen, around, faults),
        Shape::Package(package) => package::plan(found, package, &chosen, around, faults),
        Shape::Picture(_) | Shape::Thumbnails(_) | Shape::Storyboard(_) => stills::plan(found, &chosen, around, faults),
    };
    for part in drafted.parts.iter_mut().filter(|part| part.kind == PartKind::Media) {
        part.holds.length = length;
        hold_lengths(&mut part.holds, found, &chosen);
    }
    let planned = Planned {
        spec: spec.clone(),
        start,
        length,
        decisions: drafted.decisions,
        parts: drafted.parts,
        make: drafted.make.unwrap_or(Make::AsItIs),
    };
    (planned, drafted.args)
}

/// Where an output is to start in the input.
fn start(spec: &OutputSpec, around: Surroundings<'_>) -> Duration {
    let trimmed = spec.trim.and_then(|trim| trim.start_ms).unwrap_or(0);
    let at = match &spec.shape {
        Shape::Picture(picture) => picture.at_ms.or_else(|| around.measured.poster(spec)).unwrap_or(0),
        _ => 0,
    };
    Duration::from_millis(trimmed + at)
}

/// The part of the input that an output needs.
fn want(spec: &OutputSpec, info: &MediaInfo, around: Surroundings<'_>) -> Want {
    let start = start(spec, around);
    let end = spec.trim.and_then(|trim| trim.end_ms).map(Duration::from_millis);
    let length = end.map(|end| end.saturating_sub(start));
    let whole = start.is_zero() && length.is_none();
    let reading = match &spec.shape {
        Shape::File if whole => Reading::Shared,
        Shape::File if files::copies_video(spec, info, around) => Reading::FromKeyFrame,
        Shape::File if cues::has_text(spec, info) => Reading::Alone,
        _ => Reading::Shared,
    };
    let want = Want { start, length, reading };
    match &spec.shape {
        Shape::Picture(_) => {
            // At the very end the last picture is still shown.
            let start = ends::last_picture(info).map_or(start, |last| start.min(last));
            Want { start, length: None, ..want }
        }
        _ if want.reading == Reading::FromKeyFrame || spec.video.codec == VideoCodec::None => want,
        _ => grid(info).map_or(want, |grid| want.on(grid)),
    }
}

/// When the input's pictures are shown, where they come at a constant rate.
fn grid(info: &MediaInfo) -> Option<Grid> {
    let (stream, facts) = info.video().filter(|(_, facts)| facts.constant_rate)?;
    let first = stream.start_us? - info.start_us?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a film")]
    Some(Grid { first: first as f64 / 1e6, rate: facts.frame_rate?.per_second() })
}

fn global_args(specs: &[OutputSpec], info: &MediaInfo) -> Vec<OsString> {
    // A part of a film may well have no subtitles, which is no fault.
    let may_be_empty = specs.iter().any(|spec| !spec.subtitles.is_none());
    let mut args = if may_be_empty { without_abort() } else { words(GLOBAL_ARGS) };
    if specs.iter().any(|spec| spec.video.codec == VideoCodec::Copy) && lacks_times(&info.container) {
        args.extend(words(&["-fflags", "+genpts"]));
    }
    args
}

/// The options for a run that may make something empty.
fn without_abort() -> Vec<OsString> {
    let mut args = words(GLOBAL_ARGS);
    if let Some(at) = args.iter().position(|arg| arg == "-abort_on") {
        args.drain(at..at + 2);
    }
    args
}

/// A path that ffmpeg can't take for an option, an address of another kind or a pattern.
pub(super) fn file_address(path: &Path) -> OsString {
    let mut address = OsString::from("file:");
    address.push(path);
    address
}

/// Options as arguments.
fn words(options: &[&str]) -> Vec<OsString> {
    options.iter().map(OsString::from).collect()
}

fn input_args(spans: &Spans, around: Surroundings<'_>) -> Vec<OsString> {
    let mut args = Vec::new();
    for read in &spans.reads {
        args.extend(guarded_input());
        if around.threads > 0 {
            args.extend(["-threads".into(), around.threads.to_string().into()]);
        }
        args.extend(read.options());
        args.extend(["-i".into(), file_address(around.input)]);
    }
    args
}

/// What keeps a hostile input from reading, reaching or claiming too much.
fn guarded_input() -> Vec<OsString> {
    let mut args = words(INPUT_ALLOWLIST);
    args.extend(["-max_pixels".into(), MOST_PIXELS.to_string().into()]);
    args
}

/// Whether files of this container don't say of every picture when it is shown, which others insist on.
fn lacks_times(container: &str) -> bool {
    matches!(container, "mpeg" | "avi" | "h264" | "hevc" | "m4v" | "obu")
}

fn no_encoder(codec: &str) -> Failure {
    Failure::new(FailureCode::EncoderUnavailable, format!("the server's ffmpeg has no working encoder for {codec}"))
}
