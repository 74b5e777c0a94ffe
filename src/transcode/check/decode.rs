//! Lets ffmpeg decode what was made, to be sure that it plays.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::format::Container;
use crate::domain::media::MediaSummary;
use crate::domain::request::Verification;
use crate::ffmpeg::{self, Ending, INPUT_ALLOWLIST};
use crate::transcode::faults::classify;
use crate::transcode::plan::{Part, PartKind, file_address, pattern};
use crate::transcode::run::attempt::Attempt;

/// How long the packets of a file may take to be read.
const READ_PATIENCE: Duration = Duration::from_mins(10);
/// How long decoding one file may take where what a stopped ffmpeg has left is looked at. Beyond that it counts as neither
/// playable nor not.
const SALVAGE_PATIENCE: Duration = Duration::from_mins(5);
/// Outputs of a job that last no longer than this together are decoded in full unless something else is asked for.
const SHORT: Duration = Duration::from_secs(30);
/// How much is decoded at the beginning and at the end of a longer one.
const EDGE: Duration = Duration::from_secs(2);

/// What is to be decoded: one file, or the pictures in a folder.
#[derive(Clone, Debug)]
pub(in crate::transcode) struct Target {
    path: PathBuf,
    /// The output that it belongs to.
    pub(in crate::transcode) name: String,
    length: Duration,
    /// Whether any fault counts: not in what was copied, which the input is to blame for.
    strict: bool,
    /// Whether its end can't be reached without a complaint, so that it is decoded as a whole.
    whole: bool,
    kind: Kind,
    /// Which of its streams.
    streams: &'static [&'static str],
}

/// Moving pictures, sound, and both of them.
const VIDEO: &[&str] = &["v?"];
const AUDIO: &[&str] = &["a?"];
const BOTH: &[&str] = &["v?", "a?"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Media,
    Picture,
    Pictures,
    Playlist,
}

impl Target {
    /// What is to be decoded of a part; subtitles aren't.
    pub(in crate::transcode) fn of_part(
        part: &Part,
        path: &Path,
        name: &str,
        media: Option<&MediaSummary>,
    ) -> Vec<Self> {
        let kind = match part.kind {
            PartKind::Media | PartKind::Rendition(_) => Kind::Media,
            PartKind::Picture | PartKind::Pictures { .. } => Kind::Picture,
            PartKind::Text => return Vec::new(),
        };
        let length = media.and_then(|media| media.duration_ms).map(Duration::from_millis).unwrap_or_default();
        // After a leap a decoder of MP3 lacks the bits that earlier frames have left for later ones.
        let whole = part.holds.video.is_none() && part.holds.audio.iter().any(|audio| audio.codec == "mp3");
        let one = |strict, streams| Self {
            path: path.to_owned(),
            name: name.to_owned(),
            length,
            strict,
            whole,
            kind,
            streams,
        };
        let video = part.holds.video.as_ref().is_none_or(|video| video.encoded);
        let audio = part.holds.audio.iter().all(|audio| audio.encoded);
        if video == audio || part.holds.audio.is_empty() {
            return vec![one(video, BOTH)];
        }
        if part.holds.video.is_none() {
            return vec![one(audio, BOTH)];
        }
        vec![one(video, VIDEO), one(audio, AUDIO)]
    }

    /// A file that a job's own arguments made.
    pub(in crate::transcode) fn file(path: PathBuf, name: &str, media: &MediaSummary) -> Self {
        let length = media.duration_ms.map(Duration::from_millis).unwrap_or_default();
        Self { path, name: name.to_owned(), length, strict: true, whole: true, kind: Kind::Media, streams: BOTH }
    }

    /// All the numbered pictures in a folder; as inputs of their own they would be more than ffmpeg can open.
    pub(in crate::transcode) fn pictures(folder: &Path, container: Container, name: &str) -> Self {
        let (path, length, strict, whole) = (pattern(folder, container), Duration::ZERO, true, true);
        Self { path, name: name.to_owned(), length, strict, whole, kind: Kind::Pictures, streams: BOTH }
    }

    /// The playlist of one rendition of a package.
    pub(in crate::transcode) fn playlist(path: PathBuf, name: &str, length: Duration, strict: bool) -> Self {
        Self { path, name: name.to_owned(), length, strict, whole: false, kind: Kind::Playlist, streams: BOTH }
    }

    /// The inputs by which ffmpeg reads it.
    fn inputs(&self, level: Verification) -> Vec<Vec<OsString>> {
        let input = |options: &[&str]| {
            let mut args: Vec<OsString> = self.allowed();
            if matches!(self.kind, Kind::Media | Kind::Playlist) && self.streams.contains(&"v?") {
                // It smooths what is shown and can find no fault, at a fifth of the decoder's time.
                args.extend(["-skip_loop_filter:v", "all"].map(OsString::from));
            }
            args.extend(options.iter().map(OsString::from));
            args.extend(["-i".into(), file_address(&self.path)]);
            args
        };
        let edge = format!("{}", EDGE.as_secs());
        if level == Verification::Full || self.whole || self.length <= EDGE * 3 {
            return vec![input(&[])];
        }
        vec![input(&["-t", &edge]), input(&["-sseof", &format!("-{edge}")])]
    }

