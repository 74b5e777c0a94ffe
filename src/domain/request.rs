//! What a client sends to submit a job, and the checked form of it that is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::invalid::{FieldError, FieldErrors};
use super::job::Mode;
use super::output::{OutputRequest, OutputSpec, resolve_output};
use super::preset::Presets;
use super::strict;
use super::time::Timestamp;

/// The most outputs of one job.
pub const MOST_OUTPUTS: usize = 32;
/// The most labels of one job.
pub const MOST_LABELS: usize = 32;
/// The longest key of a label, in bytes.
pub const LONGEST_LABEL_KEY: usize = 64;
/// The longest value of a label, in bytes.
pub const LONGEST_LABEL_VALUE: usize = 256;
/// The most arguments of a job with `args`.
pub const MOST_ARGS: usize = 1024;
/// Priorities are from minus this to plus this.
pub const HIGHEST_PRIORITY: i32 = 1000;
/// The longest time limit in seconds: a week.
pub const LONGEST_TIMEOUT_SECONDS: u32 = 7 * 24 * 3600;
/// The longest grace of a stop in seconds: an hour.
pub const LONGEST_GRACE_SECONDS: u32 = 3600;

/// A job as a client asks for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// What to read: a path relative to a media root, a `file://` URL inside one, a `http(s)://` URL that the server fetches, or
    /// `upload:` and an upload's id. Of a URL user, password and query are never shown again.
    #[schema(examples("clips/in.mov"))]
    pub input: String,
    /// What to make, all from one decode of the input: 1 to 32 outputs.
    #[serde(default, deserialize_with = "strict::objects", skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 32)]
    pub outputs: Option<Vec<OutputRequest>>,
    /// Instead of `outputs`, where the server allows it: ffmpeg's arguments without the program's name. `{input}` and
    /// `{output}` stand for the input's path and the job's own output folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(examples(json!(["-i", "{input}", "-c:v", "libx264", "{output}/out.mkv"])))]
    pub args: Option<Vec<String>>,
    /// How it runs and how it is stopped.
    #[serde(default)]
    pub mode: Mode,
    /// Higher runs earlier, -1000 to 1000; equal runs in order of submission.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub priority: i32,
    /// The client's own marks, to find the job by: up to 32, keys up to 64 bytes, values up to 256.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The most seconds that one attempt may run, 1 to 604 800.
    #[serde(default = "default_timeout_seconds")]
    #[schema(minimum = 1, maximum = 604_800)]
    pub timeout_seconds: u32,
    /// The most seconds that a graceful stop may take while ffmpeg is visibly finishing, 0 to 3600.
    #[serde(default = "default_grace_seconds")]
    #[schema(minimum = 0, maximum = 3600)]
    pub grace_seconds: u32,
    /// How often it is tried in all where it fails for a passing reason, 1 to 20.
    #[serde(default = "default_max_attempts")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_attempts: u32,
    /// Not to be started before this time; at once where it is left out or past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// How closely the outputs are checked before they are published; by default `full` up to half a minute, `quick` beyond.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verification>,
    /// Whether mp4, mov and m4a are written so that `POST /v1/jobs/{id}/salvage` can save what there is of them even when
    /// ffmpeg, the server or the machine is killed. It costs a second writing of the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crash_safe: bool,
}

/// How closely outputs are checked before they are published. All of them are read to their end in any case, and compared with
/// the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// The first and the last seconds are decoded.
    Quick,
    /// Everything is decoded.
    Full,
}

fn default_timeout_seconds() -> u32 {
    24 * 3600
}

fn default_grace_seconds() -> u32 {
    120
}

fn default_max_attempts() -> u32 {
    3
}

/// A checked job, as it is stored and run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// What to read, as the client wrote it: with all secrets, so for `domain::input::shown` only.
    pub input: String,
    /// What to make.
    pub work: Work,
    /// How it runs and how it is stopped.
    pub mode: Mode,
    /// Higher runs earlier.
    pub priority: i32,
    /// The client's own marks.
    pub labels: BTreeMap<String, String>,
    /// The most seconds that one attempt may run.
    pub timeout_seconds: u32,
    /// The most seconds that a graceful stop may take.
    pub grace_seconds: u32,
    /// How often it is tried in all.
    pub max_attempts: u32,
    /// Not to be started before this time.
    #[serde(default)]
    pub run_at: Option<Timestamp>,
    /// How closely the outputs are checked; without it by their length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verification>,
    /// Whether what there is of the outputs can be saved after a crash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crash_safe: bool,
}

/// What a job makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// These outputs.
    Outputs(Vec<OutputSpec>),
    /// Whatever these arguments of ffmpeg make.
    Args(Vec<String>),
}

impl Work {
    /// The outputs that were asked for by name; none where the arguments decide.
    #[must_use]
    pub fn outputs(&self) -> &[OutputSpec] {
        match self {
            Self::Outputs(outputs) => outputs,
            Self::Args(_) => &[],
        }
    }

