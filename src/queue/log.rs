//! The log of an attempt, bounded: its first lines, which say what was read, and its last, which say how it ended.

use std::collections::VecDeque;

/// How many lines are kept of the start.
const FIRST: usize = 50;
/// How many lines are kept of the end.
const LAST: usize = 200;

/// The lines of an attempt.
#[derive(Debug, Default)]
pub struct JobLog {
    first: Vec<String>,
    last: VecDeque<String>,
    left_out: u64,
}

impl JobLog {
    /// Adds a line, which the caller has bounded.
    pub fn add(&mut self, line: &str) {
        if self.first.len() < FIRST {
            self.first.push(line.to_owned());
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(line.to_owned());
    }

    /// All of it, a line each, with a note where lines were left out.
    #[must_use]
    pub fn text(&self) -> String {
        let note = (self.left_out > 0).then(|| format!("[{} lines left out]", self.left_out));
        let lines = self.first.iter().chain(&note).chain(&self.last);
        lines.flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_start_and_its_end() {
        let mut log = JobLog::default();
        for number in 0..1000 {
            log.add(&number.to_string());
        }
        let text = log.text();
        assert!(text.starts_with("0\n1\n") && text.ends_with("998\n999\n"));
        assert!(text.contains("49\n[750 lines left out]\n800\n"), "{text}");
    }
}