    fn allowed(&self) -> Vec<OsString> {
        let words: &[&str] = match self.kind {
            Kind::Media => INPUT_ALLOWLIST,
            Kind::Picture => {
                &["-protocol_whitelist", "file", "-format_whitelist", "jpeg_pipe,png_pipe,webp_pipe,image2"]
            }
            Kind::Pictures => &["-protocol_whitelist", "file", "-f", "image2"],
            Kind::Playlist => &[
                "-protocol_whitelist",
                "file",
                "-format_whitelist",
                "hls,mov,mp4,m4a,3gp,3g2,mj2",
                "-allowed_extensions",
                "ALL",
            ],
        };
        words.iter().map(OsString::from).collect()
    }
}

/// How closely these are looked at where nothing is asked for.
pub(in crate::transcode) fn usual(targets: &[Target]) -> Verification {
    let together: Duration = targets.iter().map(|target| target.length).sum();
    if together <= SHORT { Verification::Full } else { Verification::Quick }
}

/// Decodes them all, as far as `level` says. The error is the name of the output of the first one that doesn't decode.
pub(in crate::transcode) async fn check<'t>(
    attempt: &Attempt<'_>,
    targets: &'t [Target],
    level: Verification,
    abort: &CancellationToken,
) -> Result<(), &'t str> {
    for strict in [true, false] {
        let group: Vec<&Target> = targets.iter().filter(|target| target.strict == strict).collect();
        // The usual case is one process for all; which one is at fault is asked only where there is a fault.
        if group.is_empty() || decodes(attempt, &group, level, strict, abort).await != Some(false) {
            continue;
        }
        for target in group {
            if decodes(attempt, &[target], level, strict, abort).await == Some(false) {
                return Err(&target.name);
            }
        }
    }
    Ok(())
}

/// Whether one decodes to its end, or `None` where it didn't get that far in time.
pub(in crate::transcode) async fn plays(
    attempt: &Attempt<'_>,
    target: &Target,
    abort: &CancellationToken,
) -> Option<bool> {
    let args = arguments(&[target], Verification::Full, true);
    run(attempt, args, SALVAGE_PATIENCE, abort).await
}

/// Whether every packet of the file at `path` can be read, or `None` where that took too long.
pub(in crate::transcode) async fn reads(attempt: &Attempt<'_>, path: &Path, abort: &CancellationToken) -> Option<bool> {
    let mut args: Vec<OsString> = head(true);
    args.extend(INPUT_ALLOWLIST.iter().map(OsString::from));
    args.extend(["-i".into(), file_address(path)]);
    args.extend(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "null", "-"].map(OsString::from));
    run(attempt, args, READ_PATIENCE, abort).await
}

async fn decodes(
    attempt: &Attempt<'_>,
    targets: &[&Target],
    level: Verification,
    strict: bool,
    abort: &CancellationToken,
) -> Option<bool> {
    let together: Duration = targets.iter().map(|target| target.length).sum();
    run(attempt, arguments(targets, level, strict), Duration::from_mins(2) + together * 2, abort).await
}

fn head(strict: bool) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["-hide_banner", "-nostats", "-loglevel", "error"].map(OsString::from).into();
    if strict {
        args.push("-xerror".into());
    }
    args
}

fn arguments(targets: &[&Target], level: Verification, strict: bool) -> Vec<OsString> {
    let mut args = head(strict);
    let mut maps = Vec::new();
    let mut count = 0;
    for target in targets {
        for input in target.inputs(level) {
            args.extend(input);
            for stream in target.streams {
                maps.extend(["-map".to_owned(), format!("{count}:{stream}")]);
            }
            count += 1;
        }
    }
    args.extend(maps.into_iter().map(OsString::from));
    args.extend(["-f", "null", "-"].map(OsString::from));
    args
}

async fn run(
    attempt: &Attempt<'_>,
    args: Vec<OsString>,
    patience: Duration,
    abort: &CancellationToken,
) -> Option<bool> {
    let command = attempt.command().args(args).timeout(patience);
    let report = ffmpeg::slim(abort, command).await;
    match report.ending {
        Ending::Finished => Some(report.succeeded()),
        Ending::Killed if classify::is_crash(report.exit) => Some(false),
        Ending::Killed | Ending::Stopped | Ending::TimedOut | Ending::Stalled | Ending::NotStarted(_) => None,
    }
}
