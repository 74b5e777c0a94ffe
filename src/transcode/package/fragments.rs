//! Reads a fragmented file from fragment to fragment: where each is, when it plays, how it begins.
//!
//! Of the media themselves nothing is read: an index of a 10 GB file takes a few hundred kilobytes. Where the writer
//! was killed, the last whole fragment is the last.

use std::path::{Path, PathBuf};

use mp4_atom::{Moof, Traf};
use tokio_util::sync::CancellationToken;

use super::boxes::{self, TopBox, Walk};
use super::error::PackageError;
use super::init::{self, Defaults, Track};

/// A `moof` and its `mdat`. Times are in ticks of the track as the file has them, without what `Track::later` adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Where it begins in the file.
    pub(super) at: u64,
    /// How long the `moof` is.
    pub(super) head: u64,
    /// How long it is altogether, with what stands between its two boxes.
    pub(super) length: u64,
    /// The decode time of its first sample.
    pub(super) decode: u64,
    /// How long its samples last altogether.
    pub(super) duration: u64,
    /// When the first of its samples is shown.
    pub(super) start: i64,
    /// When the last of its samples is over.
    pub(super) end: i64,
    /// Whether it can be played without what was before it.
    pub(super) sync: bool,
    /// How many samples are in it; at least one.
    pub(super) samples: u32,
}

/// All that is whole of a file.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) path: PathBuf,
    pub(super) track: Track,
    /// The init segment.
    pub(super) init: Vec<u8>,
    pub(super) fragments: Vec<Fragment>,
    /// Whether the writer has brought the file to its end, which it marks by an `mfra` box.
    pub(super) finished: bool,
}

impl Index {
    /// Reads a file; `None` where not even its head is whole.
    ///
    /// # Errors
    /// `Damaged`, `Unsupported`, `Io`, `Cancelled`.
    pub(super) fn read(path: &Path, token: &CancellationToken) -> Result<Option<Self>, PackageError> {
        let mut walk = Walk::open(path)?;
        let Some(head) = init::read(&mut walk, path)? else { return Ok(None) };
        let mut index =
            Self { path: path.to_owned(), track: head.track, init: head.init, fragments: Vec::new(), finished: false };
        index.rest(&mut walk, token)?;
        index.finished = index.finished && walk.at_end();
        Ok(Some(index))
    }

    /// Reads a segment, which has no head of its own; the number tells how many bytes at its end make no whole
    /// fragment.
    ///
    /// # Errors
    /// `Damaged`, `Unsupported`, `Io`, `Cancelled`.
    pub(super) fn read_segment(
        path: &Path,
        track: &Track,
        token: &CancellationToken,
    ) -> Result<(Vec<Fragment>, u64), PackageError> {
        let mut walk = Walk::open(path)?;
        let (path, track) = (path.to_owned(), track.clone());
        let mut index = Self { path, track, init: Vec::new(), fragments: Vec::new(), finished: false };
        index.rest(&mut walk, token)?;
        let whole = index.fragments.last().map_or(0, |last| last.at + last.length);
        Ok((index.fragments, walk.length() - whole))
    }

    /// Reads the fragments from here to the last whole one.
    fn rest(&mut self, walk: &mut Walk, token: &CancellationToken) -> Result<(), PackageError> {
        let mut open: Option<(TopBox, Times)> = None;
        while let Some(found) = walk.next()? {
            if token.is_cancelled() {
                return Err(PackageError::Cancelled);
            }
            match (&found.kind, open.take()) {
                (b"moof", None) => {
                    let moof = boxes::decode(&walk.bytes(&found)?, &found, &self.path)?;
                    open = Some((found, Times::of(&moof, &self.track, &found, &self.path)?));
                }
                (b"mdat", Some((moof, times))) => self.add(&moof, &found, &times)?,
                (b"moof" | b"mdat", _) => {
                    return Err(PackageError::damaged(&self.path, found.at, "a fragment lacks its head or its media"));
                }
                (b"mfra", None) => self.finished = true,
                (_, still) => open = still,
            }
        }
        Ok(())
    }

