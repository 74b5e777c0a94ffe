//! What the doctor has found, for people and for programs.

use serde::Serialize;
use serde_json::json;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// All is well.
    Ok,
    /// It works, but not for everything.
    Warning,
    /// A server won't work.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) level: Level,
    /// What was looked at.
    pub(super) subject: &'static str,
    /// What was found.
    pub(super) message: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(subject: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject, message: message.into(), advice: None }
    }

    /// It works, but not for everything.
    pub(super) fn warning(subject: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, subject, message: message.into(), advice: Some(advice.into()) }
    }

    /// A server won't work.
    pub(super) fn problem(subject: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::warning(subject, message, advice) }
    }
}

/// The worst level; `Ok` where nothing was found.
pub(super) fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}

/// One line a finding, and its advice below it.
pub(super) fn for_people(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let level = match finding.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        text.extend([format!("{level:<8} {:<12} {}\n", finding.subject, finding.message)]);
        if let Some(advice) = &finding.advice {
            text.extend([format!("{:<21} → {advice}\n", "")]);
        }
    }
    text
}

/// One JSON object: the worst level and all findings.
pub(super) fn for_programs(findings: &[Finding]) -> String {
    json!({ "level": worst(findings), "findings": findings }).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        assert_eq!(worst(&[]), Level::Ok);
        assert_eq!(worst(&[Finding::warning("a", "b", "c"), Finding::ok("d", "e")]), Level::Warning);
        assert_eq!(worst(&[Finding::problem("a", "b", "c"), Finding::warning("d", "e", "f")]), Level::Problem);
    }

    #[test]
    fn advice_stands_below_what_it_is_about() {
        let text = for_people(&[Finding::ok("ffmpeg", "5.1"), Finding::problem("server", "gone", "start it")]);
        assert_eq!(text, "ok       ffmpeg       5.1\nPROBLEM  server       gone\n                      → start it\n");
    }
}
