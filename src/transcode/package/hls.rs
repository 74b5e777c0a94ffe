//! The playlists of HLS (RFC 8216): one for each rendition, and one over all.

use std::fmt::Write as _;
use std::time::Duration;

use super::codecs::VideoRange;
use super::contents::{Contents, Group, Text};
use super::cut;
use super::rendition::{Facts, Rendition};
use super::text::quoted;

/// The name of a rendition's playlist, inside its folder.
pub(super) const PLAYLIST: &str = "index.m3u8";

/// The name of the playlist over all.
pub(super) const MASTER: &str = "master.m3u8";

/// A rendition's playlist.
pub(super) fn playlist(rendition: &Rendition) -> String {
    let lines = lengths(rendition.durations());
    let mut text = head(lines.iter().map(|(_, length)| *length));
    let _ = writeln!(text, "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{}\"", cut::INIT);
    for (number, (line, _)) in lines.iter().enumerate() {
        let _ = writeln!(text, "{line}\n{}", cut::file_name(number + 1));
    }
    text + "#EXT-X-ENDLIST\n"
}

/// The playlist of subtitles: one file for all the time there is.
pub(super) fn text_playlist(file: &str, duration: Duration) -> String {
    let lines = lengths(std::iter::once(duration));
    let mut text = head(lines.iter().map(|(_, length)| *length));
    for (line, _) in &lines {
        let _ = writeln!(text, "{line}\n{file}");
    }
    text + "#EXT-X-ENDLIST\n"
}

/// The `EXTINF` of each segment, and its length in microseconds. Rounding doesn't add up.
fn lengths(durations: impl Iterator<Item = Duration>) -> Vec<(String, u128)> {
    let (mut end, mut told) = (Duration::ZERO, 0);
    let line = |duration: Duration| {
        end += duration;
        let length = ((end.as_nanos() + 500) / 1000).saturating_sub(told);
        told += length;
        (format!("#EXTINF:{}.{:06},", length / 1_000_000, length % 1_000_000), length)
    };
    durations.map(line).collect()
}

fn head(lengths: impl Iterator<Item = u128>) -> String {
    // Each length, rounded to whole seconds, may be at most the target (RFC 8216, 4.3.3.1).
    let target = lengths.map(|length| (length + 500_000) / 1_000_000).max().unwrap_or(0).max(1);
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    )
}

/// The playlist over all.
pub(super) fn master(contents: &Contents) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    let groups = contents.audio_groups();
    let named = contents.needs_groups(&groups);
    if named {
        for group in &groups {
            media_audio(&mut text, contents, group);
        }
    }
    for subtitles in &contents.texts {
        media_text(&mut text, subtitles);
    }
    for video in contents.videos() {
        if groups.is_empty() {
            variant(&mut text, contents, Some(video), None, named);
        }
        for group in &groups {
            variant(&mut text, contents, Some(video), Some(group), named);
        }
    }
    if !contents.has_video() {
        for group in &groups {
            variant(&mut text, contents, None, Some(group), named);
        }
    }
    text
}

fn media_audio(text: &mut String, contents: &Contents, group: &Group) {
    for member in &group.members {
        let rendition = &contents.renditions[member.rendition];
        let Facts::Audio { channels, language, .. } = &rendition.facts else { continue };
        let _ = write!(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME={}", group.id, quoted(&member.name));
        if let Some(language) = language {
            let _ = write!(text, ",LANGUAGE=\"{language}\"");
        }
        let _ = write!(text, ",DEFAULT={},AUTOSELECT=YES,CHANNELS=\"{channels}\"", yes(member.default));
        let _ = writeln!(text, ",URI=\"{}/{PLAYLIST}\"", rendition.folder);
    }
}

fn media_text(text: &mut String, subtitles: &Text) {
    let _ = write!(text, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",NAME={}", quoted(&subtitles.name));
    if let Some(language) = &subtitles.language {
        let _ = write!(text, ",LANGUAGE=\"{language}\"");
    }
    let (default, forced) = (yes(subtitles.default), yes(subtitles.forced));
    let _ = write!(text, ",DEFAULT={default},AUTOSELECT=YES,FORCED={forced}");
    let _ = writeln!(text, ",URI=\"{}/{PLAYLIST}\"", subtitles.folder);
}

fn yes(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

/// One way to play all: a video with a group of audio, either alone too.
fn variant(text: &mut String, contents: &Contents, video: Option<&Rendition>, group: Option<&Group>, named: bool) {
    let heard = group.map(|group| group.members.iter().map(|member| &contents.renditions[member.rendition]));
    let heard: Vec<&Rendition> = heard.into_iter().flatten().collect();
    // Only one of the group is played with the video: the largest is the one that bandwidth is needed for.
    let most = |rate: fn(&Rendition) -> u64| heard.iter().map(|audio| rate(audio)).max().unwrap_or(0);
    let peak = video.map_or(0, |video| video.bandwidth_bps) + most(|audio| audio.bandwidth_bps);
    let average = video.map_or(0, |video| video.average_bps) + most(|audio| audio.average_bps);
    let mut codecs: Vec<&str> = video.iter().map(|video| video.codec.as_str()).collect();
    for audio in &heard {
        if !codecs.contains(&audio.codec.as_str()) {
            codecs.push(&audio.codec);
        }
    }
    let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}");
    let _ = write!(text, ",CODECS=\"{}\"", codecs.join(","));
    if let Some(Facts::Video { width, height, frame_rate, range }) = video.map(|video| &video.facts) {
        let _ = write!(text, ",RESOLUTION={width}x{height},FRAME-RATE={:.3}", frame_rate.per_second());
        let range = match range {
            VideoRange::Sdr => "SDR",
            VideoRange::Hlg => "HLG",
            VideoRange::Pq => "PQ",
        };
        let _ = write!(text, ",VIDEO-RANGE={range}");
    }
    if let Some(group) = group.filter(|_| named) {
        let _ = write!(text, ",AUDIO=\"{}\"", group.id);
    }
    if !contents.texts.is_empty() {
        text.push_str(",SUBTITLES=\"text\"");
    }
    let first = group.and_then(|group| group.members.iter().find(|member| member.default));
    let shown = video.or_else(|| first.map(|member| &contents.renditions[member.rendition]));
    let _ = writeln!(text, "\n{}/{PLAYLIST}", shown.map_or("", |shown| shown.folder.as_str()));
}
