//! The head of a fragmented file (`ftyp` and `moov`): what its one track is, and the init segment made of it.
//!
//! # Edit lists
//!
//! ffmpeg says with an edit list how the track's own clock stands to that of the others. Players take one of the two
//! things that may be in it:
//!
//! - *The media begin late in their own time* (one edit with a media time): the samples that a decoder needs to get
//!   going, 1024 of AAC, 312 of Opus, come before 0. Every player takes these off, so this edit stays.
//! - *The track begins later than the others* (an edit without media): browsers overlook it, and sound and picture run
//!   apart. It becomes part of the decode times instead: `later` is added to each, and the list is made a `free` box.

use std::path::Path;

use mp4_atom::{Codec, Edts, Moov, Trak};

use super::boxes::{self, TopBox, Walk};
use super::codecs::{self, VideoRange};
use super::error::PackageError;

/// What a track is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    pub(super) id: u32,
    /// Ticks per second of all its times; never 0.
    pub(super) timescale: u32,
    /// Its codec, as RFC 6381 names it.
    pub(super) codec: String,
    pub(super) medium: Medium,
    /// What is added to every decode time, in ticks.
    pub(super) later: u64,
    /// How much of the beginning isn't shown, in ticks.
    pub(super) hidden: u64,
    pub(super) defaults: Defaults,
}

/// What a track shows or plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Medium {
    Video { width: u32, height: u32, range: VideoRange },
    Audio { channels: u32, sample_rate_hz: u32 },
}

/// What holds for samples that say nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// The head of a file.
pub(super) struct Head {
    pub(super) track: Track,
    /// The bytes of the init segment.
    pub(super) init: Vec<u8>,
}

/// Reads up to the end of `moov`; `None` where the writer was stopped before that.
///
/// # Errors
/// `Damaged`, `Unsupported` where there isn't exactly one track that players take, `Io`.
pub(super) fn read(walk: &mut Walk, path: &Path) -> Result<Option<Head>, PackageError> {
    let mut init = Vec::new();
    while let Some(found) = walk.next()? {
        match &found.kind {
            b"ftyp" => init = walk.bytes(&found)?,
            b"moov" => {
                let mut bytes = walk.bytes(&found)?;
                let moov: Moov = boxes::decode(&bytes, &found, path)?;
                let track = track(&moov, &found, path)?;
                if track.later > 0 {
                    free_edits(&mut bytes);
                }
                init.append(&mut bytes);
                return Ok(Some(Head { track, init }));
            }
            b"moof" | b"mdat" => return Err(PackageError::damaged(path, found.at, "its media come before its head")),
            _ => {}
        }
    }
    Ok(None)
}

fn track(moov: &Moov, found: &TopBox, path: &Path) -> Result<Track, PackageError> {
    let unsupported = |what: String| PackageError::unsupported(path, what);
    let [trak] = moov.trak.as_slice() else {
        return Err(unsupported(format!("it has {} tracks instead of one", moov.trak.len())));
    };
    let timescale = trak.mdia.mdhd.timescale;
    if timescale == 0 || moov.mvhd.timescale == 0 {
        return Err(PackageError::damaged(path, found.at, "its clock stands still"));
    }
    let [entry] = trak.mdia.minf.stbl.stsd.codecs.as_slice() else {
        return Err(unsupported("it has no codec, or several".to_owned()));
    };
    let codec = codecs::name(entry).ok_or_else(|| unsupported("players don't take its codec".to_owned()))?;
    let medium = medium(entry, trak).ok_or_else(|| unsupported("it is neither video nor audio".to_owned()))?;
    let (later, hidden) = edits(trak.edts.as_ref(), timescale, moov.mvhd.timescale);
    let extends = moov.mvex.as_ref().map(|mvex| mvex.trex.as_slice()).unwrap_or_default();
    let defaults = extends.iter().find(|trex| trex.track_id == trak.tkhd.track_id);
    let Some(defaults) = defaults else {
        return Err(unsupported("it isn't fragmented".to_owned()));
    };
    let defaults = Defaults {
        duration: defaults.default_sample_duration,
        size: defaults.default_sample_size,
        flags: defaults.default_sample_flags,
    };
    Ok(Track { id: trak.tkhd.track_id, timescale, codec, medium, later, hidden, defaults })
}

fn medium(entry: &Codec, trak: &Trak) -> Option<Medium> {
    if let Some((visual, _)) = codecs::visual(entry) {
        // The size in which it is shown: that of the track's header, where pixels that aren't square are accounted for.
        let shown = (u32::from(trak.tkhd.width.integer()), u32::from(trak.tkhd.height.integer()));
        let coded = (u32::from(visual.width), u32::from(visual.height));
        let (width, height) = if shown.0 == 0 || shown.1 == 0 { coded } else { shown };
        return Some(Medium::Video { width, height, range: codecs::range(entry) });
    }
    let (channels, sample_rate_hz) = codecs::sound(entry)?;
    Some(Medium::Audio { channels, sample_rate_hz })
}

/// How much later the track begins, and how much of its beginning isn't shown; in ticks of the track.
fn edits(edts: Option<&Edts>, timescale: u32, movie: u32) -> (u64, u64) {
    let entries = edts.and_then(|edts| edts.elst.as_ref()).map(|elst| elst.entries.as_slice()).unwrap_or_default();
    let wait: u64 = entries.iter().take_while(|entry| entry.media_time.is_none()).fold(0, |sum, entry| {
        let ticks = u128::from(entry.segment_duration) * u128::from(timescale);
        // Rounded, as the movie's clock is coarser than the track's.
        let ticks = (ticks + u128::from(movie / 2)) / u128::from(movie);
        u64::try_from(ticks).unwrap_or(0).saturating_add(sum)
    });
    let hidden = entries.iter().find_map(|entry| entry.media_time).unwrap_or(0);
    // A track that waits and hides something too waits less, and hides nothing: no player knows both.
    match wait {
        0 => (0, hidden),
        wait => (wait.saturating_sub(hidden).min(u64::MAX >> 2), 0),
    }
}

/// Turns the edit list into free space of the same size.
fn free_edits(moov: &mut [u8]) {
    let edts = boxes::inside(moov, &[b"moov", b"trak", b"edts"]);
    if let Some(name) = edts.and_then(|content| moov.get_mut(content.start - 4..content.start)) {
        name.copy_from_slice(b"free");
    }
}
