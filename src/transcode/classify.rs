//! Why ffmpeg failed: a pure function from what it left behind to one of the stable codes and a sentence for people.
//!
//! The words are ours, plus at most one short quote without paths. The phrases that are looked for are those of
//! ffmpeg 5.1, 7 and 9.

use super::clean::Cleaner;
use crate::domain::failure::{Failure, FailureCode as C};
use crate::ffmpeg::{Ending, Exit, Report, StartError};

/// The longest quote in characters.
const LONGEST_QUOTE: usize = 160;

/// What ffmpeg left behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remains<'a> {
    /// Its exit code or signal.
    pub(super) exit: Option<Exit>,
    /// The lines that name the cause, first ones first.
    pub(super) errors: &'a [String],
    /// Whether the job brought its own arguments.
    pub(super) raw: bool,
}

/// The failure of a run that didn't end well by itself.
pub(super) fn of_report(report: &Report, raw: bool, cleaner: &Cleaner) -> Failure {
    match &report.ending {
        Ending::NotStarted(error) => not_started(error),
        _ => signal_from_outside(report)
            .unwrap_or_else(|| classify(Remains { exit: report.exit, errors: &report.errors, raw }, cleaner)),
    }
}

/// The failure of a run whose exit code says that all is well. What ffmpeg writes when it closes its files comes too late
/// for the code, and one that is asked to end while it still looks at its inputs ends with 0, too.
pub(super) fn of_lying_report(report: &Report, cleaner: &Cleaner) -> Option<Failure> {
    let unwritten = |line: &&String| match rule(line) {
        Some(C::DiskFull) => true,
        Some(C::IoError) => line.contains("Error writing trailer") || line.contains("Error closing file"),
        _ => false,
    };
    let written = report.errors.iter().find(unwritten).and_then(|line| Some((rule(line)?, line)));
    let failure = written.map(|(code, line)| Failure::new(code, message(code, Some(&quote(line, cleaner)), None)));
    signal_from_outside(report).or(failure)
}

