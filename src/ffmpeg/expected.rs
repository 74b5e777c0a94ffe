//! Works out how long an output will be, from the input's duration and the options that change it.
//!
//! `argv` fills this in from a raw command line.

use std::ffi::OsString;
use std::time::Duration;

use super::argv;

/// What decides how long the outputs of a command will be. Unset fields change nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// The input's own duration, as probed.
    pub probed: Option<Duration>,
    /// `-ss` before the input.
    pub input_start: Option<Duration>,
    /// `-t` before the input.
    pub input_duration: Option<Duration>,
    /// `-to` before the input.
    pub input_end: Option<Duration>,
    /// `-sseof` before the input: so much is read of its end.
    pub input_tail: Option<Duration>,
    /// `-stream_loop` before the input: how often it is read again; negative is for ever.
    pub loops: i64,
    /// Each output. An empty list counts as one output without options.
    pub outputs: Vec<OutputSpan>,
}

/// What decides how long one output will be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputSpan {
    /// `-ss` before the output: so much is left out at the beginning.
    pub start: Option<Duration>,
    /// `-t` before the output.
    pub duration: Option<Duration>,
    /// `-to` before the output.
    pub end: Option<Duration>,
    /// How much faster than its input it plays; `None` is as fast.
    pub speed: Option<f64>,
    /// Its number of frames, where that is given (`-frames:v`).
    pub frames: Option<u64>,
    /// Something changes its length in a way that isn't understood.
    pub unclear: bool,
}

impl Expected {
    /// Reads an ffmpeg command line, without the program's name. `probed` is the duration of its first input.
    ///
    /// What isn't understood makes the duration unknown, not wrong.
    #[must_use]
    pub fn from_args(args: &[OsString], probed: Option<Duration>) -> Self {
        argv::read(args, probed)
    }

    /// The duration of the longest output, or `None` where it can't be known.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let one = [OutputSpan::default()];
        let outputs = if self.outputs.is_empty() { &one[..] } else { &self.outputs };
        let durations: Option<Vec<Duration>> = outputs.iter().map(|output| output.duration_of(self.read())).collect();
        durations?.into_iter().max().filter(|duration| !duration.is_zero())
    }

    /// The number of frames, where there is one output and it has such a number.
    #[must_use]
    pub fn frames(&self) -> Option<u64> {
        match &self.outputs[..] {
            [output] => output.frames,
            _ => None,
        }
    }

    /// How much is read of the input; `None` where that isn't known or has no end.
    fn read(&self) -> Option<Duration> {
        let start = self.input_start.unwrap_or_default();
        let limit = self.input_duration.or_else(|| Some(self.input_end?.saturating_sub(start)));
        let once = self.probed.map(|probed| match self.input_tail {
            Some(tail) => tail.min(probed),
            None => probed.saturating_sub(start),
        });
        let available = match u32::try_from(self.loops) {
            Ok(0) => once,
            // Each further round begins at the beginning again.
            Ok(loops) => once.and_then(|once| self.probed?.checked_mul(loops)?.checked_add(once)),
            Err(_) => None,
        };
        earliest(available, limit)
    }
}

impl OutputSpan {
    /// How long this output will be if `read` of the input is read.
    fn duration_of(&self, read: Option<Duration>) -> Option<Duration> {
        let start = self.start.unwrap_or_default();
        let limit = self.duration.or_else(|| Some(self.end?.saturating_sub(start)));
        if self.frames.is_some() {
            return None;
        }
        let available = read.filter(|_| !self.unclear).and_then(|read| {
            let played = read.as_secs_f64() / self.speed.unwrap_or(1.0);
            Duration::try_from_secs_f64(played).ok().map(|played| played.saturating_sub(start))
        });
        // An output that ends at its own limit is no longer than that, and most often just as long.
        earliest(available, limit)
    }
}

/// The smaller one of those that are known.
fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
