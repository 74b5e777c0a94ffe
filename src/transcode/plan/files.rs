//! Outputs that are one file: sound, moving pictures, subtitles.

use std::ffi::OsString;

use super::encoders::{Encoding, UsableEncoders};
use super::faults::Faults;
use super::loudness::Gain;
use super::measure::loudness_key;
use super::tracks::{Chosen, audio_codec_name, is_text};
use super::{
    Drafted, Found, HeldAudio, HeldVideo, Holds, Make, Part, PartKind, Surroundings, copying, file_address, muxer,
    no_encoder, picture, sound, words,
};
use crate::domain::decision::{Action, Decision};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::{AudioCodec, Container, VideoCodec};
use crate::domain::media::{AudioFacts, MediaInfo, Stream, VideoFacts};
use crate::domain::output::{OutputSpec, Shape, VideoSpec};

/// Plans a file of sound and moving pictures.
pub(super) fn media(found: Found<'_>, chosen: &Chosen<'_>, around: Surroundings<'_>, faults: &mut Faults) -> Drafted {
    let Found { index, spec, spans, .. } = found;
    let mut drafted = Drafted::default();
    let mut holds = Holds::default();
    for stream in chosen.streams() {
        drafted.args.extend(["-map".into(), found.named(stream)]);
    }
    if let Some(video) = chosen.video {
        holds.video = faults.take("/video/codec", video_stream(video, found, around, &mut drafted));
    }
    for (place, audio) in chosen.audio.iter().enumerate() {
        holds.audio.extend(faults.take("/audio/codec", audio_stream(*audio, place, found, around, &mut drafted)));
    }
    for (place, stream) in chosen.subtitles.iter().enumerate() {
        faults.take("/subtitles/tracks", subtitle_stream(stream, place, found, &mut drafted));
        holds.subtitles += 1;
    }
    if chosen.subtitles.is_empty() {
        drafted.args.extend(words(&["-sn"]));
    }
    drafted.args.extend(words(&["-dn", "-map_metadata", "0"]));
    if spans.trims(index) {
        // ffmpeg takes all that begin before the end of the input's part or after it, and the file would last as long.
        drafted.args.extend(words(&["-map_chapters", "-1"]));
    }
    drafted.args.extend(spans.outputs[index].options());
    // ffmpeg loses in fragments how long cues are shown.
    let crash_safe = around.crash_safe && spec.container.can_be_fragmented() && chosen.subtitles.is_empty();
    drafted.args.extend(words(if crash_safe { muxer::CRASH_SAFE } else { muxer::whole(spec.container) }));
    let file = format!(".{index}.{}", spec.container);
    drafted.args.push(file_address(&around.outputs.join(&file)));
    drafted.parts.push(Part { file, container: spec.container, kind: PartKind::Media, holds });
    drafted.make = Some(if crash_safe { Make::Defragment } else { Make::AsItIs });
    drafted
}

/// Plans one track of subtitles.
pub(super) fn text(found: Found<'_>, chosen: &Chosen<'_>, around: Surroundings<'_>, faults: &mut Faults) -> Drafted {
    let Found { index, spec, .. } = found;
    let mut drafted = Drafted::default();
    for (place, stream) in chosen.subtitles.iter().enumerate() {
        faults.take("/subtitles/tracks", subtitle_stream(stream, place, found, &mut drafted));
    }
    drafted.args.extend(words(&["-vn", "-an", "-dn"]));
    drafted.args.extend(found.text_span(chosen));
    drafted.args.extend(words(muxer::whole(spec.container)));
    let file = format!(".{index}.{}", spec.container);
    drafted.args.push(file_address(&around.outputs.join(&file)));
    let holds = Holds { subtitles: 1, ..Holds::default() };
    drafted.parts.push(Part { file, container: spec.container, kind: PartKind::Text, holds });
    drafted
}

