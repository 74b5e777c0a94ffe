//! What became of a job, for people: what was made and where it is, or why nothing was.

use super::client::Client;
use super::media::summary;
use super::text::{plain, size, span};
use crate::domain::job::{CancelMethod, CancelReason, Cancellation, Job, JobState, Output};

/// Tells about a job that is over, in one line and one more for each file.
pub(super) fn report(client: &Client, job: &Job) -> String {
    let mut text = headline(job);
    text.push('\n');
    for output in job.outputs.iter().filter(|output| output.url.is_some()) {
        text += &made(output);
        text.extend(["    ", &client.output_url(job.id, &output.name), "\n"]);
    }
    text
}

fn headline(job: &Job) -> String {
    let took = job.started_at.zip(job.finished_at).map(|(from, to)| span(to.millis_since(from)));
    match job.state {
        JobState::Succeeded => format!("succeeded{}", took.map(|took| format!(" in {took}")).unwrap_or_default()),
        JobState::Failed => {
            let why = job.error.as_ref().map_or_else(
                || "the server doesn't say why".to_owned(),
                |error| format!("{} ({})", plain(&error.message), code_name(error)),
            );
            let tries =
                if job.attempts.len() > 1 { format!(" after {} attempts", job.attempts.len()) } else { String::new() };
            format!("failed{tries}: {why}")
        }
        JobState::Cancelled => cancelled(job, took),
        state => state.to_string(),
    }
}

/// The failure's stable code as JSON spells it.
fn code_name(error: &crate::domain::failure::Failure) -> String {
    // A unit variant is always a string in JSON.
    serde_json::to_value(error.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}

fn cancelled(job: &Job, took: Option<String>) -> String {
    let mut text = "cancelled".to_owned();
    text += &took.map(|took| format!(" after {took}")).unwrap_or_default();
    if let Some(cancellation) = &job.cancellation {
        text += reason(cancellation.reason);
        text += &method(cancellation);
    }
    if !job.outputs.iter().any(|output| output.url.is_some()) {
        let why = job.error.as_ref().map(|error| format!(": {}", plain(&error.message))).unwrap_or_default();
        text.extend(["; no file was kept", &why]);
    }
    text
}

const fn reason(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Client => "",
        CancelReason::Timeout => " for taking too long",
        CancelReason::Shutdown => " by the server's end",
        CancelReason::Stalled => " for standing still",
    }
}

fn method(cancellation: &Cancellation) -> String {
    let drained = cancellation.drain_ms.map(|millis| format!(" in {}", span(millis))).unwrap_or_default();
    match cancellation.method {
        None => String::new(),
        Some(CancelMethod::NotStarted) => ", before ffmpeg ran".to_owned(),
        Some(CancelMethod::Quit | CancelMethod::Terminate) => format!("; ffmpeg finished its files{drained}"),
        Some(CancelMethod::Kill) => format!("; ffmpeg was killed{drained}"),
    }
}

/// `  film.mp4  1.2 MiB  mp4, 5.1 s, …`
fn made(output: &Output) -> String {
    let mut cells = vec![plain(&output.name).into_owned()];
    cells.extend(output.size_bytes.map(size));
    cells.extend(output.media.as_ref().map(summary));
    let remark = match (output.partial, output.playable) {
        (true, Some(true)) => Some("partial, plays"),
        (true, _) => Some("partial, not known to play"),
        (false, Some(false)) => Some("can't be played"),
        (false, _) => None,
    };
    cells.extend(remark.map(str::to_owned));
    format!("  {}\n", cells.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Connection;
    use serde_json::{Value, json};

    fn shown(change: &Value) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut job = json!({
            "id": "019234ab-5678-7def-8123-456789abcdef", "state": "succeeded", "mode": "graceful", "priority": 0, "labels": {},
            "input": "a.mov", "timeout_seconds": 1, "grace_seconds": 1, "max_attempts": 1, "progress": null, "outputs": [],
            "attempts": [], "cancellation": null, "error": null, "created_at": "2026-01-31T12:00:00.000Z",
            "started_at": "2026-01-31T12:00:00.000Z", "finished_at": "2026-01-31T12:00:12.300Z",
        });
        for (key, value) in change.as_object().unwrap() {
            job[key] = value.clone();
        }
        report(&Client::new(&Connection::default()).unwrap(), &serde_json::from_value(job).unwrap())
    }

    fn output(partial: bool) -> Value {
        json!({
            "name": "out 1.mp4", "preset": null, "container": "mp4", "size_bytes": 1_258_291, "sha256": null, "partial": partial,
            "playable": true, "url": "/v1/jobs/x/outputs/out%201.mp4",
            "media": {"container": "mp4", "duration_ms": 5120, "video": null, "audio": null},
        })
    }

    #[test]
    fn a_finished_job_names_its_files_their_facts_and_their_urls() {
        assert_eq!(
            shown(&json!({"outputs": [output(false)]})),
            "succeeded in 12 s\n  out 1.mp4  1.2 MiB  mp4, 5.1 s\n    \
             http://127.0.0.1:8080/v1/jobs/019234ab-5678-7def-8123-456789abcdef/outputs/out%201.mp4\n"
        );
    }

    #[test]
    fn a_failed_job_tells_why_with_the_stable_code() {
        let error = json!({"code": "input_invalid", "message": "the input is no media", "retryable": false});
        assert_eq!(
            shown(&json!({"state": "failed", "error": error})),
            "failed: the input is no media (input_invalid)\n"
        );
    }

    #[test]
    fn a_cancelled_job_tells_what_was_kept() {
        let cancellation =
            json!({"requested_at": "2026-01-31T12:00:01.000Z", "reason": "client", "method": "quit", "drain_ms": 420});
        let text = shown(&json!({"state": "cancelled", "cancellation": cancellation, "outputs": [output(true)]}));
        assert!(text.starts_with("cancelled after 12 s; ffmpeg finished its files in 0.4 s\n"), "{text}");
        assert!(text.contains("mp4, 5.1 s  partial, plays\n"), "{text}");
    }

    #[test]
    fn a_cancelled_job_without_files_says_so() {
        let cancellation =
            json!({"requested_at": "2026-01-31T12:00:01.000Z", "reason": "timeout", "method": "kill", "drain_ms": 20});
        assert_eq!(
            shown(&json!({"state": "cancelled", "cancellation": cancellation})),
            "cancelled after 12 s for taking too long; ffmpeg was killed in 0.0 s; no file was kept\n"
        );
    }
}
