//! What has to be measured before a job's outputs can be made: how loud its sound is, and when a picture isn't black.
//!
//! Each measurement is a run of ffmpeg of its own, and its result a fact for the plan proper.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::cues::{self, Cuts, Form, Script};
use super::loudness::{self, Gain, Limited, Loudness};
use super::sound;
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
    /// How loud it becomes behind a limiter that is to leave it as loud as this key says.
    Limited(String),
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
    Limited(String, Limited),
    Poster(Bounds, Duration),
    Scripts(Vec<Script>),
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub(in crate::transcode) struct Measured {
    loudness: BTreeMap<String, Loudness>,
    limited: BTreeMap<String, Limited>,
    posters: BTreeMap<Bounds, Duration>,
    scripts: BTreeMap<(u32, Form), String>,
}

impl Measured {
    /// Adds what came of a measurement.
    pub(in crate::transcode) fn add(&mut self, taken: Taken) {
        match taken {
            Taken::Loudness(key, loudness) => drop(self.loudness.insert(key, loudness)),
            Taken::Limited(key, limited) => drop(self.limited.insert(key, limited)),
            Taken::Poster(bounds, time) => drop(self.posters.insert(bounds, time)),
            Taken::Scripts(scripts) => self.scripts.extend(scripts),
        }
    }

    /// What brings the sound that `key` stands for to `target` LUFS.
    pub(super) fn gain(&self, key: &str, target: f64) -> Gain {
        let limited = self.limited.get(&limited_key(key, target));
        self.loudness.get(key).map_or(Gain::Unknown, |loudness| loudness.gain(target, limited))
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
            Subject::Loudness(key) => Some(Taken::Loudness(key.clone(), Loudness::read(stderr)?)),
            Subject::Limited(key) => Some(Taken::Limited(key.clone(), loudness::read_limited(stderr)?)),
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
        let Some(target) = spec.audio.loudness_lufs else { continue };
        for (stream, facts) in chosen.audio {
            let key = loudness_key(stream, facts, spec, spans, index);
            let filters = sound::channel_filters(&spec.audio, facts);
            let sound = Sound { stream, info, filters, part: (spans.start(index), spans.limit(index)) };
            let measurement = match around.measured.gain(&key, target) {
                Gain::Unknown => sound.loudness(key, around),
                Gain::ToLimit(gain) => sound.limited(limited_key(&key, target), gain, around),
                _ => continue,
            };
            if needed.iter().all(|other| other.subject != measurement.subject) {
                needed.push(measurement);
            }
        }
    }
    needed
}

/// Whether a picture's time is still to be found.
pub(super) fn is_unmeasured_poster(spec: &OutputSpec, measured: &Measured) -> bool {
    matches!(&spec.shape, Shape::Picture(picture) if picture.at_ms.is_none()) && measured.poster(spec).is_none()
}

/// What stands for the loudness of a stream as an output takes it.
pub(super) fn loudness_key(
    stream: &Stream,
    facts: &AudioFacts,
    spec: &OutputSpec,
    spans: &Spans,
    index: usize,
) -> String {
    let filters = sound::channel_filters(&spec.audio, facts).join(",");
    format!("{}|{filters}|{:?}|{:?}", stream.index, spans.start(index), spans.limit(index))
}

fn limited_key(key: &str, target: f64) -> String {
    format!("{key}|{target}")
}

/// Sound of which the loudness is measured.
struct Sound<'a> {
    stream: &'a Stream,
    info: &'a MediaInfo,
    /// The filters up to where its loudness counts.
    filters: Vec<String>,
    /// Where the part of it starts that is taken, and how long that is.
    part: (Duration, Option<Duration>),
}

impl Sound<'_> {
    fn loudness(&self, key: String, around: Surroundings<'_>) -> Measurement {
        let mut args = self.input(around);
        let filters = self.filters.iter().map(String::as_str).chain([loudness::measuring()]);
        args.extend(["-map".into(), format!("0:{}", self.stream.index).into(), "-filter:a".into()]);
        args.push(filters.collect::<Vec<_>>().join(",").into());
        self.measurement(args, Subject::Loudness(key))
    }

    fn limited(&self, key: String, gain: f64, around: Surroundings<'_>) -> Measurement {
        let mut args = self.input(around);
        let (filters, outputs) = loudness::trying(self.stream.index, &self.filters, gain);
        args.extend(["-filter_complex".into(), filters.into()]);
        args.extend(outputs.into_iter().flat_map(|output| ["-map".into(), output.into()]));
        self.measurement(args, Subject::Limited(key))
    }

    fn input(&self, around: Surroundings<'_>) -> Vec<OsString> {
        let mut args = words(GLOBAL_ARGS);
        args.extend(guarded_input());
        args.extend(span::options(self.part.0, self.part.1));
        args.extend(["-i".into(), file_address(around.input)]);
        args
    }

    fn measurement(&self, mut args: Vec<OsString>, subject: Subject) -> Measurement {
        args.extend(words(&["-vn", "-sn", "-dn", "-f", "null", "-"]));
        let (start, limit) = self.part;
        let own = self.stream.duration_ms.or(self.info.duration_ms);
        let own = own.map(|ms| Duration::from_millis(ms).saturating_sub(start));
        let expected = [own, limit].into_iter().flatten().min();
        Measurement { args, expected, subject }
    }
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
