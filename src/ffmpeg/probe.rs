//! Asks ffprobe what is in a file.
//!
//! `probe_json` makes facts of the answer.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::capture::capture;
use super::command::Command;
use super::probe_json;
use super::report::{Ending, Exit, Report, StartError};
use crate::domain::media::MediaInfo;

/// Input options that keep a hostile file from naming other files or addresses; they work for ffmpeg's inputs, too, and
/// stand before `-i`.
///
/// The list of protocols alone is not enough: a playlist that is called `.mp4` could still name other local files. So
/// only containers are read that carry their own media.
pub const INPUT_ALLOWLIST: &[&str] = &[
    "-protocol_whitelist",
    "file",
    "-format_whitelist",
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,flv,asf,mxf,gxf,nut,ivf,ogg,wav,w64,rf64,aiff,au,caf,\
     mp3,aac,flac,ac3,eac3,dts,dtshd,truehd,amr,ape,wv,tta,tak,h264,hevc,obu,av1,m4v,vc1,dv,rm,yuv4mpegpipe,gif",
];

/// What [`ProbeError::Unreadable`] says of a file in a format that isn't on the list.
pub const UNREAD_FORMAT: &str = "its format is not one of those that are read";

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The file can't be read or is no media file.
    #[error("not a readable media file: {0}")]
    Unreadable(String),
    /// ffprobe took too long.
    #[error("probing took longer than {0:?}")]
    TimedOut(Duration),
    /// The token was cancelled.
    #[error("probing was cancelled")]
    Cancelled,
    /// ffprobe could not be started.
    #[error("failed to start ffprobe: {0}")]
    NotStarted(StartError),
    /// ffprobe was killed or crashed.
    #[error("ffprobe died of signal {0}")]
    Died(i32),
}

/// Reads the facts of the file at `input`, which is never taken for an address or an option.
///
/// # Errors
/// [`ProbeError`] tells what the file is to blame for from what it isn't.
///
/// # Cancel safety
/// Dropping the future ends ffprobe at once.
pub async fn probe(
    token: &CancellationToken,
    ffprobe: &Path,
    input: &Path,
    timeout: Duration,
) -> Result<MediaInfo, ProbeError> {
    let mut address = OsString::from("file:");
    address.push(input);
    let asking = |what: &[&str]| {
        let how = ["-hide_banner", "-loglevel", "repeat+level+error"];
        Command::new(ffprobe).args(how).args(INPUT_ALLOWLIST).args(what).args(["-of", "json", "-i"]).arg(&address)
    };
    let command = asking(&["-show_format", "-show_streams"]);
    let (report, printed) = capture(token, command, timeout).await;
    check(report, timeout, &address.to_string_lossy())?;
    let mut info = probe_json::read(&printed)
        .ok_or_else(|| ProbeError::Unreadable("ffprobe's answer can't be understood".to_owned()))?;
    if info.streams.is_empty() {
        return Err(ProbeError::Unreadable("there is no stream in it".to_owned()));
    }
    if probe_json::lacks_grading(&info) {
        // Most encoders write it between the pictures only; without it the rest is still true.
        let (_, printed) = capture(token, asking(FIRST_PICTURE), timeout).await;
        probe_json::add_grading(&mut info, &printed);
    }
    Ok(info)
}

/// What is told along with the first picture.
const FIRST_PICTURE: &[&str] =
    &["-select_streams", "V:0", "-read_intervals", "%+#1", "-show_frames", "-show_entries", "frame=side_data_list"];

fn check(report: Report, timeout: Duration, address: &str) -> Result<(), ProbeError> {
    match (report.ending, report.exit) {
        (Ending::NotStarted(StartError::Cancelled) | Ending::Stopped, _) => Err(ProbeError::Cancelled),
        (Ending::NotStarted(error), _) => Err(ProbeError::NotStarted(error)),
        (Ending::TimedOut, _) => Err(ProbeError::TimedOut(timeout)),
        (Ending::Killed, Some(Exit::Signal(signal))) => Err(ProbeError::Died(signal)),
        (_, Some(Exit::Code(0))) => Ok(()),
        _ => {
            let cause = report.errors.first().map_or("no reason was given", String::as_str);
            // The path is known to the caller, and not for everybody's eyes.
            let cause = cause.strip_prefix(address).map_or(cause, |rest| rest.trim_start_matches([':', ' ']));
            let cause = match cause {
                // ffmpeg would repeat the whole list.
                _ if cause.starts_with("Format not on whitelist") => UNREAD_FORMAT,
                cause => cause,
            };
            Err(ProbeError::Unreadable(cause.to_owned()))
        }
    }
}