fn video_stream(
    (stream, facts): (&Stream, &VideoFacts),
    found: Found<'_>,
    around: Surroundings<'_>,
    drafted: &mut Drafted,
) -> Result<HeldVideo, Failure> {
    let spec = found.spec;
    if spec.video.codec == VideoCodec::Copy {
        if !copying::holds_video(spec.container, &stream.codec) {
            return Err(copy_impossible(spec, "video", &stream.codec));
        }
        if facts.rotation != 0 && !matches!(spec.container, Container::Mp4 | Container::Mov) {
            return Err(turn_lost(spec, facts.rotation));
        }
        if matches!((found.info.container.as_str(), stream.codec.as_str()), ("h264" | "hevc", _) | ("avi", "mpeg4")) {
            return Err(untimed(spec));
        }
        let exact = spec.trim.is_some_and(|trim| trim.is_exact() && found.spans.trims(found.index));
        let why = "a copy was asked for";
        let cut =
            if exact { ", so it begins at the key frame before the start and not at the start itself" } else { "" };
        drafted.decisions.push(Decision::of("video", Action::Copy, format!("{why}{cut}")));
        return Ok(copied_video((stream, facts), spec, drafted));
    }
    let encoded = Encoded::of((stream, facts), &spec.video, around.encoders)?.within(found);
    match copying::video_fits((stream, facts), found.info, spec, &encoded.picture) {
        Ok(()) if copying::holds_video(spec.container, &stream.codec) => {
            let why = format!("it already is {} of this size, as every player shows it", stream.codec);
            drafted.decisions.push(Decision::of("video", Action::Copy, why));
            return Ok(copied_video((stream, facts), spec, drafted));
        }
        Ok(()) => drafted.decisions.push(encoded.decision("the container can't hold it as it is")),
        Err(why) => drafted.decisions.push(encoded.decision(&why)),
    }
    check_smallest(spec, &encoded, facts)?;
    let how = Encoding { threads: around.threads, aligned: false };
    drafted.args.extend(encoded.options(&spec.video, facts, how).into_iter().map(OsString::from));
    tag_hevc(spec.container, spec.video.codec.name(), drafted);
    Ok(encoded.held(facts))
}

/// Whether the video of an output is copied.
pub(super) fn copies_video(spec: &OutputSpec, info: &MediaInfo, around: Surroundings<'_>) -> bool {
    match (info.video(), &spec.shape, spec.video.codec) {
        (Some(_), Shape::File, VideoCodec::Copy) => true,
        (Some(video), Shape::File, _) => {
            let fits = |encoded: Encoded| copying::video_fits(video, info, spec, &encoded.picture).is_ok();
            Encoded::of(video, &spec.video, around.encoders).is_ok_and(fits)
                && copying::holds_video(spec.container, &video.0.codec)
        }
        _ => false,
    }
}

fn copied_video((stream, facts): (&Stream, &VideoFacts), spec: &OutputSpec, drafted: &mut Drafted) -> HeldVideo {
    drafted.args.extend(words(&["-c:v", "copy"]));
    tag_hevc(spec.container, &stream.codec, drafted);
    let size = Some((facts.width, facts.height)).filter(|size| *size != (0, 0));
    HeldVideo { codec: stream.codec.clone(), size, rate: facts.frame_rate, ..HeldVideo::default() }
}

/// A picture that is encoded: by which encoder, and what becomes of it.
pub(super) struct Encoded {
    pub(super) picture: picture::Picture,
    pub(super) encoder: super::encoders::VideoEncoder,
    codec: VideoCodec,
}

impl Encoded {
    pub(super) fn of(
        (stream, facts): (&Stream, &VideoFacts),
        video: &VideoSpec,
        encoders: &UsableEncoders,
    ) -> Result<Self, Failure> {
        let size = picture::fit(facts, video);
        let encoder = encoders.for_video(video.codec, size).ok_or_else(|| no_encoder(video.codec.name()))?;
        let picture = picture::picture(stream, facts, video, encoder.carries());
        Ok(Self { picture, encoder, codec: video.codec })
    }

    /// The same without frames that ffmpeg would add at the end of the part.
    pub(super) fn within(mut self, found: Found<'_>) -> Self {
        if let Some(frames) = found.frames() {
            self.picture.choose(format!("trim=end_frame={frames}"));
        }
        self
    }

    /// The options that make it.
    pub(super) fn options(&self, video: &VideoSpec, facts: &VideoFacts, how: Encoding) -> Vec<String> {
        let mut options = self.encoder.options(video, &self.picture, facts, how);
        if !self.picture.filters.is_empty() {
            options.extend(["-filter:v".to_owned(), self.picture.filters.join(",")]);
        }
        let pixels = if self.picture.deep { "yuv420p10le" } else { "yuv420p" };
        options.extend(["-pix_fmt:v".to_owned(), pixels.to_owned()]);
        // Frames that come at odd times do so still: ffmpeg 5 would fill mp4 up with more of the same.
        options.extend(["-fps_mode:v".to_owned(), "vfr".to_owned()]);
        options
    }