    /// The raw arguments, where the job was submitted with them.
    #[must_use]
    pub fn into_args(self) -> Option<Vec<String>> {
        match self {
            Self::Outputs(_) => None,
            Self::Args(args) => Some(args),
        }
    }
}

/// What there is of a request: everything in it that can be taken, and everything that can't.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The job, with those of its outputs that are right.
    pub spec: JobSpec,
    /// Which of the request's outputs these are.
    pub places: Vec<usize>,
    /// The others, as far as they are right.
    pub rests: Vec<Rest>,
    /// Everything that is wrong, by field.
    pub errors: Vec<FieldError>,
}

/// An output of which something is wrong, without that, so that the input can be held against what is left.
#[derive(Clone, Debug)]
pub struct Rest {
    /// Which of the request's outputs it is.
    pub place: usize,
    /// What is left of it.
    pub spec: OutputSpec,
    /// What was left out of it, by the names of its fields.
    pub without: Vec<String>,
}

impl JobRequest {
    /// Checks everything that can be checked without looking at the input.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub fn check(self, presets: &Presets, allow_raw_args: bool) -> Result<JobSpec, Vec<FieldError>> {
        let Examined { spec, errors, .. } = self.examine(presets, allow_raw_args);
        if errors.is_empty() { Ok(spec) } else { Err(errors) }
    }

    /// The same for a request of which something may be wrong.
    #[must_use]
    pub fn examine(self, presets: &Presets, allow_raw_args: bool) -> Examined {
        let mut errors = FieldErrors::default();
        errors.check(!self.input.is_empty(), "/input", "an input such as \"clips/in.mov\" is needed");
        let most = HIGHEST_PRIORITY;
        errors.check((-most..=most).contains(&self.priority), "/priority", format!("a priority is -{most} to {most}"));
        let timeout = (1..=LONGEST_TIMEOUT_SECONDS).contains(&self.timeout_seconds);
        errors.check(timeout, "/timeout_seconds", format!("timeout_seconds is 1 to {LONGEST_TIMEOUT_SECONDS}"));
        let grace = self.grace_seconds <= LONGEST_GRACE_SECONDS;
        errors.check(grace, "/grace_seconds", format!("grace_seconds is 0 to {LONGEST_GRACE_SECONDS}"));
        errors.check((1..=20).contains(&self.max_attempts), "/max_attempts", "max_attempts is 1 to 20");
        check_labels(&self.labels, &mut errors);
        let mut rests = Vec::new();
        let (work, places) = check_work(self.outputs, self.args, (presets, allow_raw_args), &mut rests, &mut errors);
        let spec = JobSpec {
            input: self.input,
            work,
            mode: self.mode,
            priority: self.priority,
            labels: self.labels,
            timeout_seconds: self.timeout_seconds,
            grace_seconds: self.grace_seconds,
            max_attempts: self.max_attempts,
            run_at: self.run_at,
            verify: self.verify,
            crash_safe: self.crash_safe,
        };
        Examined { spec, places, rests, errors: errors.or(()).err().unwrap_or_default() }
    }
}

fn check_labels(labels: &BTreeMap<String, String>, errors: &mut FieldErrors) {
    errors.check(labels.len() <= MOST_LABELS, "/labels", format!("at most {MOST_LABELS} labels are allowed"));
    for (key, value) in labels {
        let at = format!("/labels/{}", key.replace('~', "~0").replace('/', "~1"));
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let key_fits = (1..=LONGEST_LABEL_KEY).contains(&key.len()) && key.chars().all(plain);
        errors.check(
            key_fits,
            at.clone(),
            format!("a label's key is 1 to {LONGEST_LABEL_KEY} letters, digits, \".\", \"_\", \"-\" or \"/\""),
        );
        let value_fits = value.len() <= LONGEST_LABEL_VALUE && !value.chars().any(char::is_control);
        errors.check(
            value_fits,
            at,
            format!("a label's value is at most {LONGEST_LABEL_VALUE} bytes without control characters"),
        );
    }
}

fn check_work(
    outputs: Option<Vec<OutputRequest>>,
    args: Option<Vec<String>>,
    (presets, allow_raw_args): (&Presets, bool),
    rests: &mut Vec<Rest>,
    errors: &mut FieldErrors,
) -> (Work, Vec<usize>) {
    match (outputs, args) {
        (Some(_), Some(_)) => errors.add("/args", "give either outputs or args, not both"),
        (None, None) => errors.add("/outputs", "at least one output such as {\"name\": \"out.mp4\"} is needed"),
        (Some(outputs), None) => return check_outputs(&outputs, presets, rests, errors),
        (None, Some(args)) => {
            errors.check(allow_raw_args, "/args", "this server takes no args; it was started without --allow-raw-args");
            let fits = (1..=MOST_ARGS).contains(&args.len());
            errors.check(fits, "/args", format!("args holds 1 to {MOST_ARGS} arguments"));
            let nul = args.iter().position(|arg| arg.contains('\0'));
            errors.check(
                nul.is_none(),
                format!("/args/{}", nul.unwrap_or(0)),
                "an argument can't hold a NUL character",
            );
            let made = args.iter().any(|arg| arg.contains("{output}"));
            errors.check(made, "/args", "no argument holds {output}, so nothing would be kept");
            return (Work::Args(args), Vec::new());
        }
    }
    (Work::Outputs(Vec::new()), Vec::new())
}

