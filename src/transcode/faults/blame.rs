//! Who is to blame for an output that isn't what was planned: the input, the request, or ffmpeg.
//!
//! `verify` finds the fault; here it becomes the failure that the job shows, or is forgiven.

use std::time::Duration;

use super::lines;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::AudioCodec;
use crate::domain::output::{Shape, Times};
use crate::transcode::check::verify::{Fault, slack};
use crate::transcode::make::pictures::Misfit;
use crate::transcode::plan::{Part, Planned};
use crate::transcode::run::clean::Cleaner;

/// How much sound may be lost in the middle before the input counts as damaged.
const LOST: Duration = Duration::from_millis(500);

/// What is known of an output beside the file itself.
#[derive(Clone, Copy)]
pub(in crate::transcode) struct Case<'a> {
    /// What was planned.
    pub(in crate::transcode) planned: &'a Planned,
    /// The lines that ffmpeg marked as errors.
    pub(in crate::transcode) errors: &'a [String],
    /// Knows the names that are no words of its own.
    pub(in crate::transcode) cleaner: &'a Cleaner,
}

impl Case<'_> {
    /// Judges a fault; one that is nobody's is forgiven.
    ///
    /// # Errors
    /// The failure of the job.
    pub(in crate::transcode) fn judge(self, fault: Fault, part: &Part) -> Result<(), Failure> {
        match fault {
            Fault::Differs(how) => Err(self.output(&format!("isn't what was asked for: {how}"))),
            Fault::Missing(kind) => self.missing(kind, part),
            Fault::Short { stream, found, expected, exact } => self.short(stream, found, expected, exact),
        }
    }

    /// Judges a file that can't be read to its end.
    pub(in crate::transcode) fn unreadable(self) -> Failure {
        if self.starts_late() && !self.complains() {
            return self.beyond_end();
        }
        self.output("was made, but can't be read to its end as media")
    }

    /// Judges a picture that isn't there, though ffmpeg ended well.
    pub(in crate::transcode) fn unmade(self) -> Failure {
        if self.starts_late() && !self.complains() {
            return self.beyond_end();
        }
        let message = format!("ffmpeg ended well, but made no {}", self.planned.spec.name);
        Failure::new(FailureCode::OutputInvalid, message)
    }

    /// Judges pictures that aren't as they should be.
    pub(in crate::transcode) fn pictures(self, what: &Misfit) -> Failure {
        if self.complains() {
            return self.damaged(&what.to_string());
        }
        if let (Misfit::Fewer { found, .. }, Shape::Thumbnails(Times::AtMs(_))) = (what, &self.planned.spec.shape) {
            let (what, time) = self.planned.need(*found);
            return beyond_end(&what, time);
        }
        Failure::new(FailureCode::OutputInvalid, format!("{}: {what}", self.planned.spec.name))
    }

    /// Judges sound that lacks so much in the middle.
    ///
    /// # Errors
    /// Where the input is damaged. A recording may also have breaks of its own, of which ffmpeg says nothing.
    pub(in crate::transcode) fn gaps(self, lost: Duration) -> Result<(), Failure> {
        let exact = self.planned.length.is_some_and(|length| length.exact);
        if exact && lost > LOST && self.complains() {
            return Err(self.damaged(&format!("{:.1} s of its sound can't be read", lost.as_secs_f64())));
        }
        Ok(())
    }

    fn missing(self, kind: &str, part: &Part) -> Result<(), Failure> {
        let spec = &self.planned.spec;
        if self.complains() {
            return Err(self.damaged(&format!("its {kind} can't be read")));
        }
        let copied = match kind {
            "video" => part.holds.video.as_ref().is_some_and(|video| !video.encoded),
            _ => spec.audio.codec == AudioCodec::Copy,
        };
        match (kind, spec.trim) {
            // This part of the input has no sound, so the output has none.
            ("audio", Some(_)) if part.holds.video.is_some() => Ok(()),
            ("video", Some(_)) if copied => {
                let message = format!(
                    "the input's video can only be cut at its key frames, and there is none in the part that {} takes; \
                     choose a video codec instead of \"copy\"",
                    spec.name
                );
                Err(Failure::new(FailureCode::CopyImpossible, message))
            }
            _ if self.starts_late() => Err(self.beyond_end()),
            _ => Err(self.output(&format!("isn't what was asked for: the {kind} is missing"))),
        }
    }

    fn short(self, stream: Option<&str>, found: Duration, expected: Duration, exact: bool) -> Result<(), Failure> {
        let much = found + slack(expected) < expected;
        let (found, expected) = (found.as_secs_f64(), expected.as_secs_f64());
        // ffmpeg goes on wherever it can, so where much is lost, whatever it complained of was the input.
        let lost = exact && much && !self.errors.is_empty();
        if lost || (exact || much) && self.complains() {
            let of = stream.map(|stream| format!(" of its {stream}")).unwrap_or_default();
            return Err(self.damaged(&format!("only {found:.1} s of {expected:.1} s{of} can be read")));
        }
        if exact && much {
            let has = stream.map_or_else(|| "is".to_owned(), |stream| format!("has {stream} that is"));
            let what = format!("{has} {found:.1} s long instead of {expected:.1} s; the input may be damaged");
            return Err(self.output(&what));
        }
        // The input's length was a guess, or the last frames of its streams don't end together.
        Ok(())
    }

    /// Whether ffmpeg said anything against the input.
    fn complains(self) -> bool {
        self.errors.iter().any(|line| lines::blames_input(line, self.cleaner))
    }

    /// The failure that not all of the input could be read.
    fn damaged(self, what: &str) -> Failure {
        if self.errors.iter().any(|line| lines::is_passing(line, self.cleaner)) {
            return Failure::new(FailureCode::IoError, format!("the input could not be read to its end: {what}"));
        }
        Failure::new(FailureCode::InputInvalid, format!("the input is damaged or cut short: {what}"))
    }

    fn starts_late(self) -> bool {
        !self.planned.start.is_zero()
    }

    fn beyond_end(self) -> Failure {
        let (what, time) = self.planned.need(0);
        beyond_end(&what, time)
    }

    fn output(self, what: &str) -> Failure {
        Failure::new(FailureCode::OutputInvalid, format!("{} {what}", self.planned.spec.name))
    }
}

/// The failure where something is needed of the input, in words, when that is over.
pub(in crate::transcode) fn beyond_end(what: &str, time: Duration) -> Failure {
    let message = format!("{what} at {:.3} s, where the input has ended already", time.as_secs_f64());
    Failure::new(FailureCode::TrimBeyondEnd, message)
}