    pub(super) fn held(&self, facts: &VideoFacts) -> HeldVideo {
        HeldVideo {
            codec: self.codec.name().to_owned(),
            size: Some(self.picture.size).filter(|size| *size != (0, 0)),
            rate: self.picture.rate.or(facts.frame_rate),
            rated: self.picture.rate.is_some(),
            depth: Some(if self.picture.deep { 10 } else { 8 }),
            length: None,
            encoded: true,
        }
    }

    pub(super) fn decision(&self, why: &str) -> Decision {
        let (width, height) = self.picture.size;
        let size = if width > 0 { format!(", {width}x{height}") } else { String::new() };
        let rate = self.picture.rate.map(|rate| format!(", {:.3} frames/s", rate.per_second())).unwrap_or_default();
        let bits = if self.picture.deep { ", 10 bits" } else { "" };
        let result = format!("{}{size}{rate}{bits}", self.codec.name());
        let why = std::iter::once(why).chain(self.picture.done.iter().map(String::as_str).filter(|done| *done != why));
        let why = why.collect::<Vec<_>>().join("; ");
        Decision::of("video", Action::Encode, why).into(&result)
    }
}

fn audio_stream(
    (stream, facts): (&Stream, &AudioFacts),
    place: usize,
    found: Found<'_>,
    around: Surroundings<'_>,
    drafted: &mut Drafted,
) -> Result<HeldAudio, Failure> {
    let spec = found.spec;
    let name = if place == 0 { "audio".to_owned() } else { format!("audio {}", place + 1) };
    let fits = if spec.audio.codec == AudioCodec::Copy {
        if !copying::holds_audio(spec.container, &stream.codec) {
            return Err(copy_impossible(spec, "audio", &stream.codec));
        }
        Ok(())
    } else {
        copying::audio_fits((stream, facts), found.info, spec)
    };
    match fits {
        Ok(()) if copying::holds_audio(spec.container, &stream.codec) => {
            let asked = spec.audio.codec == AudioCodec::Copy;
            let why = if asked {
                "a copy was asked for".to_owned()
            } else {
                format!("it already is {} as asked for", stream.codec)
            };
            drafted.decisions.push(Decision::of(&name, Action::Copy, why));
            drafted.args.extend([format!("-c:a:{place}").into(), "copy".into()]);
            if let Some(filter) = copying::audio_reframing(found.info, spec.container, &stream.codec) {
                drafted.args.extend([format!("-bsf:a:{place}").into(), filter.into()]);
            }
            let channels = Some(facts.channels).filter(|&channels| channels > 0);
            Ok(HeldAudio { codec: stream.codec.clone(), channels, ..HeldAudio::default() })
        }
        fits => {
            let why = fits.err().unwrap_or_else(|| "the container can't hold it as it is".to_owned());
            let decision = Decision::of(&name, Action::Encode, why);
            encoded_audio((stream, facts), place, decision, (found, around), drafted)
        }
    }
}

/// What comes of encoded sound, e.g. `aac, 2 channels, 160 kbit/s, -16 LUFS`.
fn audio_result(spec: &OutputSpec, facts: &AudioFacts, gain: Option<Gain>) -> String {
    let channels = sound::channels(&spec.audio, facts);
    let bitrate = spec.audio.codec.has_bitrate().then(|| sound::bitrate(&spec.audio, channels.unwrap_or(2)) / 1000);
    let channels = channels.map(|n| format!(", {n} channel{}", if n == 1 { "" } else { "s" })).unwrap_or_default();
    let bitrate = bitrate.map(|bitrate| format!(", {bitrate} kbit/s")).unwrap_or_default();
    let loudness = spec.audio.loudness_lufs.zip(gain).map(|(lufs, gain)| format!(", {}", gain.told(lufs)));
    format!("{}{channels}{bitrate}{}", spec.audio.codec.name(), loudness.unwrap_or_default())
}

