//! Reads a finished package back from the disk, as a player would: every playlist and the manifest, and every segment
//! that one of them names.
//!
//! Nothing is taken from what made the package. The playlists' and the manifest's own form is read by `check_hls` and
//! `check_dash`; here their words are compared with the segments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::boxes::Walk;
use super::error::PackageError;
use super::fragments::{Fragment, Index};
use super::init::{self, Track};
use super::{check_dash, check_hls, dash, hls};

/// What a manifest says of one rendition.
pub(super) struct Told {
    /// The init segment; none for subtitles.
    pub(super) init: Option<PathBuf>,
    /// The codecs that the manifest names for it, with others, or none.
    pub(super) codecs: Vec<String>,
    pub(super) segments: Vec<ToldSegment>,
}

/// What a manifest says of one segment.
pub(super) struct ToldSegment {
    pub(super) path: PathBuf,
    /// When it begins, in seconds from the beginning; where the manifest says so.
    pub(super) start: Option<f64>,
    /// How long it is, in seconds; `None` where it is one for all the time there is.
    pub(super) duration: Option<f64>,
}

/// What is wrong with a package, in words, or why it couldn't be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::transcode) enum CheckError {
    /// The package isn't what its manifests say.
    #[error("{0}")]
    Differs(String),
    /// It couldn't be read.
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// Shorthand for something that isn't as it should be.
pub(super) fn differs<T>(what: String) -> Result<T, CheckError> {
    Err(CheckError::Differs(what))
}

/// How far what a manifest says may be from what is in a segment, in seconds. Both are rounded to microseconds.
const TIGHT: f64 = 0.000_01;

/// Checks the package in `folder`: what its manifests name is there and whole, times are those that they say and go on
/// from segment to segment, and all video renditions can be entered at the same times.
///
/// # Errors
/// `Differs` with the first thing that is wrong, and both values; else as [`PackageError`] says.
pub(in crate::transcode) fn check(folder: &Path, token: &CancellationToken) -> Result<(), CheckError> {
    let mut told = Vec::new();
    let (master, manifest) = (folder.join(hls::MASTER), folder.join(dash::MANIFEST));
    if master.exists() {
        told.extend(check_hls::read(&master)?);
    }
    if manifest.exists() {
        told.extend(check_dash::read(&manifest)?);
    }
    if told.is_empty() {
        return differs(format!(
            "there is neither {} nor {} in the package, or they name nothing",
            hls::MASTER,
            dash::MANIFEST
        ));
    }
    let mut checker = Checker { folder, token, known: BTreeMap::new(), entries: None };
    told.iter().try_for_each(|told| checker.rendition(told))
}

struct Checker<'a> {
    folder: &'a Path,
    token: &'a CancellationToken,
    /// What was found in segments that have been read already: both manifests name them.
    known: BTreeMap<PathBuf, Found>,
    /// Where the first video rendition can be entered.
    entries: Option<(String, Vec<f64>)>,
}

/// What is in a segment, in seconds.
#[derive(Clone, Copy)]
struct Found {
    start: f64,
    /// When its last sample is over.
    end: f64,
    /// The decode times of its first sample and after its last.
    decode: (u64, u64),
    sync: bool,
}