/// The failure of a run that took a signal which wasn't ours and ended as it is meant to: with its files closed.
fn signal_from_outside(report: &Report) -> Option<Failure> {
    let told = |line: &String| {
        let line = line.strip_prefix("[info] ").unwrap_or(line);
        line.strip_prefix("Exiting normally, received signal ")?.trim_end_matches('.').parse().ok()
    };
    report.stderr_tail.iter().rev().find_map(told).map(by_signal)
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
pub(super) fn classify(remains: Remains<'_>, cleaner: &Cleaner) -> Failure {
    if let Some(Exit::Signal(signal)) = remains.exit {
        return by_signal(signal);
    }
    let found = remains.errors.iter().find_map(|line| rule(line).map(|rule| (rule, line)));
    // The code alone is telling in ffmpeg 7 and later, where every failure of 5.1 is 1.
    let code = match remains.exit {
        Some(Exit::Code(228)) => Some(C::DiskFull),
        Some(Exit::Code(244 | 245)) => Some(C::OutOfMemory),
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
    Failure::new(code, message(code, line.map(|line| quote(line, cleaner)).as_deref(), remains.exit))
}

fn by_signal(signal: i32) -> Failure {
    match signal {
        // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS
        4 | 6 | 7 | 8 | 11 | 31 => Failure::new(
            C::FfmpegCrashed,
            format!("ffmpeg crashed (signal {signal}); the input may be damaged, or ffmpeg has a fault"),
        ),
        9 => Failure::new(C::Killed, "ffmpeg was killed (signal 9), most likely because the server ran out of memory"),
        signal => Failure::new(C::Killed, format!("ffmpeg was ended by somebody else (signal {signal})")),
    }
}

/// What a line means, by the words in it. The order matters: the more special ones stand first.
const RULES: &[(&str, C)] = &[
    ("No space left on device", C::DiskFull),
    ("Disk quota exceeded", C::DiskFull),
    ("Cannot allocate memory", C::OutOfMemory),
    ("pthread_create() failed", C::OutOfMemory),
    ("malloc of size", C::OutOfMemory),
    ("error while loading shared libraries", C::FfmpegMissing),
    ("Unknown encoder", C::EncoderUnavailable),
    ("Encoder not found", C::EncoderUnavailable),
    ("matches no streams", C::StreamMissing),
    ("does not contain any stream", C::StreamMissing),
    ("Could not find tag for codec", C::CopyImpossible),
    ("codec not currently supported in container", C::CopyImpossible),
    ("Only VP8 or VP9 or AV1 video", C::CopyImpossible),
    ("moov atom not found", C::InputInvalid),
    ("Invalid data found when processing input", C::InputInvalid),
    ("Invalid NAL unit size", C::InputInvalid),
    ("partial file", C::InputInvalid),
    ("File ended prematurely", C::InputInvalid),
    ("could not find codec parameters", C::InputInvalid),
    ("Picture size", C::InputInvalid),
    ("not in the format whitelist", C::InputInvalid),
    ("Format not on whitelist", C::InputInvalid),
    ("Output file is empty", C::InputInvalid),
    ("Empty output", C::InputInvalid),
    ("Input/output error", C::IoError),
    ("No such file or directory", C::InputMissing),
    ("Permission denied", C::InputUnreadable),
];

fn rule(line: &str) -> Option<C> {
    RULES.iter().find(|(words, _)| line.contains(words)).map(|(_, code)| *code)
}

/// Whether ffmpeg refuses what it was told to do, before it does anything.
fn refuses(line: &str) -> bool {
    [
        "Unrecognized option",
        "Option not found",
        "Unknown encoder",
        "Unknown decoder",
        "Encoder not found",
        "No such filter",
        "Error parsing",
        "Error setting option",
        "Invalid argument",
        "Unable to parse option",
        "Undefined constant",
        "Unable to find a suitable output format",
        "Unable to choose an output format",
        "At least one output file",
        "Missing argument",
        "Protocol not found",
        "not on whitelist",
        "Requested output format",
        "Could not find tag",
        "Could not write header",
        "not divisible by",
        "Invalid size",
        "Only VP8",
    ]
    .iter()
    .any(|words| line.contains(words))
}

/// Whether a line complains of the input rather than of what was made of it.
pub(super) fn blames_input(line: &str) -> bool {
    matches!(rule(line), Some(C::InputInvalid | C::InputUnreadable | C::IoError))
        || [
            "Error while decoding",
            "Error splitting the input",
            "Error during demuxing",
            "corrupt",
            "truncated",
            "missing picture",
        ]
        .iter()
        .any(|words| line.contains(words))
}

/// The code of a line that blames the input: damage lasts, a disk or a network that didn't read may do so the next time.
pub(super) fn code_of_blame(line: &str) -> C {
    if rule(line) == Some(C::IoError) { C::IoError } else { C::InputInvalid }
}

/// Whether a line says anything about the cause.
fn tells(line: &str) -> bool {
    ![
        "Conversion failed",
        "Qavg",
        "Error opening output files",
        "Error opening output file",
        "Error opening input files",
        "Nothing was written",
    ]
    .iter()
    .any(|words| line.contains(words))
}

/// A short, clean quote of what ffmpeg said.
pub(super) fn quote(line: &str, cleaner: &Cleaner) -> String {
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
        (_, Some(Exit::Code(exit))) => format!("{ours} (exit code {exit})"),
        _ => ours.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    fn ended(code: i32, errors: &[&str], tail: &[&str]) -> Report {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Report {
            ending: Ending::Finished,
            exit: Some(Exit::Code(code)),
            wall: Duration::ZERO,
            paused: Duration::ZERO,
            cpu: Duration::ZERO,
            peak_memory_bytes: None,
            stop: None,
            errors: lines(errors),
            stderr_tail: lines(tail),
            feed_error: None,
        }
    }

    #[test]
    fn an_exit_code_of_0_is_not_believed_where_ffmpeg_could_not_close_its_file() {
        for (errors, tail, expected) in [
            (&["Error writing trailer of /o/.0.mkv: No space left on device"][..], &[][..], Some(C::DiskFull)),
            (&["Error closing file: Input/output error"][..], &[][..], Some(C::IoError)),
            (&["file:/srv/in.mp4: Input/output error"][..], &[][..], None),
            (&["Invalid NAL unit size"][..], &["[info]     title: Exiting normally, received signal 15."][..], None),
            (&[][..], &["[info] Exiting normally, received signal 15.", "[info] bye"][..], Some(C::Killed)),
        ] {
            let failure = of_lying_report(&ended(0, errors, tail), &Cleaner::default());
            assert_eq!(failure.map(|failure| failure.code), expected, "{errors:?} {tail:?}");
        }
    }

    #[test]
    fn a_polite_signal_from_outside_is_no_fault_of_the_job() {
        let report = ended(255, &["Conversion failed!"], &["[info] Exiting normally, received signal 15."]);
        assert_eq!(of_report(&report, false, &Cleaner::default()).code, C::Killed);
    }

    fn of(code: i32, errors: &[&str], raw: bool) -> Failure {
        let errors: Vec<String> = errors.iter().map(|&line| line.to_owned()).collect();
        let cleaner = Cleaner::new([(Path::new("/srv/in.mp4"), "in.mp4")]);
        classify(Remains { exit: Some(Exit::Code(code)), errors: &errors, raw }, &cleaner)
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
    fn signals_are_told_apart() {
        for (signal, code) in [(11, C::FfmpegCrashed), (6, C::FfmpegCrashed), (9, C::Killed), (15, C::Killed)] {
            let remains = Remains { exit: Some(Exit::Signal(signal)), errors: &[], raw: false };
            assert_eq!(classify(remains, &Cleaner::default()).code, code);
        }
    }

    #[test]
    fn messages_are_ours_with_a_short_clean_quote() {
        let failure = of(1, &["file:/srv/in.mp4: Invalid data found when processing input"], false);
        assert_eq!(
            failure.message,
            "the input is damaged or no media that can be decoded (ffmpeg: in.mp4: Invalid data found when processing input)"
        );
        let failure = of(1, &[&format!("/var/lib/secret/x: {}", "y".repeat(500))], false);
        assert!(!failure.message.contains("secret") && failure.message.len() < 250, "{}", failure.message);
        assert_eq!(of(69, &["Conversion failed!"], false).message, "ffmpeg failed (exit code 69)");
    }
}
