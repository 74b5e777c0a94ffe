//! Which streams of the input go into an output.

use super::faults::Faults;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::{AudioCodec, VideoCodec};
use crate::domain::media::{AudioFacts, MediaInfo, Stream, VideoFacts};
use crate::domain::output::{NamedTracks, OutputSpec, TrackChoice, Tracks, same_language};

/// The streams of the input that go into one output.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) video: Option<(&'a Stream, &'a VideoFacts)>,
    pub(super) audio: Vec<(&'a Stream, &'a AudioFacts)>,
    /// Each with its number among the input's subtitles.
    pub(super) subtitles: Vec<&'a Stream>,
}

impl<'a> Chosen<'a> {
    /// Chooses for `spec`. An output without the input's sound is silent; one that can hold nothing but sound needs it. What the
    /// input lacks of what the output needs goes to `faults`.
    pub(super) fn of(spec: &OutputSpec, info: &'a MediaInfo, faults: &mut Faults) -> Self {
        let name = &spec.name;
        let video = info.video().filter(|_| spec.shape.is_pictures() || spec.video.codec != VideoCodec::None);
        let audio = if spec.audio.codec.is_kept() && !spec.shape.is_pictures() {
            audio(&spec.audio.tracks, info, name, faults)
        } else {
            Vec::new()
        };
        let subtitles = subtitles(&spec.subtitles, info, name, faults);
        let chosen = Self { video, audio, subtitles };
        if let Some((field, lack)) = chosen.lacks(spec, info) {
            faults.note(field, missing(lack));
        }
        chosen
    }

    /// The same where the input lacks nothing.
    pub(super) fn complete(spec: &OutputSpec, info: &'a MediaInfo) -> Option<Self> {
        let mut faults = Faults::default();
        let chosen = Self::of(spec, info, &mut faults);
        faults.is_empty().then_some(chosen)
    }

    /// What the output can't be without, and the field that asks for it.
    fn lacks(&self, spec: &OutputSpec, info: &MediaInfo) -> Option<(&'static str, String)> {
        let (name, films) = (&spec.name, spec.video.codec != VideoCodec::None);
        if spec.shape.is_pictures() {
            let lack = || ("", format!("the input has no video, of which {name} would be a picture"));
            return self.video.is_none().then(lack);
        }
        match spec.container.is_text() {
            false if films && self.video.is_none() => {
                Some(("/video", format!("the input has no video, which {name} needs; ask for an audio output instead")))
            }
            false if !films && info.audios().next().is_none() => {
                Some(("/audio", format!("the input has no audio, and {name} would hold nothing else")))
            }
            _ => None,
        }
    }

    /// What is seen and heard, the video first.
    pub(super) fn streams(&self) -> impl Iterator<Item = &'a Stream> {
        let video = self.video.iter().map(|(stream, _)| *stream);
        video.chain(self.audio.iter().map(|(stream, _)| *stream))
    }
}

fn audio<'a>(
    tracks: &Tracks,
    info: &'a MediaInfo,
    name: &str,
    faults: &mut Faults,
) -> Vec<(&'a Stream, &'a AudioFacts)> {
    let all: Vec<_> = info.audios().collect();
    let streams: Vec<&Stream> = all.iter().map(|(stream, _)| *stream).collect();
    let picked = pick(tracks, &streams, ("audio", "/audio/tracks"), name, faults);
    picked.into_iter().map(|index| all[index]).collect()
}

fn subtitles<'a>(tracks: &Tracks, info: &'a MediaInfo, name: &str, faults: &mut Faults) -> Vec<&'a Stream> {
    let all: Vec<_> = info.subtitles().collect();
    if all.is_empty() && tracks.is_main() {
        faults.note("/subtitles/tracks", missing(format!("the input has no subtitles for {name}")));
    }
    let picked = pick(tracks, &all, ("subtitle", "/subtitles/tracks"), name, faults);
    picked.into_iter().map(|index| all[index]).collect()
}

/// The places of the wanted tracks in `all`. They are of a kind, and asked for by a field.
fn pick(tracks: &Tracks, all: &[&Stream], (kind, field): (&str, &str), name: &str, faults: &mut Faults) -> Vec<usize> {
    match tracks {
        Tracks::Named(NamedTracks::None) => Vec::new(),
        Tracks::Named(NamedTracks::All) => (0..all.len()).collect(),
        Tracks::Named(NamedTracks::Main) => {
            let default = all.iter().position(|stream| stream.default && !stream.commentary);
            default.or((!all.is_empty()).then_some(0)).into_iter().collect()
        }
        Tracks::Chosen(choices) => {
            let choices = choices.iter().enumerate();
            let found = choices.map(|(at, choice)| faults.take(&format!("{field}/{at}"), one(choice, all, kind, name)));
            found.flatten().collect()
        }
    }
}

fn one(choice: &TrackChoice, all: &[&Stream], kind: &str, name: &str) -> Result<usize, Failure> {
    let found = match (&choice.language, choice.track) {
        (Some(language), _) => {
            all.iter().position(|stream| stream.language.as_deref().is_some_and(|other| same_language(other, language)))
        }
        (None, Some(track)) => usize::try_from(track).ok().filter(|track| *track < all.len()),
        (None, None) => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let wanted = match (&choice.language, choice.track) {
        (Some(language), _) => format!("no {kind} track in {language:?}"),
        (None, track) => format!("no {kind} track number {} (the first is 0)", track.unwrap_or(0)),
    };
    let known: Vec<String> = all.iter().map(|stream| stream.language.clone().unwrap_or_else(|| "?".into())).collect();
    let known = match known.as_slice() {
        [] => "it has none at all".to_owned(),
        known => format!("it has {}: {}", known.len(), known.join(", ")),
    };
    Err(missing(format!("the input has {wanted}, which {name} needs; {known}")))
}

fn missing(message: String) -> Failure {
    Failure::new(FailureCode::StreamMissing, message)
}

/// Whether subtitles of this codec are text, which can be brought into any form; others are pictures.
pub(super) fn is_text(codec: &str) -> bool {
    matches!(
        codec,
        "subrip"
            | "srt"
            | "ass"
            | "ssa"
            | "webvtt"
            | "mov_text"
            | "text"
            | "ttml"
            | "microdvd"
            | "subviewer"
            | "stl"
            | "eia_608"
    )
}

/// Whether an audio codec of an output is one of ours that is encoded.
pub(super) fn audio_codec_name(codec: AudioCodec) -> &'static str {
    if codec == AudioCodec::Pcm { "pcm_s16le" } else { codec.name() }
}
