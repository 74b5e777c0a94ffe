//! Decides what ffmpeg is to do for a job: a pure function from the job and the facts of its input.
//!
//! All outputs come from one process and one decode. Nothing that a client wrote becomes the name of an option, a
//! filter or a path: outputs are written under names of ours and get theirs when they are published. The jobs that
//! bring their own arguments are planned in `raw`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::encoders::UsableEncoders;
use super::span::{self, Spans};
use super::{copying, picture, sound};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::{AudioCodec, Container, VideoCodec};
use crate::domain::media::{AudioFacts, FrameRate, MediaInfo, Stream, VideoFacts};
use crate::domain::output::OutputSpec;
use crate::ffmpeg::{GLOBAL_ARGS, INPUT_ALLOWLIST};

/// The most pixels that a picture of the input may have; a few bytes can claim billions.
const MOST_PIXELS: &str = "134217728";

/// What ffmpeg is to do, and what must come of it.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// ffmpeg's arguments without the program's name.
    pub(super) args: Vec<OsString>,
    /// How long the longest output will be, where that can be known.
    pub(super) expected: Option<Duration>,
    /// Every output, in the job's order; empty where the job's own arguments decide.
    pub(super) outputs: Vec<Planned>,
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    /// The name that ffmpeg writes to. No client can choose such a name, as it starts with a dot.
    pub(super) file: String,
    /// What was asked for.
    pub(super) spec: OutputSpec,
    /// Where it starts in the input.
    pub(super) start: Duration,
    /// What it must hold.
    pub(super) holds: Holds,
}

/// What an output must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Holds {
    /// The video; `None` where there must be none.
    pub(super) video: Option<HeldVideo>,
    /// The audio; `None` where there must be none.
    pub(super) audio: Option<HeldAudio>,
    /// How long it must be.
    pub(super) length: Option<Length>,
}

/// The video that an output must hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeldVideo {
    /// ffmpeg's name of the codec.
    pub(super) codec: String,
    /// Width and height, where they are known.
    pub(super) size: Option<(u32, u32)>,
    /// The frame rate that was asked for, else the input's.
    pub(super) rate: Option<FrameRate>,
}

/// The audio that an output must hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeldAudio {
    /// ffmpeg's name of the codec.
    pub(super) codec: String,
    /// The number of channels, where it is known.
    pub(super) channels: Option<u32>,
}

/// How long an output must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    /// The expected duration.
    pub(super) expected: Duration,
    /// Whether the input's own word on its length is so exact that a shorter output is wrong even where ffmpeg
    /// complained of nothing.
    pub(super) exact: bool,
}

/// Where things are and what there is to work with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// The input's absolute path.
    pub(super) input: &'a Path,
    /// The folder that outputs are written to.
    pub(super) outputs: &'a Path,
    /// The encoders that work.
    pub(super) encoders: &'a UsableEncoders,
    /// Threads for each encoder; 0 where it decides.
    pub(super) threads: u32,
}

/// Plans the outputs of a job.
///
/// # Errors
/// When the input can't become one of the outputs; the failure says why.
pub(super) fn plan(specs: &[OutputSpec], info: &MediaInfo, around: Surroundings<'_>) -> Result<Plan, Failure> {
    let spans = Spans::of(specs, span::lead(&info.container));
    let mut args: Vec<OsString> = GLOBAL_ARGS.iter().map(OsString::from).collect();
    if specs.iter().any(|spec| spec.video.codec == VideoCodec::Copy) && lacks_times(&info.container) {
        args.extend(["-fflags", "+genpts"].map(OsString::from));
    }
    args.extend(input_args(&spans, around));
    let mut outputs = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let streams = Streams::chosen(spec, info)?;
        let length = length(info, &streams, &spans, index, spec)?;
        let (options, holds) = streams.options(spec, around)?;
        let file = format!(".{index}.{}", spec.container);
        args.extend(options.iter().map(OsString::from));
        args.extend(spans.outputs[index].options());
        args.extend(muxer(spec.container).iter().map(OsString::from));
        args.push(file_address(&around.outputs.join(&file)));
        outputs.push(Planned { file, spec: spec.clone(), start: spans.start(index), holds: Holds { length, ..holds } });
    }
    let lengths: Option<Vec<Duration>> = outputs.iter().map(|output| Some(output.holds.length?.expected)).collect();
    let expected = lengths.and_then(|lengths| lengths.into_iter().max()).filter(|length| !length.is_zero());
    Ok(Plan { args, expected, outputs })
}

/// A path that ffmpeg can't take for an option, an address of another kind or a pattern.
pub(super) fn file_address(path: &Path) -> OsString {
    let mut address = OsString::from("file:");
    address.push(path);
    address
}

