//! Subtitles of which an output takes a part.
//!
//! ffmpeg cuts pictures and sound at any moment, but text only between its cues: one that is being shown when the part
//! begins is lost or delays all that follow, and two outputs of one track get each other's times. So the track is read as
//! a whole before, cut here, and given to ffmpeg as an input of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use super::span::Spans;
use super::tracks::{Chosen, is_text};
use super::{Surroundings, file_address, guarded_input, without_abort, words};
use crate::domain::format::Container;
use crate::domain::media::MediaInfo;
use crate::domain::output::{OutputSpec, Shape};

/// The most bytes of a track that are read; an hour of speech has some 50 000.
const MOST_BYTES: u64 = 64 << 20;

/// Of a cue that is cut nothing is left that is shown more briefly: it would only flash up.
const FLASH: Duration = Duration::from_millis(40);

/// How a track is written down to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::transcode) enum Form {
    /// Plain cues.
    SubRip,
    /// Cues with styles and places.
    Ass,
}

impl Form {
    /// How subtitles of this codec come into this container; `None` where they are pictures.
    fn of(codec: &str, container: Container) -> Option<Self> {
        match codec {
            "ass" | "ssa" if container == Container::Mkv => Some(Self::Ass),
            codec => is_text(codec).then_some(Self::SubRip),
        }
    }

    /// The name of ffmpeg's muxer, demuxer and encoder, and of the files.
    const fn name(self) -> &'static str {
        match self {
            Self::SubRip => "srt",
            Self::Ass => "ass",
        }
    }

    /// The codec's name.
    pub(super) const fn codec(self) -> &'static str {
        match self {
            Self::SubRip => "subrip",
            Self::Ass => "ass",
        }
    }

    /// The part of a track.
    fn cut(self, text: &str, part: Part) -> String {
        match self {
            Self::SubRip => cut_subrip(text, part),
            Self::Ass => cut_ass(text, part),
        }
    }
}

/// A track as it was read, by its number in the input and how it is written down.
pub(in crate::transcode) type Script = ((u32, Form), String);

/// The part of a track that goes into an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Part {
    start: Duration,
    limit: Option<Duration>,
    /// How long before the part the clock of the output begins.
    lead_in: Duration,
}

impl Part {
    /// When a cue is shown by the output's clock; `None` where it isn't.
    fn clip(self, from: Duration, to: Duration) -> Option<(Duration, Duration)> {
        let end = self.limit.map(|limit| self.start + limit);
        let (begin, end) = (from.max(self.start), end.map_or(to, |end| to.min(end)));
        let left = end.saturating_sub(begin);
        let flashes = left < FLASH && (begin, end) != (from, to);
        let zero = self.start.saturating_sub(self.lead_in);
        (!left.is_zero() && !flashes).then(|| (begin.saturating_sub(zero), end.saturating_sub(zero)))
    }
}

/// Whether an output takes text of the input along.
pub(super) fn has_text(spec: &OutputSpec, info: &MediaInfo) -> bool {
    Chosen::complete(spec, info).is_some_and(|chosen| chosen.subtitles.iter().any(|stream| is_text(&stream.codec)))
}

/// One track that is cut for one output.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    output: usize,
    stream: u32,
    form: Form,
    part: Part,
}

/// Everything that is cut for the outputs of a job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    cuts: Vec<Cut>,
    /// How many inputs stand before those of the cuts.
    before: usize,
}

impl Cuts {
    /// What these outputs need.
    pub(super) fn of(specs: &[OutputSpec], info: &MediaInfo, spans: &Spans) -> Self {
        let mut cuts = Vec::new();
        for (output, spec) in specs.iter().enumerate().filter(|(output, _)| spans.trims(*output)) {
            let Some(chosen) = Chosen::complete(spec, info) else { continue };
            // What is text alone isn't cut once more by ffmpeg.
            let lead_in = if spec.shape == Shape::File { spans.offset(output) } else { Duration::ZERO };
            let part = Part { start: spans.start(output), limit: spans.limit(output), lead_in };
            cuts.extend(chosen.subtitles.iter().filter_map(|stream| {
                let form = Form::of(&stream.codec, spec.container)?;
                Some(Cut { output, stream: stream.index, form, part })
            }));
        }
        Self { cuts, before: spans.reads.len() }
    }

