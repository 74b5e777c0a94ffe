//! How a job is shown while it is followed: a bar for people at a terminal, lines for logs, JSON for programs.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use tokio::time::Instant;

use super::bar::{Bar, Standing};
use super::events::JobEvent;
use crate::cli::error::Error;
use crate::cli::print::{complain, print};

/// The least time between two lines about progress where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// How a job is shown while it is followed.
#[derive(Debug)]
pub(super) enum Screen {
    /// For people at a terminal.
    Bar(Standing, Bar),
    /// For logs: a line at each change of state, and one every few seconds between.
    Lines(Lines),
    /// For programs: one event a line on standard output.
    Json,
}

impl Screen {
    /// The screen that fits where standard error goes.
    pub(super) fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else if io::stderr().is_terminal() {
            Self::Bar(Standing::default(), Bar::new())
        } else {
            Self::Lines(Lines::default())
        }
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &JobEvent) -> Result<(), Error> {
        match self {
            Self::Bar(standing, bar) => {
                standing.take(&event.news);
                bar.show(standing);
            }
            Self::Lines(lines) => {
                if let Some(line) = lines.line(event, Instant::now()) {
                    complain(&line);
                }
            }
            Self::Json => print(&(event.json_line() + "\n"))?,
        }
        Ok(())
    }

    /// Tells people something.
    pub(super) fn note(&self, line: &str) {
        match self {
            Self::Bar(_, bar) => bar.note(line),
            Self::Lines(_) | Self::Json => complain(line),
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn close(&self) {
        if let Self::Bar(_, bar) = self {
            bar.close();
        }
    }
}

/// Decides which events are worth a line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    standing: Standing,
    last: Option<Instant>,
}

impl Lines {
    fn line(&mut self, event: &JobEvent, now: Instant) -> Option<String> {
        let changed = self.standing.take(&event.news);
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= LINE_INTERVAL);
        if !changed && !due {
            return None;
        }
        self.last = Some(now);
        Some(self.standing.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::watch::sse::Frame;

    #[test]
    fn lines_come_every_few_seconds_and_at_each_change() {
        let progress = |percent: u32| {
            let data = format!(r#"{{"job_id": "x", "phase": "transcoding", "percent": {percent}}}"#);
            JobEvent::read(Frame { kind: "progress".into(), id: None, data }).unwrap()
        };
        let mut lines = Lines::default();
        let start = Instant::now();
        let shown: Vec<_> = (0..12)
            .filter(|second| lines.line(&progress(*second), start + Duration::from_secs((*second).into())).is_some())
            .collect();
        assert_eq!(shown, [0, 5, 10]);
    }
}