fn input_args(spans: &Spans, around: Surroundings<'_>) -> Vec<OsString> {
    let mut args: Vec<OsString> = INPUT_ALLOWLIST.iter().map(OsString::from).collect();
    args.extend(["-max_pixels", MOST_PIXELS].map(OsString::from));
    if around.threads > 0 {
        args.extend(["-threads".into(), around.threads.to_string().into()]);
    }
    args.extend(spans.input_options());
    args.extend(["-i".into(), file_address(around.input)]);
    args
}

/// The streams of the input that go into one output.
#[derive(Clone, Copy)]
struct Streams<'a> {
    video: Option<(&'a Stream, &'a VideoFacts)>,
    audio: Option<(&'a Stream, &'a AudioFacts)>,
}

impl<'a> Streams<'a> {
    /// The first moving picture and the first sound, as far as the output wants them.
    ///
    /// An output without the input's sound is silent; one that can hold nothing but sound needs it.
    fn chosen(spec: &OutputSpec, info: &'a MediaInfo) -> Result<Self, Failure> {
        let video = info.video().filter(|_| spec.video.codec != VideoCodec::None);
        let audio = info.audio().filter(|_| spec.audio.codec != AudioCodec::None);
        let name = &spec.name;
        let missing = |message: String| Err(Failure::new(FailureCode::StreamMissing, message));
        if spec.video.codec != VideoCodec::None && video.is_none() {
            return missing(format!("the input has no video, which {name} needs; ask for an audio output instead"));
        }
        if spec.video.codec == VideoCodec::None && audio.is_none() {
            return missing(format!("the input has no audio, and {name} would hold nothing else"));
        }
        Ok(Self { video, audio })
    }

    fn options(&self, spec: &OutputSpec, around: Surroundings<'_>) -> Result<(Vec<String>, Holds), Failure> {
        let mut options = Vec::new();
        let mut holds = Holds::default();
        let (video, audio) = (self.video.map(|(stream, _)| stream.index), self.audio.map(|(stream, _)| stream.index));
        for index in [video, audio].into_iter().flatten() {
            options.extend(["-map".to_owned(), format!("0:{index}")]);
        }
        if let Some(video) = self.video {
            holds.video = Some(video_options(video, spec, around, &mut options)?);
        }
        if let Some(audio) = self.audio {
            holds.audio = Some(audio_options(audio, spec, around.encoders, &mut options)?);
        }
        options.extend(["-sn", "-dn", "-map_metadata", "0"].map(str::to_owned));
        Ok((options, holds))
    }
}

fn video_options(
    (stream, facts): (&Stream, &VideoFacts),
    spec: &OutputSpec,
    around: Surroundings<'_>,
    options: &mut Vec<String>,
) -> Result<HeldVideo, Failure> {
    let coded = Some((facts.width, facts.height)).filter(|size| *size != (0, 0));
    if spec.video.codec == VideoCodec::Copy {
        if !copying::holds_video(spec.container, &stream.codec) {
            return Err(copy_impossible(spec, "video", &stream.codec));
        }
        options.extend(["-c:v".to_owned(), "copy".to_owned()]);
        tag_hevc(spec.container, &stream.codec, options);
        return Ok(HeldVideo { codec: stream.codec.clone(), size: coded, rate: facts.frame_rate });
    }
    let size = picture::fit(facts, &spec.video);
    let encoder =
        around.encoders.for_video(spec.video.codec, size).ok_or_else(|| no_encoder(spec.video.codec.name()))?;
    if coded.is_some() && size.0.min(size.1) < encoder.smallest() {
        return Err(too_small(spec, size, encoder.smallest()));
    }
    options.extend(picture::options(encoder, &spec.video, facts, size, around.threads));
    tag_hevc(spec.container, spec.video.codec.name(), options);
    let rate = spec.video.fps.map(|rate| rate.0).or(facts.frame_rate);
    Ok(HeldVideo { codec: spec.video.codec.name().to_owned(), size: coded.map(|_| size), rate })
}

fn audio_options(
    (stream, facts): (&Stream, &AudioFacts),
    spec: &OutputSpec,
    encoders: &UsableEncoders,
    options: &mut Vec<String>,
) -> Result<HeldAudio, Failure> {
    if spec.audio.codec == AudioCodec::Copy {
        if !copying::holds_audio(spec.container, &stream.codec) {
            return Err(copy_impossible(spec, "audio", &stream.codec));
        }
        options.extend(["-c:a".to_owned(), "copy".to_owned()]);
        let channels = Some(facts.channels).filter(|&channels| channels > 0);
        return Ok(HeldAudio { codec: stream.codec.clone(), channels });
    }
    let encoder = encoders.for_audio(spec.audio.codec).ok_or_else(|| no_encoder(spec.audio.codec.name()))?;
    options.extend(sound::options(encoder, spec.audio, facts));
    let codec = if spec.audio.codec == AudioCodec::Pcm { "pcm_s16le" } else { spec.audio.codec.name() };
    Ok(HeldAudio { codec: codec.to_owned(), channels: sound::channels(spec.audio, facts) })
}

