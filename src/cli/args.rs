//! What can be typed: the commands, their arguments and the help about them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};

use crate::domain::id::JobId;
use crate::domain::job::{JobState, Mode};
use crate::domain::request::LONGEST_GRACE_SECONDS;

/// What the exit code says, for the help texts.
const EXIT_CODES: &str = "Exit codes:
    0  it worked; a job that was followed has succeeded
    1  the job failed or was cancelled by somebody else; a file couldn't be downloaded
    2  the command line or the request is wrong; the server refused it
    3  no server can be reached, or it can't do it now
  130  cancelled by Ctrl-C, or left by a second one";

/// What Ctrl-C does, for the help texts.
const CTRL_C: &str =
    "Ctrl-C cancels the job and goes on following it until it has stopped; a second Ctrl-C leaves at once.";

/// Where the server is.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// The server's URL [default: http://127.0.0.1:8080]
    #[arg(long, global = true, env = "TRANSCODED_SERVER", value_name = "URL")]
    pub server: Option<String>,
}

/// The commands that talk to a server, and those that look at the machine.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Submit a job and print its id
    #[command(after_long_help = format!("{CTRL_C}\n\n{EXIT_CODES}"))]
    Submit(Box<Submit>),
    /// Show what a job would do, and everything that is wrong with it, without running it
    #[command(after_long_help = EXIT_CODES)]
    Plan(Plan),
    /// Send a file to the server and print its name as an input
    #[command(after_long_help = EXIT_CODES)]
    Upload(Upload),
    /// Follow a job until it is over, and show what was made
    #[command(after_long_help = format!("{CTRL_C}\n\n{EXIT_CODES}"))]
    Watch(Watch),
    /// List jobs, newest first
    #[command(after_long_help = EXIT_CODES)]
    List(List),
    /// Cancel a job; in graceful mode what was encoded so far is kept
    #[command(after_long_help = EXIT_CODES)]
    Cancel(Cancel),
    /// Hold a job until it is resumed; a running ffmpeg stands still and gives its slot away
    #[command(after_long_help = EXIT_CODES)]
    Pause(OneJob),
    /// Let a paused job go on as soon as there is a slot for it
    #[command(after_long_help = EXIT_CODES)]
    Resume(OneJob),
    /// Try a job that is over again, with its history kept
    #[command(after_long_help = EXIT_CODES)]
    Retry(OneJob),
    /// Save what a killed job with --crash-safe had written, as finished files
    #[command(after_long_help = EXIT_CODES)]
    Salvage(OneJob),
    /// Show what is in an input
    #[command(after_long_help = EXIT_CODES)]
    Probe(Probe),
    /// List the presets
    #[command(after_long_help = EXIT_CODES)]
    Presets(Presets),
    /// Explain this machine: ffmpeg, its encoders, the data folder, the server
    #[command(after_long_help = "Exit codes:\n    0  no problem was found\n    1  there is a problem")]
    Doctor(Doctor),
    /// Copy a server's database to a new file, while the server works on it or not
    #[command(after_long_help = "\
The copy holds all that was answered before it began. To go back to it, stop the server, move transcoded.db and its -wal and
-shm files away, and put the copy in their place as transcoded.db. The files that jobs made are in DATA_DIR/outputs.

Exit codes:
    0  the copy is there
    1  it can't be made: FILE is there already, the database is damaged, the disk refuses
    2  the command line is wrong, or there is no database")]
    Backup(Backup),
}

/// `transcoded submit`
#[derive(Args, Debug, Default)]
pub struct Submit {
    /// What to read: a path relative to one of the server's media roots, a URL that the server fetches, or upload:ID; with
    /// --upload a file here
    #[arg(required_unless_present = "spec")]
    pub input: Option<String>,

    /// Send the input, which is a file on this machine, to the server first
    #[arg(long)]
    pub upload: bool,

    /// What to make, e.g. out.mp4; may be given several times, all outputs come from one decode
    #[arg(short, long = "output", value_name = "NAME")]
    pub outputs: Vec<String>,

    /// The preset of the outputs; `transcoded presets` lists them
    #[arg(long, value_name = "NAME", requires = "outputs")]
    pub preset: Option<String>,

    /// How the job runs and what a cancel does: slim (killed, no progress), standard (killed) or graceful (the file so
    /// far is kept) [default: graceful]
    #[arg(long, value_parser = PossibleValuesParser::new(["slim", "standard", "graceful"]).map(|name| mode_of(&name)))]
    pub mode: Option<Mode>,

    /// Higher runs earlier, -1000 to 1000 [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub priority: Option<i32>,

    /// A mark to find the job by; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,

    /// The most seconds that one attempt may run [default: 86400]
    #[arg(long, value_name = "N")]
    pub timeout_seconds: Option<u32>,

    /// How often the job is tried in all where it fails for a passing reason [default: 3]
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<u32>,

    /// The most seconds that a graceful stop may take [default: 120]
    #[arg(long, value_name = "N")]
    pub grace_seconds: Option<u32>,

    /// How closely outputs are checked: quick (first and last seconds decoded) or full [default: by their length]
    #[arg(long, value_parser = PossibleValuesParser::new(["quick", "full"]))]
    pub verify: Option<String>,

