//! Reads one finished file and makes of it what a job shows.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, blocking};
use super::classify;
use super::inspect::{self, Contents, Digest};
use super::plan::{Planned, file_address};
use crate::domain::format::Container;
use crate::domain::job::Output;
use crate::domain::media::MediaSummary;
use crate::ffmpeg::{self, Ending, INPUT_ALLOWLIST};

/// How long ffprobe may look at an output.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);
/// How long the packets of a file may take to be read.
const READ_PATIENCE: Duration = Duration::from_mins(10);

/// What was found in a file.
#[derive(Debug)]
pub(super) struct Produced {
    pub(super) digest: Digest,
    /// What is in it; `None` where it can't be read to its end as media.
    pub(super) media: Option<MediaSummary>,
    /// How much sound is missing in the middle, where that is known.
    pub(super) gaps: Duration,
}

/// Reads the file to its end, here or, where that isn't enough, with one ffprobe.
///
/// # Errors
/// When the file can't be read, or `abort` is cancelled.
pub(super) async fn produced(
    attempt: &Attempt<'_>,
    path: &Path,
    container: Container,
    abort: &CancellationToken,
) -> io::Result<Produced> {
    let (file, token) = (path.to_owned(), abort.clone());
    let (digest, contents) =
        blocking(move || Ok((inspect::digest(&file, &token)?, inspect::read(&file, container, &token)))).await?;
    let mut gaps = Duration::ZERO;
    let media = match contents {
        _ if digest.size_bytes == 0 => None,
        Contents::Known { media, gaps_ms } => {
            gaps = Duration::from_millis(gaps_ms);
            Some(media)
        }
        Contents::Unnamed => probed(attempt, path, container, abort).await,
        Contents::Doubtful => match plays(attempt, path, Reading::Packets, abort).await {
            Some(true) => probed(attempt, path, container, abort).await,
            _ => None,
        },
    };
    if abort.is_cancelled() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(Produced { digest, media, gaps })
}

async fn probed(
    attempt: &Attempt<'_>,
    path: &Path,
    container: Container,
    abort: &CancellationToken,
) -> Option<MediaSummary> {
    let ffprobe = &attempt.transcoder.tools.ffprobe;
    let info = ffmpeg::probe(abort, ffprobe, path, PROBE_PATIENCE).await.ok()?;
    Some(MediaSummary::of(&info, container.name()))
}

/// How closely a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Every packet is read.
    Packets,
    /// Everything is decoded, for at most so long.
    Frames(Duration),
}

/// Lets ffmpeg read a file to its end; whether it found no fault, or `None` where it didn't get that far in time.
pub(super) async fn plays(
    attempt: &Attempt<'_>,
    path: &Path,
    reading: Reading,
    abort: &CancellationToken,
) -> Option<bool> {
    let (how, patience) = match reading {
        Reading::Packets => (&["-c", "copy"][..], READ_PATIENCE),
        Reading::Frames(patience) => (&[][..], patience),
    };
    let command = attempt
        .command()
        .args(["-hide_banner", "-nostats", "-loglevel", "error", "-xerror"])
        .args(INPUT_ALLOWLIST)
        .arg("-i")
        .arg(file_address(path))
        .args(["-map", "0:v?", "-map", "0:a?"])
        .args(how)
        .args(["-f", "null", "-"])
        .timeout(patience);
    let report = ffmpeg::slim(abort, command).await;
    match report.ending {
        Ending::Finished => Some(report.succeeded()),
        Ending::Killed if classify::is_crash(report.exit) => Some(false),
        Ending::Killed | Ending::Stopped | Ending::TimedOut | Ending::Stalled | Ending::NotStarted(_) => None,
    }
}

/// An output that was asked for by name.
pub(super) fn planned_output(planned: &Planned, produced: Produced, partial: bool, playable: Option<bool>) -> Output {
    let spec = &planned.spec;
    let mut output = raw_output(&spec.name, produced, partial, playable);
    output.preset.clone_from(&spec.preset);
    output.container = Some(spec.container);
    output.video = Some(spec.video);
    output.audio = Some(spec.audio);
    output.trim = spec.trim;
    output
}

/// An output that a job's own arguments made.
pub(super) fn raw_output(name: &str, produced: Produced, partial: bool, playable: Option<bool>) -> Output {
    Output {
        name: name.to_owned(),
        preset: None,
        container: Container::of_name(name),
        video: None,
        audio: None,
        trim: None,
        size_bytes: Some(produced.digest.size_bytes),
        sha256: Some(produced.digest.sha256),
        media: produced.media,
        partial,
        playable,
        url: None,
    }
}