    fn add(&mut self, moof: &TopBox, mdat: &TopBox, times: &Times) -> Result<(), PackageError> {
        let damaged = |what: &str| Err(PackageError::damaged(&self.path, moof.at, what));
        if mdat.length - mdat.header < times.bytes {
            return damaged("its samples are larger than its media");
        }
        let fragment = Fragment {
            at: moof.at,
            head: moof.length,
            length: mdat.end() - moof.at,
            decode: times.decode,
            duration: times.duration,
            start: times.start,
            end: times.end,
            sync: times.sync,
            samples: times.samples,
        };
        if self.fragments.last().is_some_and(|last| fragment.start <= last.start || fragment.decode <= last.decode) {
            return damaged("it goes back in time");
        }
        self.fragments.push(fragment);
        Ok(())
    }
}

/// What the samples of one fragment say.
struct Times {
    decode: u64,
    duration: u64,
    start: i64,
    end: i64,
    sync: bool,
    samples: u32,
    bytes: u64,
}

/// No file of ours has a fragment with more samples: a million take six hours of AAC.
const MOST_SAMPLES: usize = 1 << 20;

/// Times beyond this are damage; there is room for sums below.
const LATEST: u64 = 1 << 60;

/// Set in the flags of a sample that needs others.
const NO_SYNC: u32 = 0x1_0000;

impl Times {
    fn of(moof: &Moof, track: &Track, found: &TopBox, path: &Path) -> Result<Self, PackageError> {
        let damaged = |what: &str| PackageError::damaged(path, found.at, what);
        let [traf] = moof.traf.as_slice() else { return Err(damaged("a fragment isn't of one track")) };
        if traf.tfhd.track_id != track.id {
            return Err(damaged("a fragment is of a track that there isn't"));
        }
        if traf.tfhd.base_data_offset.is_some() {
            return Err(PackageError::unsupported(path, "its fragments can't be moved: they hold places in the file"));
        }
        let decode = traf.tfdt.as_ref().map(|tfdt| tfdt.base_media_decode_time);
        let decode = decode.filter(|time| *time < LATEST).ok_or_else(|| damaged("a fragment has no time"))?;
        let times = Self::add_up(traf, decode, track.defaults);
        times.ok_or_else(|| damaged("the samples of a fragment can't be"))
    }

    fn add_up(traf: &Traf, decode: u64, defaults: Defaults) -> Option<Self> {
        let defaults = Defaults {
            duration: traf.tfhd.default_sample_duration.unwrap_or(defaults.duration),
            size: traf.tfhd.default_sample_size.unwrap_or(defaults.size),
            flags: traf.tfhd.default_sample_flags.unwrap_or(defaults.flags),
        };
        let count: usize = traf.trun.iter().map(|trun| trun.samples.len()).try_fold(0, usize::checked_add)?;
        if count == 0 || count > MOST_SAMPLES {
            return None;
        }
        let mut times = Self { decode, duration: 0, start: i64::MAX, end: i64::MIN, sync: false, samples: 0, bytes: 0 };
        let mut last = i64::MIN;
        for sample in traf.trun.iter().flat_map(|trun| trun.samples.iter()) {
            let duration = u64::from(sample.duration.unwrap_or(defaults.duration));
            let shown = i64::try_from(decode + times.duration).ok()?.checked_add(sample.cts.unwrap_or(0))?;
            times.start = times.start.min(shown);
            // A sample lasts until the next one is decoded, which says nothing of how long it is shown but for the last one.
            if shown >= last {
                last = shown;
                times.end = shown.checked_add_unsigned(duration)?;
            }
            if times.samples == 0 {
                times.sync = sample.flags.unwrap_or(defaults.flags) & NO_SYNC == 0;
            }
            times.duration += duration;
            times.bytes += u64::from(sample.size.unwrap_or(defaults.size));
            times.samples += 1;
        }
        (times.end > times.start).then_some(times)
    }
}