    /// Write mp4, mov and m4a so that `transcoded salvage` can save what there is of them after a crash
    #[arg(long)]
    pub crash_safe: bool,

    /// Not to be started before this time, e.g. 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub run_at: Option<String>,

    /// The whole job as JSON, as the API takes it, from a file or "-" for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "input", "outputs", "preset", "mode", "priority", "labels", "timeout_seconds", "max_attempts", "grace_seconds",
        "run_at", "raw", "verify", "crash_safe", "upload",
    ])]
    pub spec: Option<PathBuf>,

    /// Follow the job until it is over
    #[arg(long)]
    pub watch: bool,

    /// How it is followed
    #[command(flatten)]
    pub following: Following,

    /// ffmpeg's own arguments instead of outputs, where the server allows it; {input} and {output} stand for the input's
    /// path and the job's own output folder
    #[arg(last = true, value_name = "FFMPEG ARGS", conflicts_with = "outputs")]
    pub raw: Vec<String>,
}

/// How a job is followed and what becomes of its files.
#[derive(Args, Clone, Debug, Default)]
pub struct Following {
    /// Print JSON: the job, or while following one event a line
    #[arg(long)]
    pub json: bool,

    /// Follow the job, then download what it made into this folder; files of the same name are replaced
    #[arg(long, value_name = "DIR")]
    pub download: Option<PathBuf>,
}

/// `transcoded plan`
#[derive(Args, Debug, Default)]
pub struct Plan {
    /// What to read: a path relative to one of the server's media roots
    #[arg(required_unless_present = "spec")]
    pub input: Option<String>,

    /// What to make, e.g. out.mp4; may be given several times
    #[arg(short, long = "output", value_name = "NAME")]
    pub outputs: Vec<String>,

    /// The preset of the outputs; `transcoded presets` lists them
    #[arg(long, value_name = "NAME", requires = "outputs")]
    pub preset: Option<String>,

    /// The whole job as JSON, as the API takes it, from a file or "-" for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "outputs", "preset", "raw"])]
    pub spec: Option<PathBuf>,

    /// Show the arguments of ffmpeg, too
    #[arg(long)]
    pub commands: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// ffmpeg's own arguments instead of outputs
    #[arg(last = true, value_name = "FFMPEG ARGS", conflicts_with = "outputs")]
    pub raw: Vec<String>,
}

/// `transcoded upload`
#[derive(Args, Debug)]
pub struct Upload {
    /// The file to send
    pub file: PathBuf,

    /// Print what the server knows of it as JSON
    #[arg(long)]
    pub json: bool,
}

/// `transcoded watch`
#[derive(Args, Debug)]
pub struct Watch {
    /// The job's id
    pub id: JobId,

    /// How it is followed
    #[command(flatten)]
    pub following: Following,
}

/// `transcoded list`
#[derive(Args, Debug, Default)]
pub struct List {
    /// Only jobs in this state
    #[arg(long, value_parser = PossibleValuesParser::new(JobState::ALL.map(JobState::name)))]
    pub state: Option<String>,

    /// Only jobs that bear this label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,

    /// At most so many jobs [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,

    /// All jobs
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    /// Print JSON, one job a line
    #[arg(long)]
    pub json: bool,
}

/// `transcoded cancel`
#[derive(Args, Debug)]
pub struct Cancel {
    /// The job's id
    pub id: JobId,

    /// End the grace of a graceful stop after so many seconds; 0 kills at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(LONGEST_GRACE_SECONDS)))]
    pub grace_seconds: Option<u32>,

    /// Wait up to so many seconds until the job has stopped; exit code 1 if it hasn't
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=300))]
    pub wait: Option<u32>,

    /// Print the job as JSON
    #[arg(long)]
    pub json: bool,
}

/// `transcoded pause`, `resume`, `retry` and `salvage`
#[derive(Args, Debug)]
pub struct OneJob {
    /// The job's id
    pub id: JobId,

    /// Print the job as JSON
    #[arg(long)]
    pub json: bool,
}

/// `transcoded probe`
#[derive(Args, Debug)]
pub struct Probe {
    /// What to read: a path relative to one of the server's media roots, a URL that the server fetches, or upload:ID
    pub input: String,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `transcoded presets`
#[derive(Args, Debug)]
pub struct Presets {
    /// Print JSON, one preset a line
    #[arg(long)]
    pub json: bool,
}

/// `transcoded doctor`
#[derive(Args, Debug)]
pub struct Doctor {
    /// The data folder that a server here would use
    #[arg(long, env = "TRANSCODED_DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `transcoded backup`
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The file to make; one that is there is never overwritten
    pub file: PathBuf,

    /// The server's configuration file
    #[arg(long, env = "TRANSCODED_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The server's data folder [default: ./data]
    #[arg(long, env = "TRANSCODED_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// The server's database, "sqlite:FILE" [default: sqlite:DATA_DIR/transcoded.db]
    #[arg(long, env = "TRANSCODED_DATABASE_URL", value_name = "URL")]
    pub database_url: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn mode_of(name: &str) -> Mode {
    match name {
        "slim" => Mode::Slim,
        "standard" => Mode::Standard,
        // The parser lets no other name through.
        _ => Mode::Graceful,
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE, e.g. customer=42".to_owned()),
    }
}
