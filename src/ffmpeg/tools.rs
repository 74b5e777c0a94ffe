//! Finds ffmpeg and ffprobe and asks them for their version.
//!
//! Which encoders work is found out by `encoders`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::capture::capture;
use super::command::Command;
use super::process::resolve;
use super::report::{Ending, StartError};

/// How long a question about the version may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The programs that this module runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg's absolute path.
    pub ffmpeg: PathBuf,
    /// ffprobe's absolute path.
    pub ffprobe: PathBuf,
}

/// A program that wasn't found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{program} was not found: tried {tried}; {INSTALL}, or name its path in {variable}")]
pub struct LocateError {
    /// `ffmpeg` or `ffprobe`.
    pub program: &'static str,
    /// What was tried, in words.
    pub tried: String,
    /// The environment variable that names the program.
    pub variable: &'static str,
}

const INSTALL: &str =
    "install ffmpeg (`apt install ffmpeg`, `dnf install ffmpeg-free`, `apk add ffmpeg` or `brew install ffmpeg`)";

/// Why a tool didn't answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It could not be started.
    #[error("{} could not be started: {source}", tool.display())]
    NotStarted {
        /// The tool's path.
        tool: PathBuf,
        /// Why.
        source: StartError,
    },
    /// It ran, but didn't say what it was asked.
    #[error("{} gave no answer: {detail}", tool.display())]
    NoAnswer {
        /// The tool's path.
        tool: PathBuf,
        /// What it said instead.
        detail: String,
    },
}

/// Finds both programs: where one is named it is that one, else the first in `path`.
///
/// # Errors
/// When a program is not where it is named to be, or nowhere in `path`.
pub fn locate(ffmpeg: Option<PathBuf>, ffprobe: Option<PathBuf>, path: Option<&OsStr>) -> Result<Tools, LocateError> {
    Ok(Tools {
        ffmpeg: find("ffmpeg", "TRANSCODED_FFMPEG", ffmpeg, path)?,
        ffprobe: find("ffprobe", "TRANSCODED_FFPROBE", ffprobe, path)?,
    })
}

/// Finds both programs by `TRANSCODED_FFMPEG`, `TRANSCODED_FFPROBE` and `PATH`.
///
/// # Errors
/// As for [`locate`].
pub fn locate_in_environment() -> Result<Tools, LocateError> {
    let named = |variable| env::var_os(variable).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    locate(named("TRANSCODED_FFMPEG"), named("TRANSCODED_FFPROBE"), env::var_os("PATH").as_deref())
}

/// Asks ffmpeg for its version, such as `5.1.9-0+deb12u1`.
///
/// # Errors
/// When it can't be run or doesn't answer as ffmpeg does.
pub async fn version(tools: &Tools) -> Result<String, ToolError> {
    let answer = ask(&tools.ffmpeg, &["-version"]).await?;
    answer
        .strip_prefix("ffmpeg version ")
        .and_then(|rest| rest.split_ascii_whitespace().next())
        .map(str::to_owned)
        .ok_or_else(|| no_answer(&tools.ffmpeg, answer.lines().next().unwrap_or("nothing was printed")))
}

/// Runs a tool and returns what it prints.
pub(super) async fn ask(tool: &Path, args: &[&str]) -> Result<String, ToolError> {
    let command = Command::new(tool).args(args);
    let (report, printed) = capture(&CancellationToken::new(), command, PATIENCE).await;
    if let Ending::NotStarted(source) = report.ending {
        return Err(ToolError::NotStarted { tool: tool.to_owned(), source });
    }
    if !report.succeeded() {
        let detail = report.errors.first().map_or_else(|| format!("{:?}", report.ending), Clone::clone);
        return Err(no_answer(tool, &detail));
    }
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

fn no_answer(tool: &Path, detail: &str) -> ToolError {
    ToolError::NoAnswer { tool: tool.to_owned(), detail: detail.to_owned() }
}

fn find(
    program: &'static str,
    variable: &'static str,
    named: Option<PathBuf>,
    path: Option<&OsStr>,
) -> Result<PathBuf, LocateError> {
    let sought = named.clone().unwrap_or_else(|| program.into());
    resolve(&sought, path).ok_or_else(|| LocateError {
        program,
        variable,
        tried: match (named, path) {
            (Some(named), _) => format!("{} (from {variable})", named.display()),
            (None, Some(path)) => format!("each folder of PATH ({})", path.display()),
            (None, None) => "PATH, which is not set".to_owned(),
        },
    })
}
