//! Why ffmpeg failed: a pure function from what it left behind to one of the stable codes and a sentence for people.
//!
//! The words are ours, plus, where they name no cause or the client wrote the arguments, one short quote without paths.
//! The log of the job has all of it. What lines mean is in `lines`.

use std::time::Duration;

use super::blame;
use super::lines::{is_empty_output, is_ours, refuses, rule, tells};
use crate::domain::failure::{Failure, FailureCode as C};
use crate::ffmpeg::{Ending, Exit, Report, StartError};
use crate::transcode::plan::Plan;
use crate::transcode::run::clean::Cleaner;

/// The longest quote in characters.
const LONGEST_QUOTE: usize = 160;

/// What ffmpeg left behind.
#[derive(Clone, Copy, Debug)]
pub(in crate::transcode) struct Remains<'a> {
    /// Its exit code or signal.
    pub(in crate::transcode) exit: Option<Exit>,
    /// The lines that name the cause, first ones first.
    pub(in crate::transcode) errors: &'a [String],
    /// Whether the job brought its own arguments.
    pub(in crate::transcode) raw: bool,
    /// What is needed of the input last, in words, and when, unless that is its start.
    pub(in crate::transcode) latest: Option<(&'a str, Duration)>,
}

/// The failure of a run that didn't end well by itself.
pub(in crate::transcode) fn of_report(report: &Report, plan: &Plan, cleaner: &Cleaner) -> Failure {
    match (&report.ending, report.exit) {
        (Ending::NotStarted(error), _) => not_started(error),
        (Ending::Killed, Some(Exit::Code(_))) => {
            Failure::new(C::Killed, "ffmpeg was asked to end by somebody else (a signal)")
        }
        (_, exit) => {
            let needs = plan.outputs.iter().map(|output| output.need(0)).filter(|(_, time)| !time.is_zero());
            let latest = needs.max_by_key(|(_, time)| *time);
            let latest = latest.as_ref().map(|(what, time)| (what.as_str(), *time));
            classify(Remains { exit, errors: &report.errors, raw: plan.outputs.is_empty(), latest }, cleaner)
        }
    }
}

/// The failure of a run that only measured something.
pub(in crate::transcode) fn of_measurement(report: &Report, cleaner: &Cleaner) -> Failure {
    match (&report.ending, report.exit) {
        (Ending::NotStarted(error), _) => not_started(error),
        (_, exit) => classify(Remains { exit, errors: &report.errors, raw: false, latest: None }, cleaner),
    }
}

/// Whether it ended as only a faulty program does.
pub(in crate::transcode) fn is_crash(exit: Option<Exit>) -> bool {
    // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS
    matches!(exit, Some(Exit::Signal(4 | 6 | 7 | 8 | 11 | 31)))
}

/// The failure of a run whose exit code says that all is well. What ffmpeg writes when it closes its files comes too late
/// for the code.
pub(in crate::transcode) fn of_lying_report(report: &Report, cleaner: &Cleaner) -> Option<Failure> {
    let told = |line: &String| match rule(line, cleaner) {
        Some(C::DiskFull) => Some(C::DiskFull),
        Some(C::IoError) if line.contains("Error writing trailer") || line.contains("Error closing file") => {
            Some(C::IoError)
        }
        _ => None,
    };
    let (code, line) = report.errors.iter().find_map(|line| Some((told(line)?, line)))?;
    Some(Failure::new(code, message(code, Some(&quote(line, cleaner)), None)))
}

fn not_started(error: &StartError) -> Failure {
    match error {
        StartError::Io(io) if io.kind() == std::io::ErrorKind::OutOfMemory => {
            Failure::new(C::OutOfMemory, "there was not enough memory to start ffmpeg")
        }
        StartError::WorkingFolder { .. } => Failure::new(C::Internal, "the job's working folder is gone"),
        _ => Failure::new(C::FfmpegMissing, "ffmpeg can't be started on this server; its operator has to install it"),
    }
}

/// The failure that the remains tell of.
pub(in crate::transcode) fn classify(remains: Remains<'_>, cleaner: &Cleaner) -> Failure {
    if let Some(Exit::Signal(signal)) = remains.exit {
        return by_signal(signal);
    }
    let ruled = || remains.errors.iter().filter_map(|line| rule(line, cleaner).map(|rule| (rule, line)));
    // What the server lacks ends everything, whatever was said of the input before.
    let found = ruled().find(|(rule, _)| is_ours(*rule)).or_else(|| ruled().next());
    if let (Some((_, line)), Some((what, time))) = (found, remains.latest)
        && is_empty_output(line)
    {
        return blame::beyond_end(what, time);
    }
    // The code alone is telling in ffmpeg 7 and later, where every failure of 5.1 is 1.
    let code = match remains.exit {
        Some(Exit::Code(228)) => Some(C::DiskFull),
        Some(Exit::Code(244 | 245)) if found.is_none() => Some(C::OutOfMemory),
        Some(Exit::Code(127)) => Some(C::FfmpegMissing),
        _ => None,
    };
    let line = found.map(|(_, line)| line).or_else(|| remains.errors.iter().find(|line| tells(line)));
    let code = code.or(found.map(|(rule, _)| rule)).unwrap_or(C::FfmpegFailed);
    let code = match code {
        // With arguments of their own, clients are the ones who choose what ffmpeg then can't do.
        C::FfmpegFailed | C::EncoderUnavailable | C::CopyImpossible
            if remains.raw && line.is_some_and(|line| refuses(line)) =>
        {
            C::ArgsInvalid
        }
        code => code,
    };
    let quoted = line.filter(|_| remains.raw || matches!(code, C::FfmpegFailed | C::ArgsInvalid));
    Failure::new(code, message(code, quoted.map(|line| quote(line, cleaner)).as_deref(), remains.exit))
}

