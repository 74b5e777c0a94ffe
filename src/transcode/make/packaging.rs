//! From the renditions that ffmpeg has written to a package: `package` cuts them; here they are checked, named and summed up.

use std::path::PathBuf;
use std::time::Duration;

use super::{Made, Making};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::job::Output;
use crate::domain::media::{AudioSummary, MediaSummary, VideoSummary};
use crate::domain::output::{PackageFormat, PackageSpec};
use crate::transcode::check::decode::Target;
use crate::transcode::faults::blame::Case;
use crate::transcode::package::{self, CheckError, Facts, Options, PackageError, Packaged, Source, Subtitles, Words};
use crate::transcode::plan::{Label, Part, PartKind, Planned, Track};
use crate::transcode::run::attempt::{Halt, blocking, disk_failure};

impl Making<'_> {
    /// Makes a package of the parts of an output.
    pub(in crate::transcode) async fn package(
        self,
        planned: &Planned,
        spec: &PackageSpec,
        case: Case<'_>,
    ) -> Result<Made, Halt> {
        let name = &planned.spec.name;
        let mut facts = Vec::new();
        for part in &planned.parts {
            let path = self.path(&part.file);
            // What a stopped encoder has left of it is for the packager to find out.
            if self.whole {
                facts.extend(self.checked(part, &path, name, case).await?.found.map(|found| found.media));
            }
        }
        let file = format!("{}.package", planned.parts.first().map_or("", |part| part.file.as_str()));
        let packaged = self.cut(planned, spec, self.path(&file)).await?;
        if self.whole && (packaged.cut_short || !packaged.missing.is_empty()) {
            let message = format!("{name}: ffmpeg ended well, but didn't bring every rendition to its end");
            return Err(Failure::new(FailureCode::OutputInvalid, message).into());
        }
        self.check(self.path(&file), name).await?;
        let mut output = Output::wanted(&planned.spec);
        output.links.extend(packaged.hls.map(|file| ("hls".to_owned(), file.to_owned())));
        output.links.extend(packaged.dash.map(|file| ("dash".to_owned(), file.to_owned())));
        output.media = Some(summary(&packaged, &facts, planned));
        self.sum_up_folder(&self.path(&file), &mut output, name).await?;
        if output.files != u32::try_from(packaged.files.len()).ok() {
            let (found, wrote) = (output.files.unwrap_or(0), packaged.files.len());
            let message = format!("{name} holds {found} files instead of {wrote}");
            return Err(Failure::new(FailureCode::OutputInvalid, message).into());
        }
        self.finish(planned, &mut output);
        let folder = self.path(&file);
        let copied = planned.parts.iter().flat_map(|part| &part.holds.audio).any(|audio| !audio.encoded);
        let targets = packaged.renditions.iter().map(|rendition| {
            // Of what was copied the input is to blame for its faults.
            let strict = !(copied && matches!(rendition.facts, Facts::Audio { .. }));
            let path = folder.join(&rendition.folder).join("index.m3u8");
            Target::playlist(path, name, packaged.duration, strict)
        });
        let targets = if packaged.hls.is_some() { targets.collect() } else { Vec::new() };
        Ok(Made { file, output, targets })
    }

    /// Cuts the renditions into segments, then removes what they were cut from.
    async fn cut(self, planned: &Planned, spec: &PackageSpec, into: PathBuf) -> Result<Packaged, Halt> {
        let places = 0..planned.parts.len();
        let sources: Vec<Source> = places.clone().filter_map(|place| self.source(planned, place)).collect();
        let texts: Vec<Subtitles> = places.filter_map(|place| self.text_of(planned, place)).collect();
        let options = Options {
            hls: spec.formats.contains(&PackageFormat::Hls),
            dash: spec.formats.contains(&PackageFormat::Dash),
            segment: Duration::from_millis(spec.segment_ms.into()),
        };
        let token = self.abort.clone();
        let cut = blocking(move || {
            std::fs::create_dir(&into)?;
            let packaged = package::package(&sources, &texts, &options, &into, &token);
            let parts = sources.iter().map(|source| &source.path).chain(texts.iter().map(|text| &text.path));
            if packaged.is_ok() {
                // Their room may be needed; what can't be removed goes with the workspace.
                parts.for_each(|part| drop(std::fs::remove_file(part)));
            }
            Ok(packaged)
        });
        let packaged = cut.await.map_err(|error| disk_failure("make a package", &error))?;
        packaged.map_err(|error| failed(error, &planned.spec.name))
    }

    fn source(self, planned: &Planned, place: usize) -> Option<Source> {
        let (earlier, part) = (planned.parts.get(..place)?, planned.parts.get(place)?);
        let (folder, words) = match &part.kind {
            PartKind::Rendition(Track::Video { rate }) => {
                let height = shorter_side(part);
                // Two rungs of one size may differ in their bitrates.
                let twins =
                    earlier.iter().filter(|part| part.holds.video.is_some() && shorter_side(part) == height).count();
                let twin = if twins > 0 { format!("-{}", twins + 1) } else { String::new() };
                (format!("video/{height}p{twin}"), Words::Video { frame_rate: *rate })
            }
            PartKind::Rendition(Track::Audio(label)) => {
                let number = earlier.iter().filter(|part| !part.holds.audio.is_empty()).count() + 1;
                let name = shown(label, &format!("Audio {number}"));
                (
                    format!("audio/{number}"),
                    Words::Audio { name, language: label.language.clone(), default: label.default },
                )
            }
            _ => return None,
        };
        Some(Source { path: self.path(&part.file), folder, words })
    }

    fn text_of(self, planned: &Planned, place: usize) -> Option<Subtitles> {
        let (earlier, part) = (planned.parts.get(..place)?, planned.parts.get(place)?);
        let PartKind::Rendition(Track::Text(label)) = &part.kind else { return None };
        let path = self.path(&part.file);
        // A part of a film may have none.
        if !self.whole && !path.exists() {
            return None;
        }
        let number = earlier.iter().filter(|part| part.container.is_text()).count() + 1;
        let (name, language) = (shown(label, &format!("Subtitles {number}")), label.language.clone());
        let folder = format!("text/{number}");
        Some(Subtitles { path, folder, name, language, default: label.default, forced: label.forced })
    }

    /// Reads the finished package back from the disk.
    async fn check(self, folder: PathBuf, name: &str) -> Result<(), Halt> {
        let token = self.abort.clone();
        let checked = blocking(move || Ok(package::check(&folder, &token))).await;
        match checked.map_err(|error| disk_failure("read a package", &error))? {
            Ok(()) => Ok(()),
            Err(CheckError::Package(error)) => Err(failed(error, name)),
            Err(CheckError::Differs(what)) => {
                Err(Failure::new(FailureCode::OutputInvalid, format!("{name} isn't as it should be: {what}")).into())
            }
        }
    }
}