fn check_outputs(
    outputs: &[OutputRequest],
    presets: &Presets,
    rests: &mut Vec<Rest>,
    errors: &mut FieldErrors,
) -> (Work, Vec<usize>) {
    let fits = (1..=MOST_OUTPUTS).contains(&outputs.len());
    errors.check(fits, "/outputs", format!("a job has 1 to {MOST_OUTPUTS} outputs"));
    let (mut specs, mut places) = (Vec::new(), Vec::new());
    for (index, output) in outputs.iter().enumerate().take(MOST_OUTPUTS) {
        let at = format!("/outputs/{index}");
        // Names that differ only in case would be one file for many who download them.
        let same = outputs[..index].iter().position(|other| other.name.to_lowercase() == output.name.to_lowercase());
        if let Some(same) = same {
            errors.add(format!("{at}/name"), format!("output {same} has the same name"));
        }
        match resolve_output(output, presets, &at) {
            Ok(spec) => {
                specs.push(spec);
                places.push(index);
            }
            Err(found) => {
                let names = found.iter().filter_map(|error| error.pointer.strip_prefix(&at)?.split('/').nth(1));
                let without: Vec<String> = names.map(str::to_owned).collect();
                let rest = resolve_output(&output.clone().without(&without), presets, &at).ok();
                rests.extend(rest.map(|spec| Rest { place: index, spec, without }));
                for error in found {
                    errors.add(error.pointer, error.detail);
                }
            }
        }
    }
    (Work::Outputs(specs), places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(json: &str) -> Vec<String> {
        let request: JobRequest = serde_json::from_str(json).unwrap();
        request.check(&Presets::built_in(), false).expect_err(json).into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_small_request_is_complete() {
        let request: JobRequest =
            serde_json::from_str(r#"{"input": "a.mov", "outputs": [{"name": "a.mp4"}]}"#).unwrap();
        let spec = request.check(&Presets::built_in(), false).unwrap();
        assert_eq!((spec.mode, spec.priority, spec.grace_seconds), (Mode::Graceful, 0, 120));
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let found = pointers(
            r#"{"input": "", "priority": 5000, "timeout_seconds": 0, "max_attempts": 0, "grace_seconds": 4000,
                "labels": {"a b": "x", "ok": "y"}, "outputs": [{"name": "a.mp4"}, {"name": "A.mp4"}, {"name": "b.mp3", "audio": {"codec": "aac"}}]}"#,
        );
        assert_eq!(
            found,
            [
                "/input",
                "/priority",
                "/timeout_seconds",
                "/grace_seconds",
                "/max_attempts",
                "/labels/a b",
                "/outputs/1/name",
                "/outputs/2/audio/codec"
            ]
        );
    }

    #[test]
    fn outputs_and_args_exclude_each_other_and_one_is_needed() {
        assert_eq!(pointers(r#"{"input": "a"}"#), ["/outputs"]);
        assert_eq!(pointers(r#"{"input": "a", "outputs": []}"#), ["/outputs"]);
        assert_eq!(pointers(r#"{"input": "a", "outputs": [{"name": "a.mp4"}], "args": ["-i"]}"#), ["/args"]);
        assert_eq!(pointers(r#"{"input": "a", "args": ["{output}/a.mkv"]}"#), ["/args"]);
    }

    #[test]
    fn raw_args_need_somewhere_to_write() {
        let request: JobRequest =
            serde_json::from_str(r#"{"input": "a", "args": ["-i", "{input}", "/etc/passwd"]}"#).unwrap();
        assert!(request.check(&Presets::built_in(), true).is_err());
        let request: JobRequest =
            serde_json::from_str(r#"{"input": "a", "args": ["-i", "{input}", "{output}/a.mkv"]}"#).unwrap();
        assert!(request.check(&Presets::built_in(), true).is_ok());
    }

    #[test]
    fn a_priority_at_the_edge_of_its_type_is_refused() {
        for priority in [i32::MIN, i32::MAX, -1001, 1001] {
            let body = format!(r#"{{"input": "a", "priority": {priority}, "outputs": [{{"name": "a.mp4"}}]}}"#);
            assert_eq!(pointers(&body), ["/priority"], "{priority}");
        }
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let error = serde_json::from_str::<JobRequest>(r#"{"input": "a", "output": []}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `output`"), "{error}");
    }
}
