//! What the server runs in ffmpeg's place where ffmpeg itself is not what is measured: this very program, under other names.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use jiff::Timestamp;

use super::world::Result;

/// How long one that waits does so where nobody ends it.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What a stand-in does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Notes when it was started, and ends.
    Stamps,
    /// Keeps its slot until it is killed.
    Waits,
    /// Notes its arguments, and goes on as the real ffmpeg.
    Records,
}

const ROLES: [Role; 3] = [Role::Stamps, Role::Waits, Role::Records];

impl Role {
    /// The role that this process was started for; `None` for the bench itself.
    pub(crate) fn of_this_process() -> Option<Self> {
        let program = PathBuf::from(std::env::args_os().next()?);
        ROLES.into_iter().find(|role| program.file_name().is_some_and(|name| name == role.name()))
    }

    pub(crate) fn program(self, folder: &Path) -> PathBuf {
        folder.join(self.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stamps => "ffmpeg-that-stamps",
            Self::Waits => "ffmpeg-that-waits",
            Self::Records => "ffmpeg-that-records",
        }
    }

    /// Plays the role. The server has cleared the environment, so all it goes by is its own path.
    pub(crate) fn play(self) -> ExitCode {
        let now = Timestamp::now();
        let mut arguments = std::env::args_os();
        let program = PathBuf::from(arguments.next().unwrap_or_default());
        let note = note(&program);
        let done = match self {
            Self::Stamps => fs::write(note, now.as_nanosecond().to_string()),
            Self::Waits => {
                std::thread::sleep(LONGEST_WAIT);
                Ok(())
            }
            Self::Records => record(&note, &arguments.collect::<Vec<_>>())
                .and_then(|()| Err(Command::new(real(&program)).args(std::env::args_os().skip(1)).exec())),
        };
        if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Puts the stand-ins into `folder`.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let this = std::env::current_exe()?;
    let ffmpeg = transcoded::ffmpeg::locate_in_environment()?.ffmpeg;
    for role in ROLES {
        std::os::unix::fs::symlink(&this, role.program(folder))?;
    }
    Ok(std::os::unix::fs::symlink(ffmpeg, real(&Role::Records.program(folder)))?)
}

/// How long it took from `before` until the program that notes its start ran.
pub(crate) fn started_after(program: &Path, before: Timestamp) -> Result<Duration> {
    let started = Timestamp::from_nanosecond(fs::read_to_string(note(program))?.parse()?)?;
    Ok(started.duration_since(before).unsigned_abs())
}

/// The arguments with which the program in this role last wrote a file.
pub(crate) fn recorded(program: &Path) -> Result<Vec<OsString>> {
    let text = fs::read(note(program))?;
    let text = text.strip_suffix(b"\0").unwrap_or(&text);
    Ok(text.split(|byte| *byte == 0).map(|argument| OsStr::from_bytes(argument).to_owned()).collect())
}

fn record(note: &Path, arguments: &[OsString]) -> std::io::Result<()> {
    // It is started to check what was made, too.
    if !arguments.last().is_some_and(|last| last.as_bytes().starts_with(b"file:")) {
        return Ok(());
    }
    let mut file = fs::File::create(note)?;
    arguments.iter().try_for_each(|argument| file.write_all(&[argument.as_bytes(), b"\0"].concat()))
}

fn note(program: &Path) -> PathBuf {
    program.with_extension("note")
}

fn real(program: &Path) -> PathBuf {
    program.with_extension("real")
}
