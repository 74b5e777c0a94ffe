//! `transcoded plan`

use super::args::{Plan, Submit};
use super::client::Client;
use super::error::Error;
use super::media::facts;
use super::outcome::Outcome;
use super::print::print;
use super::submit;
use super::text::{plain, span, table};
use crate::domain::decision::{Action, Decision};
use crate::domain::planned::{JobPlan, PlannedOutput};

/// Shows what a job would do; fails where it can't be done.
pub(super) async fn plan(client: &Client, args: &Plan) -> Result<Outcome, Error> {
    let job = Submit {
        input: args.input.clone(),
        outputs: args.outputs.clone(),
        preset: args.preset.clone(),
        spec: args.spec.clone(),
        raw: args.raw.clone(),
        ..Submit::default()
    };
    let body = submit::body(&job, job.input.as_deref())?;
    let plan = client.plan(body).await?;
    // Numbers and strings can always be written as JSON.
    print(&if args.json {
        serde_json::to_string(&plan).unwrap_or_default() + "\n"
    } else {
        shown(&plan, args.commands)
    })?;
    Ok(if plan.feasible { Outcome::Done } else { Outcome::Failed })
}

fn shown(plan: &JobPlan, commands: bool) -> String {
    let mut text = String::new();
    if let Some(input) = &plan.input {
        text.extend(["input: ", &facts(input)]);
    }
    for output in &plan.outputs {
        text += &one(output);
    }
    for error in &plan.errors {
        let place = error.pointer.trim_start_matches('/');
        let place = if place.is_empty() { "the request" } else { place };
        text.extend(["wrong: ", &plain(place), ": ", &plain(&error.detail), "\n"]);
    }
    if commands {
        for command in &plan.commands {
            let words: Vec<String> = command.argv.iter().map(|word| quoted(&plain(word))).collect();
            text.extend([&plain(&command.purpose), ": ", &words.join(" "), "\n"]);
        }
    }
    text
}

fn one(output: &PlannedOutput) -> String {
    let length = output.duration_ms.map(|millis| format!(", {}", span(millis))).unwrap_or_default();
    let rows: Vec<Vec<String>> = output.decisions.iter().map(row).collect();
    format!("{} ({}{length})\n{}", plain(&output.name), output.container, table(&rows))
}

fn row(decision: &Decision) -> Vec<String> {
    let action = match decision.action {
        Action::Copy => "copied",
        Action::Encode => "encoded",
        Action::Capture => "captured",
    };
    let result = decision.result.as_deref().unwrap_or_default();
    vec![
        format!("  {}", plain(&decision.stream)),
        action.to_owned(),
        plain(result).into_owned(),
        plain(&decision.why).into_owned(),
    ]
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_in_lines() {
        let plan: JobPlan = serde_json::from_str(
            r#"{"feasible": false, "input": null, "outputs": [{"name": "a.mp4", "container": "mp4", "duration_ms": 5312,
                "holds": [], "decisions": [
                  {"stream": "video", "action": "copy", "why": "it already fits"},
                  {"stream": "audio", "action": "encode", "result": "aac, 2 channels", "why": "6 channels become 2"}]}],
                "commands": [{"purpose": "transcode", "argv": ["ffmpeg", "-i", "file:a b.mp4"]}],
                "errors": [{"pointer": "/outputs/1/video/crf", "detail": "crf is 0 to 51"}]}"#,
        )
        .unwrap();
        assert_eq!(
            shown(&plan, true),
            "a.mp4 (mp4, 5.3 s)\n  video  copied                    it already fits\n  \
             audio  encoded  aac, 2 channels  6 channels become 2\nwrong: outputs/1/video/crf: crf is 0 to 51\n\
             transcode: ffmpeg -i 'file:a b.mp4'\n"
        );
        assert_eq!(quoted("gte('t',1)"), r"'gte('\''t'\'',1)'");
    }
}
