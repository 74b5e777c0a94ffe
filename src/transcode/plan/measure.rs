//! What has to be measured before a job's outputs can be made: how loud its sound is, and when a picture isn't black.
//!
//! Each measurement is a run of ffmpeg of its own, and its result a fact for the plan proper.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::cues::{self, Cuts, Form, Script};
use super::sound::{self, Loudness};
use super::span::{self, Spans};
use super::tracks::Chosen;
use super::{Surroundings, file_address, guarded_input, stills, without_abort, words};
use crate::domain::media::{AudioFacts, MediaInfo, Stream};
use crate::domain::output::{OutputSpec, Shape};
use crate::ffmpeg::GLOBAL_ARGS;

/// One thing that has to be measured.
#[derive(Debug, PartialEq)]
pub(in crate::transcode) struct Measurement {
    /// ffmpeg's arguments.
    pub(in crate::transcode) args: Vec<OsString>,
    /// How much of the input is read for it, where that is known.
    pub(in crate::transcode) expected: Option<Duration>,
    subject: Subject,
}

#[derive(Debug, PartialEq)]
enum Subject {
    /// The loudness of what this key stands for.
    Loudness(String),
    /// A time for the pictures of this part, among these.
    Poster { bounds: Bounds, times: Vec<Duration> },
    /// The text of these tracks.
    Scripts(Vec<(u32, Form)>),
}

/// The milliseconds at which a part of the input starts and ends.
type Bounds = (u64, Option<u64>);

fn bounds(spec: &OutputSpec) -> Bounds {
    let trim = spec.trim.unwrap_or_default();
    (trim.start_ms.unwrap_or(0), trim.end_ms)
}

/// What came of a measurement.
#[derive(Debug)]
pub(in crate::transcode) enum Taken {
    Loudness(String, Loudness),
    Poster(Bounds, Duration),
    Scripts(Vec<Script>),
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub(in crate::transcode) struct Measured {
    loudness: BTreeMap<String, Loudness>,
    posters: BTreeMap<Bounds, Duration>,
    scripts: BTreeMap<(u32, Form), String>,
}

impl Measured {
    /// Adds what came of a measurement.
    pub(in crate::transcode) fn add(&mut self, taken: Taken) {
        match taken {
            Taken::Loudness(key, loudness) => drop(self.loudness.insert(key, loudness)),
            Taken::Poster(bounds, time) => drop(self.posters.insert(bounds, time)),
            Taken::Scripts(scripts) => self.scripts.extend(scripts),
        }
    }

    /// How loud it is, or what stands for that.
    pub(super) fn loudness(&self, key: &str) -> Loudness {
        self.loudness.get(key).cloned().unwrap_or_else(Loudness::unmeasured)
    }

    /// The tracks of text that were read.
    pub(super) const fn scripts(&self) -> &BTreeMap<(u32, Form), String> {
        &self.scripts
    }