/// Apple's players know HEVC by this tag only.
fn tag_hevc(container: Container, codec: &str, options: &mut Vec<String>) {
    if codec == "hevc" && matches!(container, Container::Mp4 | Container::Mov) {
        options.extend(["-tag:v".to_owned(), "hvc1".to_owned()]);
    }
}

/// The muxer, never left to the file's name, and its settings.
fn muxer(container: Container) -> &'static [&'static str] {
    match container {
        // FLAC in mp4 counts as experimental in ffmpeg 5.1, though players know it.
        Container::Mp4 => {
            &["-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-strict", "experimental", "-f", "mp4"]
        }
        Container::Mov => &["-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mov"],
        Container::M4a => &["-movflags", "+faststart", "-f", "ipod"],
        Container::Mkv => &["-max_muxing_queue_size", "4096", "-f", "matroska"],
        Container::Webm => &["-max_muxing_queue_size", "4096", "-f", "webm"],
        Container::Mp3 => &["-f", "mp3"],
        Container::Ogg => &["-f", "ogg"],
        Container::Flac => &["-f", "flac"],
        // Beyond 4 GB its sizes need 64 bits, or the file is broken.
        Container::Wav => &["-rf64", "auto", "-f", "wav"],
    }
}

/// How long the output must be, where the input tells.
fn length(
    info: &MediaInfo,
    streams: &Streams<'_>,
    spans: &Spans,
    index: usize,
    spec: &OutputSpec,
) -> Result<Option<Length>, Failure> {
    let used =
        [streams.video.map(|(stream, _)| stream.duration_ms), streams.audio.map(|(stream, _)| stream.duration_ms)];
    let own: Option<Vec<u64>> = used.into_iter().flatten().collect();
    let (input_ms, known) = match own.and_then(|durations| durations.into_iter().max()) {
        Some(longest) => (Some(longest), true),
        // The container's duration may be that of a stream which isn't used.
        None => (info.duration_ms, used.into_iter().flatten().count() == info.streams.len()),
    };
    let exact = known && tells_its_length(&info.container);
    let input = input_ms.map(Duration::from_millis);
    if let Some(input) = input.filter(|input| exact && spans.start(index) >= *input) {
        let message = format!(
            "{} starts at {:.3} s, but the input ends at {:.3} s",
            spec.name,
            spans.start(index).as_secs_f64(),
            input.as_secs_f64()
        );
        return Err(Failure::new(FailureCode::TrimBeyondEnd, message));
    }
    let copied = spec.video.codec == VideoCodec::Copy || spec.audio.codec == AudioCodec::Copy;
    // A copy can be cut at key frames only, so where it begins and ends is up to the input.
    let exact = exact && !(copied && spans.trims(index));
    // Without the input's duration the end of a trim is only the most that there can be.
    let length = spans.length(index, input).filter(|_| input.is_some());
    Ok(length.map(|expected| Length { expected, exact }))
}

/// Whether files of this container don't say of every picture when it is shown, which others insist on.
fn lacks_times(container: &str) -> bool {
    matches!(container, "mpeg" | "avi")
}

/// Whether files of this container write down how long they are; others are estimated from their bitrate.
fn tells_its_length(container: &str) -> bool {
    container
        .split(',')
        .any(|name| matches!(name, "mov" | "mp4" | "matroska" | "webm" | "avi" | "flac" | "wav" | "ogg"))
}

fn copy_impossible(spec: &OutputSpec, kind: &str, codec: &str) -> Failure {
    let container = spec.container;
    let message = format!(
        "the input's {kind} is {codec}, which can't be copied into {container}; choose a {kind} codec for {} instead of \
         \"copy\", or another container",
        spec.name
    );
    Failure::new(FailureCode::CopyImpossible, message)
}

fn too_small(spec: &OutputSpec, (width, height): (u32, u32), smallest: u32) -> Failure {
    let (name, codec) = (&spec.name, spec.video.codec.name());
    let message = format!(
        "{name} would be {width}x{height} pixels, and {codec} takes no picture below {smallest}x{smallest}; choose \
         another codec"
    );
    Failure::new(FailureCode::EncoderUnavailable, message)
}

fn no_encoder(codec: &str) -> Failure {
    Failure::new(FailureCode::EncoderUnavailable, format!("the server's ffmpeg has no working encoder for {codec}"))
}
