//! Decides which fragments make which segment. Nothing is read or written here.
//!
//! A segment ends at the first place at or after a multiple of its target length where every video rendition can be
//! entered; so all of them have the same segments, and a player may change between them at each. Audio, which can be
//! entered anywhere, keeps to the same multiples on its own.
//!
//! What a stopped encoder has left ends at different times. Then all renditions end where the last fragment ends that
//! every video rendition has whole, or with audio alone where the shortest ends.

use std::ops::Range;
use std::time::Duration;

use super::fragments::{Fragment, Index};
use super::init::{Medium, Track};

/// A run of fragments that goes into one file. Times are in ticks of the track, counted from the beginning of the
/// package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) fragments: Range<usize>,
    /// When its first sample is shown.
    pub(super) start: u64,
    /// How long until the next segment begins; with the last one, until its last sample is over.
    pub(super) duration: u64,
}

/// Nanoseconds of the package's own time.
type Nanos = i128;

/// How far two starts may be apart that are meant to be the same: a clock may be as coarse as a millisecond.
const SAME: Nanos = 2_000_000;

/// How far two ends may be apart: what the last frame lasts is the encoder's guess.
const SAME_END: Nanos = 20_000_000;

impl Track {
    /// Turns a time of the file into one of the package.
    fn nanos(&self, ticks: i64) -> Nanos {
        let ticks = i128::from(ticks) + i128::from(self.later) - i128::from(self.hidden);
        (ticks * 1_000_000_000).div_euclid(i128::from(self.timescale))
    }

    /// Turns a time of the file into ticks of the package's time. What only sets the decoder going is shown at no time.
    fn shown(&self, ticks: i64) -> u64 {
        let ticks = i128::from(ticks) + i128::from(self.later) - i128::from(self.hidden);
        u64::try_from(ticks.max(0)).unwrap_or(u64::MAX)
    }

    pub(super) fn is_video(&self) -> bool {
        matches!(self.medium, Medium::Video { .. })
    }
}

/// Groups the fragments of all renditions into segments; a rendition without any has nothing within the common part.
///
/// Empty where the renditions have nothing in common.
pub(super) fn segments(indexes: &[Index], target: Duration) -> Vec<Vec<Segment>> {
    let videos: Vec<&Index> = indexes.iter().filter(|index| index.track.is_video()).collect();
    let limit = if indexes.iter().all(|index| index.finished) {
        None
    } else {
        let common = common_end(indexes, &videos);
        if common.is_none() {
            return Vec::new();
        }
        common
    };
    let doors = doors(&videos, limit);
    let places = |index: &Index| -> Vec<usize> {
        let video = index.track.is_video();
        let rung = videos.iter().position(|other| video && std::ptr::eq(*other, index));
        match rung {
            Some(rung) => doors.iter().map(|door| door[rung]).collect(),
            None => (0..index.fragments.len()).filter(|at| index.fragments[*at].sync).collect(),
        }
    };
    indexes.iter().map(|index| group(index, &places(index), target, limit)).collect()
}

/// The place of each fragment that every video rendition has a fragment at, one place for each rendition.
fn doors(videos: &[&Index], limit: Option<Nanos>) -> Vec<Vec<usize>> {
    let Some((first, others)) = videos.split_first() else { return Vec::new() };
    let mut doors = Vec::new();
    for (at, fragment) in first.fragments.iter().enumerate() {
        let time = first.track.nanos(fragment.start);
        if !fragment.sync || limit.is_some_and(|limit| time >= limit - SAME_END) {
            continue;
        }
        let rest: Option<Vec<usize>> = others.iter().map(|other| place(other, time)).collect();
        if let Some(mut rest) = rest {
            rest.insert(0, at);
            doors.push(rest);
        }
    }
    doors
}

/// Where a rendition can be entered at `time`.
fn place(index: &Index, time: Nanos) -> Option<usize> {
    let at = index.fragments.partition_point(|fragment| index.track.nanos(fragment.start) < time - SAME);
    let fragment = index.fragments.get(at)?;
    (fragment.sync && index.track.nanos(fragment.start) <= time + SAME).then_some(at)
}

/// The last time at which a fragment of every video rendition ends; with audio alone, the earliest end.
fn common_end(indexes: &[Index], videos: &[&Index]) -> Option<Nanos> {
    let end = |index: &Index| index.fragments.last().map(|last| index.track.nanos(last.end));
    let Some((first, others)) = videos.split_first() else {
        return indexes.iter().map(end).min().flatten();
    };
    let others: Vec<Vec<Nanos>> = others.iter().map(|other| ends(other)).collect();
    let all_end = |time: &Nanos| {
        others.iter().all(|ends| {
            let at = ends.partition_point(|end| *end < time - SAME_END);
            ends.get(at).is_some_and(|end| *end <= time + SAME_END)
        })
    };
    ends(first).into_iter().rev().find(all_end)
}

/// When each fragment ends: where the next one begins.
fn ends(index: &Index) -> Vec<Nanos> {
    let starts = index.fragments.iter().skip(1).map(|fragment| fragment.start);
    let last = index.fragments.last().map(|last| last.end);
    starts.chain(last).map(|ticks| index.track.nanos(ticks)).collect()
}

/// Groups one rendition's fragments. `places` are those that a segment may begin with.
fn group(index: &Index, places: &[usize], target: Duration, limit: Option<Nanos>) -> Vec<Segment> {
    let track = &index.track;
    let within = |fragment: &Fragment| limit.is_none_or(|limit| track.nanos(fragment.start) < limit - SAME_END);
    let kept = index.fragments.iter().take_while(|fragment| within(fragment)).count();
    let mut bounds = Vec::new();
    let mut next = Nanos::MIN;
    for &place in places.iter().filter(|place| **place < kept) {
        let time = track.nanos(index.fragments[place].start) + SAME;
        if time >= next {
            let target = i128::try_from(target.as_nanos()).unwrap_or(Nanos::MAX >> 64).max(1);
            // What only sets a decoder going comes before 0, and makes no segment of its own.
            next = (time.max(0) / target + 1) * target;
            bounds.push(place);
        }
    }
    // What comes before the first place of entry stays with the first segment.
    if let Some(first) = bounds.first_mut() {
        *first = 0;
    }
    let ends = bounds.iter().skip(1).copied().chain([kept]);
    bounds.iter().zip(ends).map(|(from, to)| segment(index, *from..to)).collect()
}

fn segment(index: &Index, fragments: Range<usize>) -> Segment {
    let start = index.track.shown(index.fragments[fragments.start].start);
    let next = index.fragments.get(fragments.end).map(|next| next.start);
    // At the end of all, the samples themselves tell.
    let end = index.track.shown(next.unwrap_or_else(|| index.fragments[fragments.end - 1].end));
    Segment { start, duration: end.saturating_sub(start), fragments }
}