    /// When a picture isn't black of what an output takes of the input, in milliseconds from the start of that.
    pub(super) fn poster(&self, spec: &OutputSpec) -> Option<u64> {
        self.posters.get(&bounds(spec)).and_then(|time| u64::try_from(time.as_millis()).ok())
    }
}

impl Measurement {
    /// Reads what a run of ffmpeg that ended well has told, on its standard error and in `scratch`; `None` where it told
    /// nothing that can be understood.
    pub(in crate::transcode) fn read(&self, stderr: &[String], scratch: &Path) -> Option<Taken> {
        match &self.subject {
            Subject::Loudness(key) => Some(Taken::Loudness(key.clone(), read_loudness(stderr)?)),
            Subject::Scripts(tracks) => Some(Taken::Scripts(cues::scripts(tracks, scratch))),
            Subject::Poster { bounds, times } => {
                let best = times.iter().enumerate().filter_map(|(index, time)| {
                    let pixels = std::fs::read(scratch.join(format!("look-{index}"))).ok()?;
                    (!pixels.is_empty()).then(|| (stills::score(&pixels), *time))
                });
                // The first of those that are equally good.
                let best = best.fold(None, |best: Option<(f64, Duration)>, next| match best {
                    Some(best) if best.0 >= next.0 => Some(best),
                    _ => Some(next),
                });
                Some(Taken::Poster(*bounds, best.map_or(Duration::ZERO, |(_, time)| time)))
            }
        }
    }
}

/// What is to be measured for these outputs and hasn't been yet.
pub(super) fn needed(
    specs: &[OutputSpec],
    info: &MediaInfo,
    (spans, cuts): (&Spans, &Cuts),
    around: Surroundings<'_>,
) -> Vec<Measurement> {
    let mut needed: Vec<Measurement> = Vec::new();
    let tracks = cuts.tracks();
    if tracks.iter().any(|track| !around.measured.scripts.contains_key(track)) {
        let args = cues::reading(&tracks, around);
        let expected = info.duration_ms.map(Duration::from_millis);
        needed.push(Measurement { args, expected, subject: Subject::Scripts(tracks) });
    }
    for (index, spec) in specs.iter().enumerate() {
        if is_unmeasured_poster(spec, around.measured) {
            let poster = poster(spec, info, around);
            if !needed.contains(&poster) {
                needed.push(poster);
            }
        }
        let Some(chosen) = Chosen::complete(spec, info) else { continue };
        for (stream, facts) in chosen.audio {
            let Some(key) = loudness_key(stream, facts, spec, spans, index) else { continue };
            let subject = Subject::Loudness(key.clone());
            if !around.measured.loudness.contains_key(&key) && needed.iter().all(|other| other.subject != subject) {
                needed.push(loudness((stream, facts), spec, spans, index, around, subject));
            }
        }
    }
    needed
}

/// Whether a picture's time is still to be found.
pub(super) fn is_unmeasured_poster(spec: &OutputSpec, measured: &Measured) -> bool {
    matches!(&spec.shape, Shape::Picture(picture) if picture.at_ms.is_none()) && measured.poster(spec).is_none()
}

/// What stands for the loudness of a stream as an output takes it; `None` where it stays as loud as it is.
pub(super) fn loudness_key(
    stream: &Stream,
    facts: &AudioFacts,
    spec: &OutputSpec,
    spans: &Spans,
    index: usize,
) -> Option<String> {
    let target = spec.audio.loudness_lufs?;
    let filters = sound::channel_filters(&spec.audio, facts).join(",");
    Some(format!("{}|{filters}|{:?}|{:?}|{target}", stream.index, spans.start(index), spans.limit(index)))
}

fn loudness(
    (stream, facts): (&Stream, &AudioFacts),
    spec: &OutputSpec,
    spans: &Spans,
    index: usize,
    around: Surroundings<'_>,
    subject: Subject,
) -> Measurement {
    let (start, limit) = (spans.start(index), spans.limit(index));
    let mut filters = sound::channel_filters(&spec.audio, facts);
    filters.push(sound::measuring(spec.audio.loudness_lufs.unwrap_or_default()));
    let mut args: Vec<OsString> = GLOBAL_ARGS.iter().map(OsString::from).collect();
    args.extend(guarded_input());
    args.extend(span::options(start, limit));
    args.extend(["-i".into(), file_address(around.input), "-map".into(), format!("0:{}", stream.index).into()]);
    args.extend(words(&["-vn", "-sn", "-dn", "-filter:a"]));
    args.push(filters.join(",").into());
    args.extend(words(&["-f", "null", "-"]));
    let own = stream.duration_ms.map(|ms| Duration::from_millis(ms).saturating_sub(start));
    let expected = [own, limit].into_iter().flatten().min();
    Measurement { args, expected, subject }
}

fn poster(spec: &OutputSpec, info: &MediaInfo, around: Surroundings<'_>) -> Measurement {
    let bounds = bounds(spec);
    let start = Duration::from_millis(bounds.0);
    let end = bounds.1.or(info.duration_ms).map(Duration::from_millis);
    let times = stills::candidates(end.map(|end| end.saturating_sub(start)));
    // Beyond the end there is no picture.
    let mut args = without_abort();
    let moments: Vec<Duration> = times.iter().map(|time| start + *time).collect();
    args.extend(stills::looks(info, &moments, around));
    Measurement { args, expected: None, subject: Subject::Poster { bounds, times } }
}

/// The object that `loudnorm` prints at its end.
fn read_loudness(stderr: &[String]) -> Option<Loudness> {
    let start = stderr.iter().rposition(|line| line.trim_end().ends_with('{'))?;
    let text: String = stderr[start + 1..].iter().take_while(|line| !line.contains('}')).map(String::as_str).collect();
    let json: serde_json::Value = serde_json::from_str(&format!("{{{text}}}")).ok()?;
    let field = |name: &str| {
        let text = json.get(name)?.as_str()?;
        // It goes into a filter: a number, or infinity for silence.
        let plain = text.parse::<f64>().is_ok();
        plain.then(|| text.to_owned())
    };
    Some(Loudness {
        integrated: field("input_i")?,
        true_peak: field("input_tp")?,
        range: field("input_lra")?,
        threshold: field("input_thresh")?,
        offset: field("target_offset")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pass_is_read() {
        let printed = "[Parsed_loudnorm_1 @ 0x55] [info] \n{\n\t\"input_i\" : \"-27.61\",\n\t\"input_tp\" : \"-4.47\",\n\
                       \t\"input_lra\" : \"18.06\",\n\t\"input_thresh\" : \"-39.20\",\n\t\"output_i\" : \"-16.58\",\n\
                       \t\"normalization_type\" : \"dynamic\",\n\t\"target_offset\" : \"0.58\"\n}\n[info] more";
        let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        let loudness = read_loudness(&lines).unwrap();
        assert_eq!((loudness.integrated.as_str(), loudness.offset.as_str()), ("-27.61", "0.58"));
        assert!(read_loudness(&[]).is_none());
        let hostile = printed.replace("-27.61", "-27,volume=9");
        assert!(read_loudness(&hostile.lines().map(str::to_owned).collect::<Vec<_>>()).is_none());
    }
}
