//! The renditions of an HLS and DASH package: one fragmented file each, which are cut into segments when ffmpeg has ended.

use std::ffi::OsString;

use super::encoders::Encoding;
use super::faults::Faults;
use super::files::{Encoded, encoded_audio};
use super::tracks::{Chosen, is_text};
use super::{
    Drafted, Found, HeldAudio, Holds, Length, Make, Part, PartKind, Surroundings, copying, file_address, length,
    picture, words,
};
use crate::domain::decision::{Action, Decision};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::{Container, VideoCodec};
use crate::domain::media::{FrameRate, Stream, StreamKind};
use crate::domain::output::{PackageSpec, Tracks, VideoSpec, ladder, video_of};
use crate::transcode::package::{AUDIO_MUXER, VIDEO_MUXER};

/// What a rendition is in its package.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) enum Track {
    /// One rung of the ladder.
    Video {
        /// Frames per second, where that is known.
        rate: Option<FrameRate>,
    },
    /// One sound.
    Audio(Label),
    /// One track of subtitles.
    Text(Label),
}

/// What a viewer chooses a track by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::transcode) struct Label {
    /// The language, as the input tells it.
    pub(in crate::transcode) language: Option<String>,
    /// What the input calls it.
    pub(in crate::transcode) title: Option<String>,
    /// Whether it is played unless another one is chosen.
    pub(in crate::transcode) default: bool,
    /// Whether it only says what everybody needs to read.
    pub(in crate::transcode) forced: bool,
}

/// Plans the renditions of a package.
pub(super) fn plan(
    found: Found<'_>,
    package: &PackageSpec,
    chosen: &Chosen<'_>,
    around: Surroundings<'_>,
    faults: &mut Faults,
) -> Drafted {
    let mut drafted = Drafted { make: Some(Make::Package(package.clone())), ..Drafted::default() };
    if found.spec.video.codec != VideoCodec::None {
        faults.take("/video/codec", rungs(found, package, chosen, around, &mut drafted));
    }
    let marked = chosen.audio.iter().position(|(stream, _)| stream.default && !stream.commentary);
    // Who chooses tracks one by one wants the first one first.
    let first = marked.filter(|_| !matches!(found.spec.audio.tracks, Tracks::Chosen(_))).unwrap_or(0);
    for (place, (stream, facts)) in chosen.audio.iter().enumerate() {
        let name = if place == 0 { "audio".to_owned() } else { format!("audio {}", place + 1) };
        drafted.args.extend(["-map".into(), found.named(stream)]);
        let fits = copying::audio_fits((stream, facts), found.info, found.spec);
        let held = match fits {
            Ok(()) if copying::holds_audio(Container::Cmaf, &stream.codec) => {
                let why = format!("it already is {} as asked for", stream.codec);
                drafted.decisions.push(Decision::of(&name, Action::Copy, why));
                drafted.args.extend(words(&["-c:a", "copy"]));
                if let Some(filter) = copying::audio_reframing(found.info, found.spec.container, &stream.codec) {
                    drafted.args.extend(words(&["-bsf:a", filter]));
                }
                HeldAudio {
                    codec: stream.codec.clone(),
                    channels: Some(facts.channels).filter(|count| *count > 0),
                    ..HeldAudio::default()
                }
            }
            fits => {
                let why = fits.err().unwrap_or_else(|| format!("browsers don't play {} in segments", stream.codec));
                let decision = Decision::of(&name, Action::Encode, why);
                let held = encoded_audio((stream, facts), 0, decision, (found, around), &mut drafted);
                faults.take("/audio/codec", held).unwrap_or_default()
            }
        };
        drafted.args.extend(words(&["-vn", "-sn", "-dn", "-strict", "experimental"]));
        let alone = Chosen { video: None, audio: vec![(*stream, *facts)], subtitles: Vec::new() };
        let length = own_length(found, &alone);
        let holds = Holds { audio: vec![held], length, ..Holds::default() };
        let kind = PartKind::Rendition(Track::Audio(label(stream, place == first)));
        close(found, &format!("a{place}"), AUDIO_MUXER, around, &mut drafted, (kind, holds));
    }
    for (place, stream) in chosen.subtitles.iter().enumerate() {
        faults.take("/subtitles/tracks", text(found, place, stream, around, &mut drafted));
    }
    drafted
}

