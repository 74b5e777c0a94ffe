//! Where a job stands while it is followed, and the progress bar that shows it on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::events::News;
use crate::cli::print::complain;
use crate::cli::text::span;
use crate::domain::job::{JobProgress, JobState, Phase};

/// Where a job stands, as far as its events have told.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    state: Option<JobState>,
    progress: Option<JobProgress>,
}

impl Standing {
    /// Takes news in and returns whether the state has changed.
    pub(super) fn take(&mut self, news: &News) -> bool {
        let before = self.state;
        match news {
            // Those of later connections run ahead of the missed events that follow them.
            News::Snapshot(_) if before.is_some() => {}
            News::Snapshot(job) | News::State(job) => {
                self.state = Some(job.state);
                self.progress.clone_from(&job.progress);
            }
            News::Progress(progress) => self.progress = Some(progress.clone()),
            News::Other => {}
        }
        self.state != before
    }

    /// 0 to 100 while it is known.
    pub(super) fn percent(&self) -> Option<f64> {
        self.progress.as_ref().and_then(|progress| progress.percent).map(|percent| percent.clamp(0.0, 100.0))
    }

    /// What it does: `transcoding, 2.4× speed, 12 s left`.
    pub(super) fn words(&self) -> String {
        let Some(state) = self.state else { return "connecting".to_owned() };
        let Some(progress) = self.progress.as_ref().filter(|_| !state.is_terminal() && state != JobState::Queued)
        else {
            return state.to_string();
        };
        let mut parts = Vec::new();
        parts.extend(matches!(state, JobState::Cancelling | JobState::Paused).then(|| state.to_string()));
        parts.push(phase(progress.phase).to_owned());
        parts.extend(progress.speed.map(|speed| format!("{speed:.1}× speed")));
        if state == JobState::Running {
            parts.extend(progress.eta_ms.map(|millis| format!("{} left", span(millis))));
        }
        if progress.percent.is_none() {
            parts.extend(progress.out_time_ms.map(|millis| format!("{} done", span(millis))));
        }
        parts.join(", ")
    }

    /// The same with the percentage in front.
    pub(super) fn line(&self) -> String {
        match self.percent().filter(|_| self.state.is_some_and(|state| !state.is_terminal())) {
            Some(percent) => format!("{percent:5.1} %  {}", self.words()),
            None => self.words(),
        }
    }
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Fetching => "fetching",
        Phase::Preparing => "preparing",
        Phase::Analyzing => "analyzing",
        Phase::Transcoding => "transcoding",
        Phase::Packaging => "packaging",
        Phase::Verifying => "verifying",
        Phase::Publishing => "publishing",
    }
}

/// The bar's length in its own units, so that it moves in tenths of a percent.
const LENGTH: u64 = 1000;
const KNOWN: &str = "{bar:30} {percent:>3} %  {wide_msg}";
const UNKNOWN: &str = "{spinner} {wide_msg}";

/// A progress bar at the bottom of the terminal, on standard error.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    percent_known: bool,
}

impl Bar {
    /// Draws a bar of which nothing is known yet.
    pub(super) fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(LENGTH), target).with_style(style(UNKNOWN));
        // Keeps the spinner turning while a job waits.
        bar.enable_steady_tick(Duration::from_millis(150));
        Self { bar, percent_known: false }
    }

    /// Shows where the job stands.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    pub(super) fn show(&mut self, standing: &Standing) {
        let percent = standing.percent();
        if percent.is_some() != self.percent_known {
            self.percent_known = percent.is_some();
            self.bar.set_style(style(if self.percent_known { KNOWN } else { UNKNOWN }));
        }
        if let Some(percent) = percent {
            self.bar.set_position((percent * 10.0).floor() as u64);
        }
        self.bar.set_message(standing.words());
    }

    /// Prints a line above the bar.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| complain(line));
    }

    /// Removes the bar.
    pub(super) fn close(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // Both templates are ours, and a test reads them.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn progress(value: serde_json::Value) -> News {
        News::Progress(serde_json::from_value(value).unwrap())
    }

    fn job(state: &str) -> News {
        News::State(Box::new(
            serde_json::from_value(json!({
                "id": "019234ab-5678-7def-8123-456789abcdef", "state": state, "mode": "graceful", "priority": 0, "labels": {},
                "input": "a.mov", "timeout_seconds": 1, "grace_seconds": 1, "max_attempts": 1, "progress": null, "outputs": [],
                "attempts": [], "cancellation": null, "error": null, "created_at": "2026-01-31T12:00:00.000Z",
                "started_at": null, "finished_at": null,
            }))
            .unwrap(),
        ))
    }

    #[test]
    fn templates_can_be_read() {
        for template in [KNOWN, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_line_tells_what_is_known_and_nothing_else() {
        let mut standing = Standing::default();
        assert_eq!(standing.line(), "connecting");
        assert!(standing.take(&job("queued")));
        assert_eq!(standing.line(), "queued");
        assert!(standing.take(&job("running")));
        assert!(!standing.take(&progress(json!({"phase": "preparing"}))));
        assert_eq!(standing.line(), "preparing");
        standing.take(&progress(json!({"phase": "transcoding", "out_time_ms": 1500, "speed": 2.44})));
        assert_eq!(standing.line(), "transcoding, 2.4× speed, 1.5 s done");
        standing.take(&progress(json!({"phase": "transcoding", "percent": 43.21, "speed": 2.44, "eta_ms": 65_000})));
        assert_eq!(standing.line(), " 43.2 %  transcoding, 2.4× speed, 1:05 left");
        assert!(standing.take(&job("cancelling")));
        standing.take(&progress(json!({"phase": "verifying", "percent": 50.0, "eta_ms": 65_000})));
        assert_eq!(standing.line(), " 50.0 %  cancelling, verifying");
        assert!(standing.take(&job("cancelled")));
        assert_eq!(standing.line(), "cancelled");
    }

    #[test]
    fn a_snapshot_of_a_later_connection_does_not_run_ahead() {
        let mut standing = Standing::default();
        standing.take(&job("running"));
        let News::State(ended) = job("succeeded") else { unreachable!() };
        assert!(!standing.take(&News::Snapshot(ended)));
        assert_eq!(standing.line(), "running");
    }

    #[test]
    fn a_bar_takes_any_progress() {
        let mut bar = Bar::on(ProgressDrawTarget::hidden());
        let mut standing = Standing::default();
        for percent in [json!(null), json!(-1.0), json!(43.2), json!(1e9)] {
            standing.take(&progress(json!({"phase": "transcoding", "percent": percent})));
            bar.show(&standing);
        }
        assert_eq!(bar.bar.position(), LENGTH);
        bar.close();
    }
}
