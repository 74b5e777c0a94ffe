//! Cuts what an encoder has written into the segments of a package, and writes the manifests of HLS and DASH over them.
//!
//! ffmpeg's own muxers for the two hide a full disk, and leave no playlist that is finished when they are killed. So
//! one ffmpeg writes every rendition into one fragmented MP4 file, and this module cuts these where fragments meet:
//! `encode` has the arguments, `boxes`, `init` and `fragments` read, `plan` decides, `cut` copies, `hls` and `dash`
//! write the manifests. A file whose writer was killed is as good as any up to its last whole fragment.
//!
//! `check` reads a finished package back from the disk; `repair` finds the whole part of any fragmented file.
//!
//! Everything blocks: call it where that is allowed. Syncing to disk is left to whoever publishes.

mod boxes;
mod check;
mod check_dash;
mod check_hls;
mod codecs;
mod contents;
mod cut;
mod dash;
mod encode;
mod error;
mod fragments;
mod hls;
mod init;
mod make;
mod plan;
mod rendition;
mod repair;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(super) use check::{CheckError, check};
pub(super) use encode::{AUDIO_MUXER, VIDEO_MUXER, fixed_key_frames, force_key_frames};
pub(super) use error::PackageError;
pub(super) use make::{Options, Packaged, package};
pub(super) use rendition::{Facts, Rendition};
pub(super) use repair::whole_length;

use crate::domain::media::FrameRate;
use fragments::Index;

/// One file of an encoder, with one track.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The fragmented file.
    pub(super) path: PathBuf,
    /// Where its segments go, inside the package: a path of letters, digits, `-`, `_` and `/`.
    pub(super) folder: String,
    /// What the file doesn't say itself.
    pub(super) words: Words,
}

/// What a rendition is called.
#[derive(Clone, Debug)]
pub(super) enum Words {
    /// Moving pictures.
    Video {
        /// The frame rate, where it is known exactly; else frames are counted.
        frame_rate: Option<FrameRate>,
    },
    /// Sound. Both texts may come from a media file: they are cleaned here.
    Audio {
        /// What players show.
        name: String,
        /// A language tag, of ISO 639-2 or RFC 5646.
        language: Option<String>,
        /// Whether players begin with it. With several or none, it is the first.
        default: bool,
    },
}

/// Subtitles, as one WebVTT file. Its texts may come from a media file: they are cleaned here.
#[derive(Clone, Debug)]
pub(super) struct Subtitles {
    /// The file, which is copied.
    pub(super) path: PathBuf,
    /// Where it goes, as with [`Source::folder`].
    pub(super) folder: String,
    /// What players show.
    pub(super) name: String,
    /// A language tag, of ISO 639-2 or RFC 5646.
    pub(super) language: Option<String>,
    /// Whether players show them unasked.
    pub(super) default: bool,
    /// Whether they only say what everybody needs to read, such as signs.
    pub(super) forced: bool,
}

/// The name of subtitles inside their folder.
const SUBTITLES: &str = "subtitles.vtt";

/// Cuts one file into its segments.
fn cut_planned(
    source: &Source,
    index: &Index,
    segments: &[plan::Segment],
    target: Duration,
    into: &Path,
    token: &CancellationToken,
) -> Result<Rendition, PackageError> {
    if segments.is_empty() {
        return Err(PackageError::nothing_whole(&source.path));
    }
    let facts = rendition::facts(index, &source.words)
        .ok_or_else(|| PackageError::unsupported(&source.path, "it isn't of the kind that was planned"))?;
    let sizes = cut::write(index, segments, &into.join(&source.folder), token)?;
    let pieces = rendition::pieces(segments, &sizes);
    let (bandwidth_bps, average_bps) = rendition::bandwidth(&pieces, index.track.timescale, target);
    Ok(Rendition {
        folder: source.folder.clone(),
        codec: index.track.codec.clone(),
        facts,
        bandwidth_bps,
        average_bps,
        init_bytes: sizes.first().copied().unwrap_or(0),
        timescale: index.track.timescale,
        segments: pieces,
    })
}

#[cfg(test)]
mod tests;
