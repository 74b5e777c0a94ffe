//! Plans the jobs that bring their own arguments, and finds out what they made.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Plan, file_address};
use crate::domain::output::is_plain_name;
use crate::ffmpeg::{Expected, GLOBAL_ARGS};

/// The words that stand for the input's path and the output folder.
const INPUT: &str = "{input}";
const OUTPUT: &str = "{output}";

/// Whether the input is read at all; arguments may bring their own sources.
pub(in crate::transcode) fn reads_input(args: &[String]) -> bool {
    args.iter().any(|arg| arg.contains(INPUT))
}

/// Puts the paths into the arguments, behind options of ours that suit every run.
pub(in crate::transcode) fn plan(
    args: &[String],
    input: Option<&Path>,
    outputs: &Path,
    probed: Option<Duration>,
) -> Plan {
    let own: Vec<OsString> = args.iter().map(|arg| filled(arg, input, outputs)).collect();
    let expected = Expected::from_args(&own, probed).duration();
    let args = GLOBAL_ARGS.iter().map(OsString::from).chain(own).collect();
    Plan { measurements: Vec::new(), files: Vec::new(), args, expected, outputs: Vec::new() }
}

/// An argument that is nothing but `{input}` can't be taken for an address of another kind; within other text the bare
/// path is what a filter or a protocol needs.
fn filled(arg: &str, input: Option<&Path>, outputs: &Path) -> OsString {
    if arg == INPUT
        && let Some(input) = input
    {
        return file_address(input);
    }
    let mut filled = OsString::new();
    let mut rest = arg;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        filled.push(before);
        rest = if let (Some(next), Some(input)) = (after.strip_prefix(INPUT), input) {
            filled.push(input);
            next
        } else if let Some(next) = after.strip_prefix(OUTPUT) {
            filled.push(outputs);
            next
        } else {
            filled.push("{");
            &after[1..]
        };
    }
    filled.push(rest);
    filled
}

/// The names of the regular files that were made, sorted, and how many other things were left out: folders, links, and
/// names that no output may have.
pub(in crate::transcode) fn made(outputs: &Path) -> io::Result<(Vec<String>, usize)> {
    let (mut names, mut others) = (Vec::new(), 0);
    for entry in std::fs::read_dir(outputs)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if entry.file_type()?.is_file() && is_plain_name(&name) => names.push(name),
            _ => others += 1,
        }
    }
    names.sort();
    Ok((names, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_take_their_places_and_nothing_else_changes() {
        let (input, outputs) = (Path::new("/srv/a b.mov"), Path::new("/work/outputs"));
        for (arg, expected) in [
            ("{input}", "file:/srv/a b.mov"),
            ("subtitles={input}", "subtitles=/srv/a b.mov"),
            ("{output}/{x}.mkv", "/work/outputs/{x}.mkv"),
            ("{output}/{output}", "/work/outputs//work/outputs"),
            ("-i", "-i"),
            ("{", "{"),
            ("{{input}}", "{/srv/a b.mov}"),
        ] {
            assert_eq!(filled(arg, Some(input), outputs), expected, "{arg}");
        }
    }

    #[test]
    fn a_path_that_looks_like_a_placeholder_is_not_filled_in_again() {
        assert_eq!(filled("x{input}", Some(Path::new("/m/{output}")), Path::new("/work")), "x/m/{output}");
    }
}
