//! Which streams of the input go into an output.

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
    /// Chooses for `spec`. An output without the input's sound is silent; one that can hold nothing but sound needs it.
    ///
    /// # Errors
    /// Where the input lacks what the output needs.
    pub(super) fn of(spec: &OutputSpec, info: &'a MediaInfo) -> Result<Self, Failure> {
        let name = &spec.name;
        let video = info.video().filter(|_| spec.shape.is_pictures() || spec.video.codec != VideoCodec::None);
        let audio = if spec.audio.codec.is_kept() && !spec.shape.is_pictures() {
            audio(&spec.audio.tracks, info, name)?
        } else {
            Vec::new()
        };
        let subtitles = subtitles(&spec.subtitles, info, name)?;
        let chosen = Self { video, audio, subtitles };
        chosen.check(spec)?;
        Ok(chosen)
    }

    fn check(&self, spec: &OutputSpec) -> Result<(), Failure> {
        let name = &spec.name;
        if spec.shape.is_pictures() && self.video.is_none() {
            return missing(format!("the input has no video, of which {name} would be a picture"));
        }
        if spec.container.is_text() || spec.shape.is_pictures() {
            return Ok(());
        }
        if spec.video.codec != VideoCodec::None && self.video.is_none() {
            return missing(format!("the input has no video, which {name} needs; ask for an audio output instead"));
        }
        if spec.video.codec == VideoCodec::None && self.audio.is_empty() {
            return missing(format!("the input has no audio, and {name} would hold nothing else"));
        }
        Ok(())
    }

    /// The durations of the streams, as far as they tell.
    pub(super) fn durations(&self) -> impl Iterator<Item = Option<u64>> {
        let video = self.video.iter().map(|(stream, _)| stream.duration_ms);
        video.chain(self.audio.iter().map(|(stream, _)| stream.duration_ms))
    }
}

fn audio<'a>(tracks: &Tracks, info: &'a MediaInfo, name: &str) -> Result<Vec<(&'a Stream, &'a AudioFacts)>, Failure> {
    let all: Vec<_> = info.audios().collect();
    let streams: Vec<&Stream> = all.iter().map(|(stream, _)| *stream).collect();
    let picked = pick(tracks, &streams, "audio", name)?;
    Ok(picked.into_iter().map(|index| all[index]).collect())
}

fn subtitles<'a>(tracks: &Tracks, info: &'a MediaInfo, name: &str) -> Result<Vec<&'a Stream>, Failure> {
    let all: Vec<_> = info.subtitles().collect();
    if all.is_empty() && tracks.is_main() {
        return missing(format!("the input has no subtitles for {name}"));
    }
    Ok(pick(tracks, &all, "subtitle", name)?.into_iter().map(|index| all[index]).collect())
}

/// The places of the wanted tracks in `all`.
fn pick(tracks: &Tracks, all: &[&Stream], kind: &str, name: &str) -> Result<Vec<usize>, Failure> {
    match tracks {
        Tracks::Named(NamedTracks::None) => Ok(Vec::new()),
        Tracks::Named(NamedTracks::All) => Ok((0..all.len()).collect()),
        Tracks::Named(NamedTracks::Main) => {
            let default = all.iter().position(|stream| stream.default && !stream.commentary);
            Ok(default.or((!all.is_empty()).then_some(0)).into_iter().collect())
        }
        Tracks::Chosen(choices) => choices.iter().map(|choice| one(choice, all, kind, name)).collect(),
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
        (None, track) => format!("no {kind} track number {}", track.unwrap_or(0)),
    };
    let known: Vec<String> = all.iter().map(|stream| stream.language.clone().unwrap_or_else(|| "?".into())).collect();
    let known = match known.as_slice() {
        [] => "it has none at all".to_owned(),
        known => format!("it has {}: {}", known.len(), known.join(", ")),
    };
    missing(format!("the input has {wanted}, which {name} needs; {known}"))
}

fn missing<T>(message: String) -> Result<T, Failure> {
    Err(Failure::new(FailureCode::StreamMissing, message))
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
