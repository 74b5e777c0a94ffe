//! How long an output must be, and each of its streams, as far as the input tells.

use std::time::Duration;

use super::planned::Holds;
use super::span::Spans;
use super::tracks::Chosen;
use super::{Found, ends};
use crate::domain::format::AudioCodec;
use crate::domain::media::{MediaInfo, Stream};
use crate::domain::output::OutputSpec;

/// How long an output must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Length {
    /// The expected duration.
    pub(in crate::transcode) expected: Duration,
    /// Whether the input's own word on its length is so exact that another length is wrong even where ffmpeg complained
    /// of nothing.
    pub(in crate::transcode) exact: bool,
}

/// How long the chosen streams are, where the input tells.
fn input_length(info: &MediaInfo, chosen: &Chosen<'_>) -> Option<Length> {
    let used: Vec<Option<u64>> = chosen.streams().map(|stream| stream.duration_ms).collect();
    let own: Option<Vec<u64>> = used.iter().copied().collect();
    let (ms, known) = match own.and_then(|durations| durations.into_iter().max()) {
        Some(longest) => (longest, true),
        // The container's duration may be that of a stream which isn't used.
        None => (info.duration_ms?, used.len() == info.streams.len()),
    };
    Some(Length { expected: Duration::from_millis(ms), exact: known && tells_its_length(&info.container) })
}

/// How long output `index` must be, of these streams.
pub(super) fn of(
    spec: &OutputSpec,
    info: &MediaInfo,
    spans: &Spans,
    index: usize,
    chosen: &Chosen<'_>,
) -> Option<Length> {
    let input = input_length(info, chosen)?;
    // A copy can be cut at key frames only, so where it begins and ends is up to the input.
    let copied = spans.copies(index) || spec.audio.codec == AudioCodec::Copy && spans.trims(index);
    let expected = spans.length(index, Some(input.expected))?;
    // Where all that is left in a part begins late, some containers count from there on and others from its start.
    let late = spans.trims(index) && ends::all_begin_after(spans.start(index), info, chosen);
    Some(Length { expected, exact: input.exact && !copied && !late })
}

/// How long each stream of a file must be, as the input's streams seldom begin and end together.
pub(super) fn hold_lengths(holds: &mut Holds, found: Found<'_>, chosen: &Chosen<'_>) {
    if let (Some(held), Some((stream, _))) = (&mut holds.video, chosen.video) {
        held.length = stream_length(found, stream, held.encoded);
    }
    for (held, (stream, _)) in holds.audio.iter_mut().zip(&chosen.audio) {
        held.length = stream_length(found, stream, held.encoded);
    }
}

/// How long the part of a stream must be that an output takes.
pub(super) fn stream_length(found: Found<'_>, stream: &Stream, encoded: bool) -> Option<Length> {
    let Found { index, info, spans, .. } = found;
    let begin = ends::begin(stream, info)?;
    let end = begin + Duration::from_millis(stream.own_ms?);
    let start = spans.start(index);
    let end = spans.limit(index).map_or(end, |limit| end.min(start + limit));
    // Copies begin and end with whole packets, and those of pictures with key frames.
    Some(Length { expected: end.checked_sub(start.max(begin))?, exact: encoded || !spans.trims(index) })
}

/// Whether files of this container write down how long they are; others are estimated from their bitrate.
pub(super) fn tells_its_length(container: &str) -> bool {
    container
        .split(',')
        .any(|name| matches!(name, "mov" | "mp4" | "matroska" | "webm" | "avi" | "flac" | "wav" | "ogg"))
}