fn by_signal(signal: i32) -> Failure {
    match signal {
        signal if is_crash(Some(Exit::Signal(signal))) => Failure::new(
            C::FfmpegCrashed,
            format!("ffmpeg crashed (signal {signal}); the input may be damaged, or ffmpeg has a fault"),
        ),
        9 => Failure::new(C::Killed, "ffmpeg was killed (signal 9), most likely because the server ran out of memory"),
        signal => Failure::new(C::Killed, format!("ffmpeg was ended by somebody else (signal {signal})")),
    }
}

/// A short, clean quote of what ffmpeg said.
fn quote(line: &str, cleaner: &Cleaner) -> String {
    let text = cleaner.text(line);
    let mut short: String = text.trim().trim_end_matches(['.', ':']).chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.trim().len().saturating_sub(1) {
        short.push('…');
    }
    short
}

fn message(code: C, quote: Option<&str>, exit: Option<Exit>) -> String {
    let ours = match code {
        C::DiskFull => "the server's disk is full",
        C::OutOfMemory => "the server has not enough memory for this job",
        C::FfmpegMissing => "ffmpeg can't run on this server; its operator has to install it anew",
        C::EncoderUnavailable => "the server's ffmpeg has no such encoder",
        C::StreamMissing => "the input lacks a stream that is asked for",
        C::CopyImpossible => "a stream of the input can't be copied into this container",
        C::InputInvalid => "the input is damaged or no media that can be decoded",
        C::InputMissing => "the input is gone",
        C::InputUnreadable => "the input can't be read",
        C::IoError => "the server failed to read or write",
        C::ArgsInvalid => "ffmpeg refused the arguments",
        _ => "ffmpeg failed",
    };
    match (quote, exit) {
        (Some(quote), _) if !quote.is_empty() => format!("{ours} (ffmpeg: {quote})"),
        (None, Some(Exit::Code(exit))) if code == C::FfmpegFailed => format!("{ours} (exit code {exit})"),
        _ => ours.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::lines::blames_input;
    use super::*;

    fn ended(errors: &[&str]) -> Report {
        Report {
            ending: Ending::Finished,
            exit: Some(Exit::Code(0)),
            wall: Duration::ZERO,
            paused: Duration::ZERO,
            cpu: Duration::ZERO,
            peak_memory_bytes: None,
            stop: None,
            errors: errors.iter().map(|&line| line.to_owned()).collect(),
            stderr_tail: Vec::new(),
            feed_error: None,
        }
    }

    #[test]
    fn an_exit_code_of_0_is_not_believed_where_ffmpeg_could_not_close_its_file() {
        for (line, expected) in [
            ("Error writing trailer of /o/.0.mkv: No space left on device", Some(C::DiskFull)),
            ("Error closing file: Input/output error", Some(C::IoError)),
            ("file:/srv/in.mp4: Input/output error", None),
            ("Invalid NAL unit size", None),
        ] {
            let failure = of_lying_report(&ended(&[line]), &Cleaner::default());
            assert_eq!(failure.map(|failure| failure.code), expected, "{line}");
        }
    }

    fn of(code: i32, errors: &[&str], raw: bool) -> Failure {
        let errors: Vec<String> = errors.iter().map(|&line| line.to_owned()).collect();
        let cleaner = Cleaner::new([(Path::new("/srv/in.mp4"), "in.mp4")]);
        classify(Remains { exit: Some(Exit::Code(code)), errors: &errors, raw, latest: None }, &cleaner)
    }

    #[test]
    fn lines_of_all_versions_find_their_code() {
        for (code, lines, raw, expected) in [
            (
                1,
                &["moov atom not found", "file:/srv/in.mp4: Invalid data found when processing input"][..],
                false,
                C::InputInvalid,
            ),
            (183, &["Error opening input: Invalid data found when processing input"][..], false, C::InputInvalid),
            (1, &["file:/srv/in.mp4: No such file or directory"][..], false, C::InputMissing),
            (254, &["Error opening input: No such file or directory"][..], false, C::InputMissing),
            (243, &["file:/srv/in.mp4: Permission denied"][..], false, C::InputUnreadable),
            (251, &["Error opening input: Input/output error"][..], false, C::IoError),
            (
                1,
                &["av_interleaved_write_frame(): No space left on device", "Conversion failed!"][..],
                false,
                C::DiskFull,
            ),
            (1, &["Decoder (codec none) not found for input stream #0:0"][..], false, C::InputInvalid),
            (8, &["Decoding requested, but no decoder found for: none"][..], false, C::InputInvalid),
            (228, &[][..], false, C::DiskFull),
            (245, &["Error while opening decoder"][..], false, C::OutOfMemory),
            (1, &["malloc of size 4096 failed"][..], false, C::OutOfMemory),
            (127, &["ffmpeg: error while loading shared libraries: libx264.so"][..], false, C::FfmpegMissing),
            (8, &["Unknown encoder 'libfoo'"][..], false, C::EncoderUnavailable),
            (8, &["Unknown encoder 'libfoo'"][..], true, C::ArgsInvalid),
            (1, &["Unrecognized option 'foo'."][..], true, C::ArgsInvalid),
            (8, &["Error splitting the argument list: Option not found"][..], true, C::ArgsInvalid),
            (
                234,
                &["Could not write header (incorrect codec parameters ?): Invalid argument"][..],
                true,
                C::ArgsInvalid,
            ),
            (187, &["width not divisible by 2 (321x240)"][..], false, C::FfmpegFailed),
            (1, &["Stream map '0:v:3' matches no streams."][..], true, C::StreamMissing),
            (1, &["Conversion failed!"][..], false, C::FfmpegFailed),
        ] {
            assert_eq!(of(code, lines, raw).code, expected, "{lines:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_no_cause() {
        let cleaner = Cleaner::new([(Path::new("/srv/No space left on device.mp4"), "No space left on device.mp4")]);
        let errors = ["file:/srv/No space left on device.mp4: Invalid data found when processing input".to_owned()];
        let remains = Remains { exit: Some(Exit::Code(1)), errors: &errors, raw: false, latest: None };
        assert_eq!(classify(remains, &cleaner).code, C::InputInvalid);
        let cleaner = Cleaner::new([(Path::new("/srv/corrupt.mp4"), "corrupt.mp4")]);
        assert!(!blames_input("file:/srv/corrupt.mp4: odd", &cleaner));
    }

    #[test]
    fn a_full_disk_counts_more_than_a_damaged_input() {
        let lines = ["Invalid NAL unit size", "av_interleaved_write_frame(): No space left on device"];
        assert_eq!(of(1, &lines, false).code, C::DiskFull);
    }

    #[test]
    fn a_file_that_asks_for_too_much_memory_is_damaged() {
        for (code, line) in
            [(244, "Error opening input: Cannot allocate memory"), (1, "file:/srv/in.mp4: Cannot allocate memory")]
        {
            assert_eq!(of(code, &[line], false).code, C::InputInvalid, "{line}");
        }
        assert_eq!(of(1, &["Error while filtering: Cannot allocate memory"], false).code, C::OutOfMemory);
        assert_eq!(of(244, &[], false).code, C::OutOfMemory);
    }

    #[test]
    fn an_empty_output_that_starts_late_starts_too_late() {
        let cleaner = Cleaner::default();
        for line in ["Output file is empty, nothing was encoded", "Empty output"] {
            let errors = [line.to_owned()];
            let remains = Remains { exit: Some(Exit::Code(1)), errors: &errors, raw: false, latest: None };
            assert_eq!(classify(remains, &cleaner).code, C::InputInvalid);
            let latest = Some(("a.mp4 starts", Duration::from_millis(61_500)));
            let failure = classify(Remains { latest, ..remains }, &cleaner);
            assert_eq!(failure.code, C::TrimBeyondEnd);
            assert_eq!(failure.message, "a.mp4 starts at 61.500 s, where the input has ended already");
        }
    }

    #[test]
    fn signals_are_told_apart() {
        for (signal, code) in [(11, C::FfmpegCrashed), (6, C::FfmpegCrashed), (9, C::Killed), (15, C::Killed)] {
            let remains = Remains { exit: Some(Exit::Signal(signal)), errors: &[], raw: false, latest: None };
            assert_eq!(classify(remains, &Cleaner::default()).code, code);
        }
    }

    #[test]
    fn messages_are_ours_with_a_short_clean_quote_where_that_helps() {
        let line = "file:/srv/in.mp4: Invalid data found when processing input";
        assert_eq!(of(1, &[line], false).message, "the input is damaged or no media that can be decoded");
        assert_eq!(
            of(1, &[line], true).message,
            format!("{} (ffmpeg: {})", of(1, &[line], false).message, &line[10..])
        );
        let failure = of(1, &[&format!("/var/lib/secret/x: {}", "y".repeat(500))], false);
        assert!(!failure.message.contains("secret") && failure.message.len() < 250, "{}", failure.message);
        assert_eq!(of(69, &["Conversion failed!"], false).message, "ffmpeg failed (exit code 69)");
    }
}
