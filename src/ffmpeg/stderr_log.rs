//! Keeps what matters of standard error: its first and last lines, and those that name the cause of a failure.

use std::collections::VecDeque;

/// How many lines are kept from the beginning, and from the end.
const FIRST: usize = 50;
const LAST: usize = 200;
/// How much of a line is kept, in bytes.
const KEPT: usize = 1024;
/// How many error lines are kept from the beginning, and from the end.
const ERRORS_FIRST: usize = 8;
const ERRORS_LAST: usize = 8;
/// How many lines stand for the cause where none is marked.
const UNMARKED: usize = 3;

/// Lines of standard error, bounded.
#[derive(Debug, Default)]
pub(super) struct StderrLog {
    lines: Ends<FIRST, LAST>,
    errors: Ends<ERRORS_FIRST, ERRORS_LAST>,
    signalled: bool,
}

/// The first `A` and the last `B` of a sequence.
#[derive(Debug, Default)]
struct Ends<const A: usize, const B: usize> {
    first: Vec<String>,
    last: VecDeque<String>,
}

impl<const A: usize, const B: usize> Ends<A, B> {
    fn push(&mut self, line: String) {
        if self.first.len() < A {
            self.first.push(line);
        } else {
            if self.last.len() == B {
                self.last.pop_front();
            }
            self.last.push_back(line);
        }
    }

    fn into_lines(self) -> Vec<String> {
        self.first.into_iter().chain(self.last).collect()
    }
}

impl StderrLog {
    /// Takes the next line.
    pub(super) fn push(&mut self, line: &str) {
        let line = &line[..line.floor_char_boundary(KEPT)];
        if let Some(error) = error_in(line) {
            self.errors.push(error);
        }
        self.signalled |= tells_of_signal(line);
        self.lines.push(line.to_owned());
    }

    /// Whether ffmpeg said that it ends because of a signal. Its exit code alone doesn't tell.
    pub(super) fn signalled(&self) -> bool {
        self.signalled
    }

    /// The lines that name the cause, and the first and last of all. Where `failed` and no line is marked, the last
    /// lines stand for the cause.
    pub(super) fn finish(self, failed: bool) -> (Vec<String>, Vec<String>) {
        let (mut errors, tail) = (self.errors.into_lines(), self.lines.into_lines());
        if errors.is_empty() && failed {
            let spoken: Vec<&String> = tail.iter().filter(|line| !line.trim().is_empty()).collect();
            errors = spoken[spoken.len().saturating_sub(UNMARKED)..].iter().map(|line| clean(line)).collect();
        }
        (errors, tail)
    }
}

/// Whether ffmpeg says that it has begun to write an output: its encoders are open then.
///
/// Progress blocks may begin much later, as there are none until every output has begun.
pub(super) fn tells_of_output(line: &str) -> bool {
    spoken(line).starts_with("Output #")
}

fn tells_of_signal(line: &str) -> bool {
    let spoken = spoken(line);
    spoken.starts_with("Exiting normally, received signal ") || spoken.starts_with("Received > ")
}

/// What stands behind the mark of a level. Names and titles out of files never stand at the beginning of a line.
fn spoken(line: &str) -> &str {
    ["[info] ", "[error] ", "[fatal] "].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line)
}

/// The message of a line that is marked as an error, without its marks.
fn error_in(line: &str) -> Option<String> {
    let bare = without_origin(line);
    ["[error] ", "[fatal] ", "[panic] ", "x264 [error]: ", "x265 [error]: "]
        .iter()
        .find_map(|mark| bare.strip_prefix(mark))
        .map(|message| without_origin(message).trim().to_owned())
        .filter(|message| !message.is_empty())
}

/// A line without its marks, whatever they are.
pub(super) fn clean(line: &str) -> String {
    error_in(line).unwrap_or_else(|| without_origin(line).trim().to_owned())
}

/// Strips `[name @ 0x55d0c8]` from the beginning, as often as it stands there.
fn without_origin(mut line: &str) -> &str {
    while let Some((origin, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        if !origin.contains(" @ 0x") {
            break;
        }
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(lines: &[&str], failed: bool) -> (Vec<String>, Vec<String>) {
        let mut log = StderrLog::default();
        for line in lines {
            log.push(line);
        }
        log.finish(failed)
    }

    #[test]
    fn the_first_error_comes_first_and_addresses_are_gone() {
        let (errors, tail) = finish(
            &[
                "[info] Input #0",
                "[libx264 @ 0x55d0c8] [error] width not divisible by 2 (321x240)",
                "x264 [error]: malloc of size 99 failed",
                "[out#0/mp4 @ 0x1] [in @ 0x2] [fatal] Nothing was written",
                "[mov @ 0x1] [warning] odd",
                "[error] Conversion failed!",
            ],
            true,
        );
        let causes = [
            "width not divisible by 2 (321x240)",
            "malloc of size 99 failed",
            "Nothing was written",
            "Conversion failed!",
        ];
        assert_eq!(errors, causes);
        assert_eq!(tail.len(), 6);
    }

    #[test]
    fn without_marks_the_last_lines_of_a_failure_count() {
        let lines = ["a", "b", "[mp4 @ 0x7f] c", "", "d"];
        assert_eq!(finish(&lines, true).0, ["b", "c", "d"]);
        assert!(finish(&lines, false).0.is_empty());
    }

    #[test]
    fn what_ffmpeg_says_of_itself_is_told_from_what_files_say() {
        for line in ["Output #0, mp4, to 'x':", "[info] Output #12, null, to 'pipe:':"] {
            assert!(tells_of_output(line), "{line}");
        }
        for (line, signalled) in [
            ("[info] Exiting normally, received signal 15.", true),
            ("Exiting normally, received signal 2.", true),
            ("[error] Received > 3 system signals, hard exiting", true),
            ("[info]     title           : Exiting normally, received signal 15.", false),
            ("[info] Input #0, mov, from 'Output #0':", false),
        ] {
            let mut log = StderrLog::default();
            log.push(line);
            assert_eq!((log.signalled(), tells_of_output(line)), (signalled, false), "{line}");
        }
    }

    #[test]
    fn a_flood_keeps_its_first_and_last_lines() {
        let mut log = StderrLog::default();
        for number in 0..100_000 {
            log.push(&format!("[error] line {number} {}", "é".repeat(9000)));
        }
        let (errors, tail) = log.finish(true);
        assert_eq!((errors.len(), tail.len()), (16, 250));
        assert!(errors[0].starts_with("line 0 ") && errors[15].starts_with("line 99999 "));
        assert!(tail[49].starts_with("[error] line 49 ") && tail[50].starts_with("[error] line 99800 "));
        assert!(tail.iter().all(|line| line.len() <= KEPT));
    }
}