    /// The options and addresses by which ffmpeg reads them, behind all other inputs.
    pub(super) fn inputs(&self, around: Surroundings<'_>) -> Vec<OsString> {
        let mut args = Vec::new();
        for (number, cut) in self.cuts.iter().enumerate() {
            let form = cut.form.name();
            args.extend(words(&["-protocol_whitelist", "file", "-format_whitelist", "srt,ass", "-f", form, "-i"]));
            args.push(file_address(&around.scratch.join(cut.file(number))));
        }
        args
    }

    /// ffmpeg's name of a cut track; `None` where the track isn't cut for this output.
    pub(super) fn named(&self, output: usize, stream: u32) -> Option<(OsString, Form)> {
        let number = self.cuts.iter().position(|cut| (cut.output, cut.stream) == (output, stream))?;
        Some((format!("{}:0", self.before + number).into(), self.cuts[number].form))
    }

    /// The files, by their names in the scratch folder; a track that wasn't read is empty.
    pub(super) fn files(&self, scripts: &BTreeMap<(u32, Form), String>) -> Vec<(String, String)> {
        let write = |(number, cut): (usize, &Cut)| {
            let script = scripts.get(&(cut.stream, cut.form)).map(String::as_str).unwrap_or_default();
            (cut.file(number), cut.form.cut(script, cut.part))
        };
        self.cuts.iter().enumerate().map(write).collect()
    }

    /// The tracks that have to be read.
    pub(super) fn tracks(&self) -> Vec<(u32, Form)> {
        let mut tracks: Vec<(u32, Form)> = self.cuts.iter().map(|cut| (cut.stream, cut.form)).collect();
        tracks.sort_unstable();
        tracks.dedup();
        tracks
    }
}

impl Cut {
    fn file(&self, number: usize) -> String {
        format!("cues-{number}.{}", self.form.name())
    }
}

fn track_file((stream, form): (u32, Form)) -> String {
    format!("track-{stream}.{}", form.name())
}

/// ffmpeg's arguments to read these tracks as a whole.
pub(super) fn reading(tracks: &[(u32, Form)], around: Surroundings<'_>) -> Vec<OsString> {
    // A track may well be empty.
    let mut args = without_abort();
    args.extend(guarded_input());
    args.extend(["-i".into(), file_address(around.input)]);
    for track in tracks {
        let (stream, form) = (track.0, track.1.name());
        args.extend(["-map".into(), format!("0:{stream}").into()]);
        args.extend(words(&["-c:s", form, "-f", form]));
        args.push(file_address(&around.scratch.join(track_file(*track))));
    }
    args
}

/// What was read of these tracks; nothing of one that ffmpeg found nothing in.
pub(super) fn scripts(tracks: &[(u32, Form)], scratch: &Path) -> Vec<Script> {
    let read = |track: &(u32, Form)| {
        let mut bytes = Vec::new();
        let file = File::open(scratch.join(track_file(*track))).ok()?;
        file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    tracks.iter().map(|track| (*track, read(track).unwrap_or_default())).collect()
}

/// A cue is a number, a line with its times, and what is shown until the next such pair.
fn cut_subrip(text: &str, part: Part) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let times = |index: usize| {
        let number = lines.get(index)?.trim();
        let (from, to) = lines.get(index + 1)?.split_once(" --> ")?;
        // Where the cue is shown may stand behind its end.
        let to = to.split(' ').next()?;
        number.parse::<u64>().ok().and(clock(from)).zip(clock(to))
    };
    let heads: Vec<(usize, (Duration, Duration))> =
        (0..lines.len()).filter_map(|index| Some((index, times(index)?))).collect();
    let mut cut = String::new();
    let mut number = 0;
    for (place, (head, (from, to))) in heads.iter().enumerate() {
        let Some((from, to)) = part.clip(*from, *to) else { continue };
        let end = heads.get(place + 1).map_or(lines.len(), |(next, _)| *next);
        let shown = lines[head + 2..end].join("\n");
        number += 1;
        cut.extend([&format!("{number}\n{} --> {}\n", stamp(from), stamp(to)), shown.trim_end(), "\n\n"]);
    }
    cut
}