impl Checker<'_> {
    fn rendition(&mut self, told: &Told) -> Result<(), CheckError> {
        let Some(init) = &told.init else { return self.text(told) };
        let shown = self.shown(init);
        let mut walk = Walk::open(init)?;
        let Some(head) = init::read(&mut walk, init)? else { return differs(format!("{shown} has no whole head")) };
        let track = head.track;
        if !told.codecs.is_empty() && !told.codecs.contains(&track.codec) {
            let said = told.codecs.join(",");
            return differs(format!("{shown} holds {} where the manifest says {said}", track.codec));
        }
        let mut found = Vec::new();
        for segment in &told.segments {
            if self.token.is_cancelled() {
                return Err(PackageError::Cancelled.into());
            }
            let path = &segment.path;
            let segment = match self.known.get(path) {
                Some(known) => *known,
                None => self.segment(path, &track)?,
            };
            self.known.insert(path.clone(), segment);
            found.push(segment);
        }
        self.times(told, &found)?;
        if track.is_video() {
            self.entered(&shown, &found)?;
        }
        Ok(())
    }

    /// Subtitles: a file that is what it should be by its first word.
    fn text(&self, told: &Told) -> Result<(), CheckError> {
        for segment in &told.segments {
            let bytes = std::fs::read(&segment.path).map_err(PackageError::io(&segment.path))?;
            if !bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).starts_with(b"WEBVTT") {
                return differs(format!("{} isn't WebVTT", self.shown(&segment.path)));
            }
        }
        Ok(())
    }

    fn segment(&self, path: &Path, track: &Track) -> Result<Found, CheckError> {
        let shown = self.shown(path);
        match std::fs::metadata(path) {
            Ok(meta) if meta.len() == 0 => return differs(format!("{shown} is empty")),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return differs(format!("{shown} is named but isn't there"));
            }
            Err(error) => return Err(PackageError::io(path)(error).into()),
        }
        let (fragments, rest) = Index::read_segment(path, track, self.token)?;
        if rest > 0 {
            return differs(format!("{shown} isn't whole: its last {rest} bytes make no fragment"));
        }
        let (Some(first), Some(last)) = (fragments.first(), fragments.last()) else {
            return differs(format!("{shown} has no fragment"));
        };
        for pair in fragments.windows(2) {
            joined(&shown, pair[0].decode + pair[0].duration, &pair[1])?;
        }
        let hidden = i64::try_from(track.hidden).unwrap_or(i64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 ticks")]
        let seconds = |ticks: i64| ticks.saturating_sub(hidden).max(0) as f64 / f64::from(track.timescale);
        Ok(Found {
            start: seconds(first.start),
            end: seconds(last.end),
            decode: (first.decode, last.decode + last.duration),
            sync: first.sync,
        })
    }

    /// Compares the times that were told with those that are in the segments.
    fn times(&self, told: &Told, found: &[Found]) -> Result<(), CheckError> {
        for (at, (segment, now)) in told.segments.iter().zip(found).enumerate() {
            let shown = self.shown(&segment.path);
            let next = found.get(at + 1);
            if let Some(next) = next.filter(|next| next.decode.0 < now.decode.1) {
                let (end, start) = (now.decode.1, next.decode.0);
                return differs(format!("{shown} ends at {end}, and what follows it begins before that, at {start}"));
            }
            if let Some(start) = segment.start.filter(|start| (start - now.start).abs() > TIGHT) {
                return differs(format!("{shown} begins at {} s where the manifest says {start} s", now.start));
            }
            let length = next.map_or(now.end, |next| next.start) - now.start;
            if let Some(said) = segment.duration.filter(|said| (said - length).abs() > TIGHT) {
                return differs(format!("{shown} lasts {length} s where the manifest says {said} s"));
            }
        }
        Ok(())
    }

    /// Compares a video rendition's times of entry with those of the first.
    fn entered(&mut self, shown: &str, found: &[Found]) -> Result<(), CheckError> {
        if let Some(at) = found.iter().position(|segment| !segment.sync) {
            return differs(format!("segment {} of {shown} doesn't begin with a key frame", at + 1));
        }
        let times: Vec<f64> = found.iter().map(|segment| segment.start).collect();
        let Some((first, others)) = &self.entries else {
            self.entries = Some((shown.to_owned(), times));
            return Ok(());
        };
        if others.len() != times.len() {
            let (one, other) = (others.len(), times.len());
            return differs(format!("{first} has {one} segments, and {shown} has {other}"));
        }
        // Two clocks may each be a millisecond coarse.
        match others.iter().zip(&times).position(|(one, other)| (one - other).abs() > 0.002) {
            Some(at) => {
                let (one, other) = (others[at], times[at]);
                differs(format!("segment {} of {first} begins at {one} s, that of {shown} at {other} s", at + 1))
            }
            None => Ok(()),
        }
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.folder).unwrap_or(path).display().to_string()
    }
}

fn joined(shown: &str, end: u64, next: &Fragment) -> Result<(), CheckError> {
    if next.decode < end {
        let start = next.decode;
        return differs(format!("{shown}: a fragment begins at {start}, before the one before it is over, at {end}"));
    }
    Ok(())
}