/// Options for sound that is encoded as audio stream `index` of a file, because of `decision`.
pub(super) fn encoded_audio(
    (stream, facts): (&Stream, &AudioFacts),
    index: usize,
    decision: Decision,
    (found, around): (Found<'_>, Surroundings<'_>),
    drafted: &mut Drafted,
) -> Result<HeldAudio, Failure> {
    let audio = &found.spec.audio;
    let encoder = around.encoders.for_audio(audio.codec).ok_or_else(|| no_encoder(audio.codec.name()))?;
    let gain = audio.loudness_lufs.map(|target| {
        let key = loudness_key(stream, facts, found.spec, found.spans, found.index);
        around.measured.gain(&key, target)
    });
    let options = sound::options(encoder, index, audio, facts, gain);
    drafted.args.extend(options.into_iter().map(OsString::from));
    drafted.decisions.push(decision.into(&audio_result(found.spec, facts, gain)));
    Ok(HeldAudio {
        codec: audio_codec_name(audio.codec).to_owned(),
        channels: sound::channels(audio, facts),
        length: None,
        encoded: true,
    })
}

/// Options for one track of subtitles: copied where the container holds its kind, else converted.
fn subtitle_stream(stream: &Stream, place: usize, found: Found<'_>, drafted: &mut Drafted) -> Result<(), Failure> {
    let Found { spec, cuts, index, .. } = found;
    let (container, codec) = (spec.container, &stream.codec);
    let name = if place == 0 { "subtitles".to_owned() } else { format!("subtitles {}", place + 1) };
    let cut = cuts.named(index, stream.index);
    let (input, codec_in) = match &cut {
        Some((input, form)) => (input.clone(), form.codec()),
        None => (found.named(stream), codec.as_str()),
    };
    let cut = if cut.is_some() { ", and its cues are cut where the part begins and ends" } else { "" };
    drafted.args.extend(["-map".into(), input, format!("-c:s:{place}").into()]);
    if copying::holds_subtitles(container, codec_in) {
        drafted.args.push("copy".into());
    } else if let Some(encoder) = copying::subtitle_encoder(container).filter(|_| is_text(codec)) {
        drafted.args.push(encoder.into());
    } else {
        let message = format!(
            "the input's subtitles are pictures ({codec}), which {container} can't hold; mkv can, or leave them out"
        );
        return Err(Failure::new(FailureCode::CopyImpossible, message));
    }
    let encoder = copying::subtitle_encoder(container).unwrap_or_default();
    drafted.decisions.push(if copying::holds_subtitles(container, codec) {
        Decision::of(&name, Action::Copy, format!("{codec} fits{cut}"))
    } else {
        Decision::of(&name, Action::Encode, format!("{container} holds no {codec}{cut}")).into(encoder)
    });
    Ok(())
}

/// Apple's players know HEVC by this tag only.
fn tag_hevc(container: Container, codec: &str, drafted: &mut Drafted) {
    if codec == "hevc" && matches!(container, Container::Mp4 | Container::Mov | Container::Cmaf) {
        drafted.args.extend(words(&["-tag:v", "hvc1"]));
    }
}

fn check_smallest(spec: &OutputSpec, encoded: &Encoded, facts: &VideoFacts) -> Result<(), Failure> {
    let ((width, height), smallest) = (encoded.picture.size, encoded.encoder.smallest());
    if facts.width == 0 || width.min(height) >= smallest {
        return Ok(());
    }
    let (name, codec) = (&spec.name, spec.video.codec.name());
    let message = format!(
        "{name} would be {width}x{height} pixels, and {codec} takes no picture below {smallest}x{smallest}; choose \
         another codec"
    );
    Err(Failure::new(FailureCode::EncoderUnavailable, message))
}

/// Not every ffmpeg writes into other containers how a picture is to be turned.
fn turn_lost(spec: &OutputSpec, degrees: u16) -> Failure {
    let (container, name) = (spec.container, &spec.name);
    let message = format!(
        "players turn the input's video by {degrees} degrees, which is lost where it is copied into {container}; take mp4 or mov \
         for {name}, or choose a video codec instead of \"copy\""
    );
    Failure::new(FailureCode::CopyImpossible, message)
}

/// Pictures that are shown in another order than they are stored need times, and neither bare streams nor AVI have any.
fn untimed(spec: &OutputSpec) -> Failure {
    let message = format!(
        "the input doesn't say when each picture is shown, so its video can't be copied; choose a video codec for {} instead of \
         \"copy\"",
        spec.name
    );
    Failure::new(FailureCode::CopyImpossible, message)
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
