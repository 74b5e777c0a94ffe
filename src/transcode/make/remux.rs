//! Puts a file that was written in fragments together into one whose index stands at its beginning.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::Making;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::Container;
use crate::ffmpeg::{self, Ending, INPUT_ALLOWLIST};
use crate::transcode::faults::classify;
use crate::transcode::plan::{Part, file_address, whole_muxer};
use crate::transcode::run::attempt::Halt;
use crate::transcode::run::clean::Cleaner;

/// How long the copying may take: as long as writing 500 GB to a slow disk.
const PATIENCE: Duration = Duration::from_hours(3);

impl Making<'_> {
    /// Puts a part together; the name of the file that came of it. The fragments are removed.
    pub(in crate::transcode) async fn defragmented(self, part: &Part, name: &str) -> Result<String, Halt> {
        let (from, file) = (self.path(&part.file), format!("{}.{}", part.file, part.container));
        let to = self.path(&file);
        let command = self.attempt.command().args(arguments(&from, &to, part.container)).timeout(PATIENCE);
        let report = ffmpeg::slim(self.abort, command).await;
        match report.ending {
            Ending::Finished if report.succeeded() => {}
            Ending::Stopped | Ending::TimedOut => return Err(Halt::Stopped),
            _ => {
                let failure = classify::of_lying_report(&report, &Cleaner::default());
                let message = format!("the fragments of {name} can't be put together");
                return Err(failure.unwrap_or_else(|| Failure::new(FailureCode::OutputInvalid, message)).into());
            }
        }
        // The whole file is there; what is left of the fragments goes with the workspace anyway.
        let _ = std::fs::remove_file(from);
        Ok(file)
    }
}

/// ffmpeg's arguments for that.
pub(in crate::transcode) fn arguments(from: &Path, to: &Path, container: Container) -> Vec<OsString> {
    let mut args: Vec<OsString> =
        ["-hide_banner", "-nostats", "-y", "-loglevel", "level+warning"].map(Into::into).into();
    args.extend(INPUT_ALLOWLIST.iter().map(OsString::from));
    args.extend(["-i".into(), file_address(from)]);
    // A track with the titles of the chapters is made anew.
    args.extend(["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-map_metadata", "0"].map(OsString::from));
    args.extend(whole_muxer(container).iter().map(OsString::from));
    args.push(file_address(to));
    args
}