/// How long a rendition must be: the input's streams seldom end together.
fn own_length(found: Found<'_>, alone: &Chosen<'_>) -> Option<Length> {
    // One that ends before the others start is nobody's fault.
    length::of(found.spec, found.info, found.spans, found.index, alone)
}

fn rungs(
    found: Found<'_>,
    package: &PackageSpec,
    chosen: &Chosen<'_>,
    around: Surroundings<'_>,
    drafted: &mut Drafted,
) -> Result<(), Failure> {
    let Some((stream, facts)) = chosen.video else { return Ok(()) };
    // The shape first: the rungs are sizes of what is seen.
    let shown = picture::fit(facts, &VideoSpec { upscale: false, ..found.spec.video });
    let rungs = ladder(&package.ladder, shown, facts.frame_rate, found.spec.video.codec);
    for (place, rung) in rungs.iter().enumerate() {
        let video = video_of(rung, &found.spec.video, shown, package.segment_ms);
        let encoded = Encoded::of((stream, facts), &video, around.encoders)?.within(found);
        let how = Encoding { threads: around.threads, aligned: true };
        let mut decision = encoded.decision("a rung of the ladder");
        decision.stream = format!("video {}", place + 1);
        drafted.decisions.push(decision);
        drafted.args.extend(["-map".into(), found.named(stream)]);
        drafted.args.extend(encoded.options(&video, facts, how).into_iter().map(OsString::from));
        if video.codec == VideoCodec::Hevc {
            drafted.args.extend(words(&["-tag:v", "hvc1"]));
        }
        drafted.args.extend(words(&["-an", "-sn", "-dn"]));
        let held = encoded.held(facts);
        let kind = PartKind::Rendition(Track::Video { rate: held.rate });
        let length = own_length(found, &Chosen { audio: Vec::new(), subtitles: Vec::new(), ..chosen.clone() });
        let holds = Holds { video: Some(held), length, ..Holds::default() };
        close(found, &format!("v{place}"), VIDEO_MUXER, around, drafted, (kind, holds));
    }
    Ok(())
}

/// Ends the options of one rendition with its muxer and its file.
fn close(
    found: Found<'_>,
    name: &str,
    muxer: &[&str],
    around: Surroundings<'_>,
    drafted: &mut Drafted,
    (kind, holds): (PartKind, Holds),
) {
    drafted.args.extend(found.spans.outputs[found.index].options());
    drafted.args.extend(words(muxer));
    let file = format!(".{}.{name}.mp4", found.index);
    drafted.args.push(file_address(&around.outputs.join(&file)));
    drafted.parts.push(Part { file, container: Container::Mp4, kind, holds });
}

fn text(
    found: Found<'_>,
    place: usize,
    stream: &Stream,
    around: Surroundings<'_>,
    drafted: &mut Drafted,
) -> Result<(), Failure> {
    if !is_text(&stream.codec) {
        let message = format!(
            "the input's subtitles are pictures ({}), which a package can't hold; leave them out of {}",
            stream.codec, found.spec.name
        );
        return Err(Failure::new(FailureCode::CopyImpossible, message));
    }
    let name = if place == 0 { "subtitles".to_owned() } else { format!("subtitles {}", place + 1) };
    let why = "players read WebVTT";
    drafted.decisions.push(Decision::of(&name, Action::Encode, why).into("webvtt"));
    let cut = found.cuts.named(found.index, stream.index);
    let (input, span) = match cut {
        Some((input, _)) => (input, Vec::new()),
        None => (found.named(stream), found.spans.outputs[found.index].options()),
    };
    drafted.args.extend(["-map".into(), input]);
    drafted.args.extend(words(&["-c:s", "webvtt", "-vn", "-an", "-dn"]));
    drafted.args.extend(span);
    drafted.args.extend(words(&["-f", "webvtt"]));
    let file = format!(".{}.s{place}.vtt", found.index);
    drafted.args.push(file_address(&around.outputs.join(&file)));
    let kind = PartKind::Rendition(Track::Text(label(stream, stream.forced)));
    drafted.parts.push(Part {
        file,
        container: Container::Vtt,
        kind,
        holds: Holds { subtitles: 1, ..Holds::default() },
    });
    Ok(())
}

fn label(stream: &Stream, default: bool) -> Label {
    debug_assert!(!matches!(stream.kind, StreamKind::Video(_)), "videos are told apart by their size");
    Label { language: stream.language.clone(), title: stream.title.clone(), default, forced: stream.forced }
}
