//! The manifest of DASH (ISO/IEC 23009-1): the same segments, with an exact timeline for each rendition.

use std::fmt::Write as _;
use std::time::Duration;

use super::codecs::VideoRange;
use super::contents::{Contents, Text};
use super::cut;
use super::rendition::{Facts, Rendition};
use super::text::xml;

/// The name of the manifest.
pub(super) const MANIFEST: &str = "manifest.mpd";

/// The manifest.
pub(super) fn manifest(contents: &Contents) -> String {
    let longest = contents.renditions.iter().flat_map(Rendition::durations).max().unwrap_or_default();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" \
         type=\"static\" mediaPresentationDuration=\"{}\" maxSegmentDuration=\"{}\" minBufferTime=\"{}\">\n\
         <Period id=\"0\" start=\"PT0S\">\n",
        seconds(contents.duration()),
        seconds(longest),
        seconds(contents.target),
    );
    let mut sets: Vec<Vec<&Rendition>> = Vec::new();
    for rendition in &contents.renditions {
        match sets.iter_mut().find(|set| set.first().is_some_and(|first| together(first, rendition))) {
            Some(set) => set.push(rendition),
            None => sets.push(vec![rendition]),
        }
    }
    let mut id = 0;
    for (number, set) in sets.iter().enumerate() {
        adaptation_set(&mut text, number, set, &mut id);
    }
    for (number, subtitles) in contents.texts.iter().enumerate() {
        subtitle_set(&mut text, sets.len() + number, subtitles, id + number, contents.duration());
    }
    text + "</Period>\n</MPD>\n"
}

/// Whether a player may change between two renditions while it plays.
fn together(one: &Rendition, other: &Rendition) -> bool {
    let family = |rendition: &Rendition| rendition.codec.split('.').next().map(str::to_owned);
    let same = match (&one.facts, &other.facts) {
        (Facts::Video { range, .. }, Facts::Video { range: others, .. }) => range == others,
        (
            Facts::Audio { name, language, channels, .. },
            Facts::Audio { name: other_name, language: other_language, channels: other_channels, .. },
        ) => name == other_name && language == other_language && channels == other_channels,
        _ => false,
    };
    same && family(one) == family(other)
}

fn adaptation_set(text: &mut String, number: usize, set: &[&Rendition], id: &mut usize) {
    let Some(first) = set.first() else { return };
    let common = "segmentAlignment=\"true\" startWithSAP=\"1\"";
    match &first.facts {
        Facts::Video { range, .. } => {
            let _ =
                writeln!(text, "<AdaptationSet id=\"{number}\" contentType=\"video\" mimeType=\"video/mp4\" {common}>");
            transfer(text, *range);
        }
        Facts::Audio { channels, name, language, default, .. } => {
            let language = language.as_ref().map(|tag| format!(" lang=\"{}\"", xml(tag))).unwrap_or_default();
            let _ = writeln!(
                text,
                "<AdaptationSet id=\"{number}\" contentType=\"audio\" mimeType=\"audio/mp4\"{language} {common}>"
            );
            let _ = writeln!(
                text,
                "<AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" \
                 value=\"{channels}\"/>"
            );
            let role = if *default { "main" } else { "alternate" };
            let _ = writeln!(text, "<Label>{}</Label>", xml(name));
            let _ = writeln!(text, "<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>");
        }
    }
    for rendition in set {
        representation(text, rendition, *id);
        *id += 1;
    }
    text.push_str("</AdaptationSet>\n");
}

/// Says that a picture isn't in standard range, for players that would choose by it.
fn transfer(text: &mut String, range: VideoRange) {
    let value = match range {
        VideoRange::Sdr => return,
        VideoRange::Hlg => 18,
        VideoRange::Pq => 16,
    };
    let _ = writeln!(
        text,
        "<SupplementalProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" value=\"{value}\"/>"
    );
}

fn representation(text: &mut String, rendition: &Rendition, id: usize) {
    let _ = write!(
        text,
        "<Representation id=\"{id}\" codecs=\"{}\" bandwidth=\"{}\"",
        xml(&rendition.codec),
        rendition.bandwidth_bps
    );
    let _ = match &rendition.facts {
        Facts::Video { width, height, frame_rate, .. } => writeln!(
            text,
            " width=\"{width}\" height=\"{height}\" frameRate=\"{}/{}\">",
            frame_rate.numerator, frame_rate.denominator
        ),
        Facts::Audio { sample_rate_hz, .. } => writeln!(text, " audioSamplingRate=\"{sample_rate_hz}\">"),
    };
    let folder = xml(&rendition.folder);
    let _ = writeln!(
        text,
        "<SegmentTemplate timescale=\"{}\" startNumber=\"1\" initialization=\"{folder}/{}\" \
         media=\"{folder}/$Number%05d$.m4s\">\n<SegmentTimeline>",
        rendition.timescale,
        cut::INIT
    );
    timeline(text, rendition);
    text.push_str("</SegmentTimeline>\n</SegmentTemplate>\n</Representation>\n");
}

/// Segments of the same length one after the other take one line.
fn timeline(text: &mut String, rendition: &Rendition) {
    let mut segments = rendition.segments.iter().peekable();
    let mut start = segments.peek().map(|first| first.start);
    while let Some(segment) = segments.next() {
        let mut again = 0;
        while segments.next_if(|next| next.duration == segment.duration).is_some() {
            again += 1;
        }
        text.push_str("<S");
        if let Some(start) = start.take() {
            let _ = write!(text, " t=\"{start}\"");
        }
        let _ = write!(text, " d=\"{}\"", segment.duration);
        if again > 0 {
            let _ = write!(text, " r=\"{again}\"");
        }
        text.push_str("/>\n");
    }
}

fn subtitle_set(text: &mut String, number: usize, subtitles: &Text, id: usize, duration: Duration) {
    let bandwidth = u128::from(subtitles.bytes) * 8000 / duration.as_millis().max(1) + 1;
    let language = subtitles.language.as_ref().map(|tag| format!(" lang=\"{}\"", xml(tag))).unwrap_or_default();
    let role = if subtitles.forced { "forced-subtitle" } else { "subtitle" };
    let _ = writeln!(
        text,
        "<AdaptationSet id=\"{number}\" contentType=\"text\" mimeType=\"text/vtt\"{language}>\n\
         <Label>{}</Label>\n\
         <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>\n\
         <Representation id=\"{id}\" bandwidth=\"{bandwidth}\">\n\
         <BaseURL>{}/{}</BaseURL>\n</Representation>\n</AdaptationSet>",
        xml(&subtitles.name),
        xml(&subtitles.folder),
        super::SUBTITLES
    );
}

fn seconds(duration: Duration) -> String {
    // Rounded up, so that the last frame isn't cut off.
    let micros = duration.as_nanos().div_ceil(1000);
    format!("PT{}.{:06}S", micros / 1_000_000, micros % 1_000_000)
}
