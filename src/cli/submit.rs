//! `transcoded submit`: from arguments to the request that is sent.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::Submit;
use super::client::Client;
use super::download::prepare;
use super::error::Error;
use super::interrupts::Interrupts;
use super::outcome::Outcome;
use super::print::{complain, print};
use super::upload;
use super::watch::{Follow, Patience, watch};
use crate::domain::job::Job;
use crate::domain::output::OutputRequest;

/// Submits a job, and follows it where that is wanted.
pub(super) async fn submit(client: &Client, args: &Submit) -> Result<Outcome, Error> {
    let mut body = body(args, args.input.as_deref())?;
    if let Some(folder) = &args.following.download {
        prepare(folder)?;
    }
    if let Some(file) = args.input.as_deref().filter(|_| args.upload) {
        body = self::body(args, Some(&upload::send(client, Path::new(file)).await?))?;
    }
    if !args.watch && args.following.download.is_none() {
        let job = client.submit(body).await?;
        print(&submitted(&job, args.following.json))?;
        if std::io::stdout().is_terminal() {
            complain(&format!("follow it with `transcoded watch {}`", job.id));
        }
        return Ok(Outcome::Done);
    }
    // From before the job exists, so that Ctrl-C never leaves one behind that nobody has cancelled.
    let interrupts = Interrupts::listen()?;
    let job = tokio::select! {
        biased;
        () = interrupts.more_than(1) => {
            complain("left before the server had answered; `transcoded list` shows whether it took the job");
            return Ok(Outcome::Interrupted);
        }
        job = client.submit(body) => job?,
    };
    if !args.following.json {
        complain(&format!("job {}", job.id));
    }
    let follow = Follow::start(client.clone(), job.id, Patience::default(), true);
    watch(client, follow, job.id, &args.following, &interrupts).await
}

/// What is printed about a job that was taken: for scripts its bare id.
fn submitted(job: &Job, json: bool) -> String {
    // Numbers and strings can always be written as JSON.
    if json { serde_json::to_string(job).unwrap_or_default() + "\n" } else { format!("{}\n", job.id) }
}

/// The request's body. What wasn't given isn't sent, so that the server's defaults hold.
pub(super) fn body(args: &Submit, input: Option<&str>) -> Result<String, Error> {
    if let Some(file) = &args.spec {
        return read_spec(file);
    }
    if args.outputs.is_empty() && args.raw.is_empty() {
        let hint = "say what to make: `-o out.mp4`, or ffmpeg's own arguments after `--`";
        return Err(Error::Usage(hint.to_owned()));
    }
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("input", input.map(Value::from));
    let outputs: Vec<_> = args.outputs.iter().map(|name| output(name, args.preset.as_deref())).collect();
    put("outputs", (!outputs.is_empty()).then(|| json!(outputs)));
    put("args", (!args.raw.is_empty()).then(|| json!(args.raw)));
    put("mode", args.mode.map(|mode| json!(mode)));
    put("priority", args.priority.map(Value::from));
    let labels: Map<_, _> = args.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    put("labels", (!labels.is_empty()).then(|| labels.into()));
    put("timeout_seconds", args.timeout_seconds.map(Value::from));
    put("max_attempts", args.max_attempts.map(Value::from));
    put("verify", args.verify.clone().map(Value::from));
    put("crash_safe", args.crash_safe.then_some(Value::from(true)));
    put("run_at", args.run_at.clone().map(Value::from));
    put("grace_seconds", args.grace_seconds.map(Value::from));
    Ok(Value::from(body).to_string())
}

fn output(name: &str, preset: Option<&str>) -> OutputRequest {
    OutputRequest { name: name.to_owned(), preset: preset.map(str::to_owned), ..OutputRequest::default() }
}

/// Reads a whole request. Only that it is JSON is checked here; what it means is for the server to judge.
fn read_spec(file: &Path) -> Result<String, Error> {
    let named = if file == Path::new("-") { "standard input".into() } else { file.display().to_string() };
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| Error::Usage(format!("{named} can't be read: {error}")))?;
    match serde_json::from_str::<Value>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::Usage(format!("{named} is no JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::domain::job::Mode;
    use crate::domain::preset::Presets;
    use crate::domain::request::JobRequest;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        submit: Submit,
    }

    fn parse(args: &[&str]) -> Result<String, String> {
        let args = ["submit"].iter().chain(args);
        let program = Program::try_parse_from(args).map_err(|error| error.to_string())?;
        body(&program.submit, program.submit.input.as_deref()).map_err(|error| error.to_string())
    }

    fn request(args: &[&str]) -> JobRequest {
        serde_json::from_str(&parse(args).unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_said_is_left_to_the_server() {
        assert_eq!(parse(&["a.mov", "-o", "a.mp4"]).unwrap(), r#"{"input":"a.mov","outputs":[{"name":"a.mp4"}]}"#);
    }

    #[test]
    fn every_argument_reaches_the_request() {
        let request = request(&[
            "a.mov",
            "-o",
            "a.mp4",
            "-o",
            "b.mkv",
            "--preset",
            "h264-720p",
            "--mode",
            "slim",
            "--priority",
            "-5",
            "--label",
            "customer=42",
            "--label",
            "note=a=b",
            "--timeout-seconds",
            "60",
            "--max-attempts",
            "1",
            "--grace-seconds",
            "0",
        ]);
        let outputs = request.outputs.clone().unwrap();
        assert_eq!(outputs.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["a.mp4", "b.mkv"]);
        assert!(outputs.iter().all(|output| output.preset.as_deref() == Some("h264-720p")));
        assert_eq!((request.mode, request.priority), (Mode::Slim, -5));
        assert_eq!((request.timeout_seconds, request.max_attempts, request.grace_seconds), (60, 1, 0));
        assert_eq!(request.labels["note"], "a=b");
        assert!(request.check(&Presets::built_in(), false).is_ok());
    }

    #[test]
    fn raw_arguments_are_taken_as_they_are() {
        let request = request(&["a.mov", "--", "-i", "{input}", "-vf", "scale=1:2,x='a b'", "{output}/a.mkv"]);
        assert_eq!(request.args.unwrap(), ["-i", "{input}", "-vf", "scale=1:2,x='a b'", "{output}/a.mkv"]);
        assert_eq!(request.outputs, None);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for args in [
            &[][..],
            &["a.mov"],
            &["a.mov", "--preset", "web-mp4"],
            &["a.mov", "-o", "a.mp4", "--", "-i", "x"],
            &["a.mov", "--spec", "-"],
            &["--spec", "-", "--upload"],
            &["--spec", "-", "--priority", "1"],
            &["a.mov", "-o", "a.mp4", "--mode", "fast"],
            &["a.mov", "-o", "a.mp4", "--label", "nothing"],
            &["a.mov", "-o", "a.mp4", "--timeout-seconds", "-1"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn a_spec_is_sent_as_it_is_and_must_be_json() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.json");
        let path = file.to_str().unwrap();
        let spec = "{ \"input\": \"a\",\n \"of tomorrow\": 1.50 }";
        std::fs::write(&file, spec).unwrap();
        assert_eq!(parse(&["--spec", path]).unwrap(), spec);
        std::fs::write(&file, "{ input: 1 }").unwrap();
        assert!(parse(&["--spec", path]).unwrap_err().contains("is no JSON"));
        assert!(parse(&["--spec", "/nowhere/job.json"]).unwrap_err().contains("can't be read"));
    }
}