fn shorter_side(part: &Part) -> u32 {
    part.holds.video.as_ref().and_then(|video| video.size).map_or(0, |size| size.0.min(size.1))
}

/// What viewers choose a track by.
fn shown(label: &Label, kind: &str) -> String {
    label.title.clone().or_else(|| label.language.clone()).unwrap_or_else(|| kind.to_owned())
}

fn failed(error: PackageError, name: &str) -> Halt {
    match error {
        PackageError::Cancelled => Halt::Stopped,
        PackageError::Io { error, .. } => disk_failure("make a package", &error).into(),
        error => Failure::new(FailureCode::OutputInvalid, format!("{name}: {error}")).into(),
    }
}

/// What is in a package: its largest rendition, and how many sounds and texts there are to choose from.
fn summary(packaged: &Packaged, facts: &[MediaSummary], planned: &Planned) -> MediaSummary {
    let largest = packaged.renditions.iter().filter_map(|rendition| match &rendition.facts {
        Facts::Video { width, height, frame_rate, .. } => Some((*width, *height, frame_rate.per_second())),
        Facts::Audio { .. } => None,
    });
    let largest = largest.max_by_key(|(width, height, _)| u64::from(*width) * u64::from(*height));
    let sounds = packaged.renditions.iter().filter_map(|rendition| match &rendition.facts {
        Facts::Audio { channels, sample_rate_hz, .. } => Some((*channels, *sample_rate_hz)),
        Facts::Video { .. } => None,
    });
    let codec = |kind: fn(&MediaSummary) -> Option<&String>, planned: String| {
        facts.iter().find_map(kind).cloned().unwrap_or(planned)
    };
    let held = |part: &&Part| part.holds.video.is_some();
    let video_codec = planned.parts.iter().find(held).and_then(|part| part.holds.video.as_ref());
    let video_codec = video_codec.map(|video| video.codec.clone()).unwrap_or_default();
    let audio_codec = planned.parts.iter().find_map(|part| part.holds.audio.first());
    let audio_codec = audio_codec.map(|audio| audio.codec.clone()).unwrap_or_default();
    let texts = planned.parts.iter().filter(|part| matches!(part.kind, PartKind::Rendition(Track::Text(_))));
    MediaSummary {
        container: "cmaf".to_owned(),
        duration_ms: u64::try_from(packaged.duration.as_millis()).ok(),
        video: largest.map(|(width, height, rate)| VideoSummary {
            codec: codec(|media| media.video.as_ref().map(|video| &video.codec), video_codec),
            width,
            height,
            fps: Some((rate * 1000.0).round() / 1000.0),
        }),
        audio: sounds.clone().next().map(|(channels, sample_rate_hz)| AudioSummary {
            codec: codec(|media| media.audio.as_ref().map(|audio| &audio.codec), audio_codec),
            channels,
            sample_rate_hz,
        }),
        audio_tracks: u32::try_from(sounds.count()).unwrap_or(u32::MAX),
        subtitle_tracks: u32::try_from(texts.count()).unwrap_or(u32::MAX),
    }
}
