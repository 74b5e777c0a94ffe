//! What single lines of ffmpeg mean, by their words: those of ffmpeg 5.1, 7 and 9.

use crate::domain::failure::FailureCode as C;
use crate::transcode::run::clean::Cleaner;

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
    ("no decoder found for", C::InputInvalid),
    ("not found for input stream", C::InputInvalid),
    ("Picture size", C::InputInvalid),
    ("not in the format whitelist", C::InputInvalid),
    ("Format not on whitelist", C::InputInvalid),
    ("Output file is empty", C::InputInvalid),
    ("Empty output", C::InputInvalid),
    ("Input/output error", C::IoError),
    ("No such file or directory", C::InputMissing),
    ("Permission denied", C::InputUnreadable),
];

/// What a line means. The words in a file's name mean nothing.
pub(super) fn rule(line: &str, cleaner: &Cleaner) -> Option<C> {
    let bare = cleaner.nameless(line);
    let code = RULES.iter().find(|(words, _)| bare.contains(words)).map(|(_, code)| *code)?;
    // A damaged file may claim to need any amount of memory.
    let opening = bare.starts_with("Error opening input") || bare.starts_with(':');
    Some(if code == C::OutOfMemory && opening { C::InputInvalid } else { code })
}

/// Whether the server is to blame.
pub(super) fn is_ours(code: C) -> bool {
    matches!(code, C::DiskFull | C::OutOfMemory | C::FfmpegMissing)
}

/// Whether ffmpeg complains that nothing came of the input.
pub(super) fn is_empty_output(line: &str) -> bool {
    line.contains("Output file is empty") || line.contains("Empty output")
}

/// Whether ffmpeg refuses what it was told to do, before it does anything.
pub(super) fn refuses(line: &str) -> bool {
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
pub(in crate::transcode) fn blames_input(line: &str, cleaner: &Cleaner) -> bool {
    let bare = cleaner.nameless(line);
    let blamed = matches!(rule(line, cleaner), Some(C::InputInvalid | C::InputUnreadable | C::IoError));
    blamed && !is_empty_output(line)
        || [
            "Error while decoding",
            "error while decoding",
            "invalid as first byte of an EBML number",
            "Error splitting the input",
            "Error during demuxing",
            "corrupt",
            "truncated",
            "missing picture",
        ]
        .iter()
        .any(|words| bare.contains(words))
}

/// Whether a line says that reading failed in a way that may pass: damage lasts, a disk or a network may do better next time.
pub(in crate::transcode) fn is_passing(line: &str, cleaner: &Cleaner) -> bool {
    rule(line, cleaner) == Some(C::IoError)
}

/// Whether a line says anything about the cause.
pub(super) fn tells(line: &str) -> bool {
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