/// A cue is a line: `Dialogue: layer,start,end,…`.
fn cut_ass(text: &str, part: Part) -> String {
    let mut cut = String::new();
    for line in text.lines() {
        let Some(fields) = line.strip_prefix("Dialogue:") else {
            cut.extend([line, "\n"]);
            continue;
        };
        let mut fields = fields.splitn(4, ',');
        let parts = (|| Some((fields.next()?, clock(fields.next()?)?, clock(fields.next()?)?, fields.next()?)))();
        if let Some((layer, from, to, rest)) = parts
            && let Some((from, to)) = part.clip(from, to)
        {
            cut.extend(["Dialogue:", layer, ",", &centistamp(from), ",", &centistamp(to), ",", rest, "\n"]);
        }
    }
    cut
}

/// Reads `00:01:02,345` or `0:01:02.34`.
fn clock(text: &str) -> Option<Duration> {
    let mut parts = text.trim().splitn(3, ':');
    let (hours, minutes): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds: f64 = parts.next()?.replace(',', ".").parse().ok()?;
    let seconds = Duration::try_from_secs_f64(seconds).ok().filter(|seconds| seconds.as_secs() < 3600)?;
    Some(Duration::from_secs(u64::from(hours) * 3600 + u64::from(minutes) * 60) + seconds)
}

fn stamp(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02},{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, time.subsec_millis())
}

fn centistamp(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}.{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60, time.subsec_millis() / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "1\n00:00:01,000 --> 00:00:04,000\nfrom one\n\nto four\n\n\
                          2\n00:00:05,000 --> 00:00:06,500  X1:1 X2:2\n7\n\n\
                          3\n01:00:00,000 --> 01:00:01,000\nmuch later\n\n";

    fn part(start_ms: u64, limit_ms: Option<u64>) -> Part {
        let start = Duration::from_millis(start_ms);
        Part { start, limit: limit_ms.map(Duration::from_millis), ..Part::default() }
    }

    #[test]
    fn cues_are_cut_where_the_part_begins_and_ends() {
        let cut = |start, limit| Form::SubRip.cut(SCRIPT, part(start, limit));
        assert_eq!(
            cut(2500, Some(3000)),
            "1\n00:00:00,000 --> 00:00:01,500\nfrom one\n\nto four\n\n2\n00:00:02,500 --> 00:00:03,000\n7\n\n"
        );
        assert_eq!(cut(3_599_000, None), "1\n00:00:01,000 --> 00:00:02,000\nmuch later\n\n");
        assert_eq!(cut(4000, Some(1000)), "", "an end is no part of a cue");
        assert_eq!(cut(3970, Some(1000)), "", "nobody could read it");
    }

    #[test]
    fn the_clock_may_begin_before_the_part() {
        let part = Part { lead_in: Duration::from_secs(2), ..part(5500, None) };
        assert!(Form::SubRip.cut(SCRIPT, part).starts_with("1\n00:00:02,000 --> 00:00:03,000\n7\n"));
    }

    #[test]
    fn styles_and_whatever_stands_behind_the_times_stay() {
        let script = "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Text\n\
                      Dialogue: 0,0:00:01.00,0:00:04.00,Default,,0,0,0,,one, {\\b1}two\nDialogue: 1,0:00:09.00,0:00:10.25,x\n";
        let cut = Form::Ass.cut(script, part(3000, Some(2000)));
        assert!(cut.starts_with("[Script Info]\nTitle: x\n"));
        assert!(cut.ends_with("Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,one, {\\b1}two\n"), "{cut}");
    }

    #[test]
    fn what_is_no_track_is_an_empty_one() {
        for odd in
            ["", "1\n", "x\n00:00:01,000 --> 00:00:02,000\n", "1\n1:2 --> 3:4\n", "1\n99999999999:0:0 --> 0:0:1\n"]
        {
            assert_eq!(Form::SubRip.cut(odd, part(0, None)), "", "{odd:?}");
        }
        assert_eq!(Form::Ass.cut("Dialogue: 0,a,b,c\nDialogue:\n", part(0, None)), "");
    }
}
