//! One process that leads its own group: started, signalled, waited for, reaped, and never left behind.
//!
//! What to start comes from `command`; when to signal it is decided by `run` and `stop`.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpriority_process, kill_process_group, pidfd_open,
    setpriority_pgrp, waitid,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use wait4::{ResUse, Wait4 as _};

use super::command::Command;
use super::report::StartError;
use super::{guardian, reaper};

/// Which pipes a process gets; what isn't a pipe is `/dev/null`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piped {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
}

/// Our ends of a process's pipes.
pub(super) struct Pipes {
    pub(super) stdin: Option<pipe::Sender>,
    pub(super) stdout: Option<pipe::Receiver>,
    pub(super) stderr: Option<pipe::Receiver>,
}

/// A running process and its group. Dropping it kills the group and sees to the reap.
pub(super) struct Process {
    /// `None` only after the reap.
    child: Option<Child>,
    pidfd: AsyncFd<OwnedFd>,
    group: Pid,
    started: Instant,
}

impl Process {
    /// Starts `command`. Blocks for the tenth of a millisecond that posix_spawn takes.
    pub(super) fn spawn(command: &Command, wanted: Piped) -> Result<(Self, Pipes), StartError> {
        let mut prepared = prepare(command, wanted)?;
        let started = Instant::now();
        let child = guardian::spawn(&mut prepared).map_err(|error| explain(error, command))?;
        let mut unguarded = Unguarded(Some(child));
        let child = unguarded.0.as_mut().ok_or_else(|| io::Error::other("no child"))?;
        let group = group_of(child)?;
        renice(group, command.nice);
        let pidfd = watch_end(group)?;
        let pipes = Pipes {
            stdin: child.stdin.take().map(|end| pipe::Sender::from_owned_fd(end.into())).transpose()?,
            stdout: child.stdout.take().map(|end| pipe::Receiver::from_owned_fd(end.into())).transpose()?,
            stderr: child.stderr.take().map(|end| pipe::Receiver::from_owned_fd(end.into())).transpose()?,
        };
        Ok((Self { child: unguarded.0.take(), pidfd, group, started }, pipes))
    }

    /// The id of the process, which is also its group's.
    pub(super) fn id(&self) -> Pid {
        self.group
    }

    /// When it was started.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Waits until the process has ended. It stays a zombie, and its id its own, until [`reap`](Self::reap).
    pub(super) async fn ended(&self) {
        // An error means that the runtime's I/O driver is gone, and with it everybody who could still wait.
        let _ = self.pidfd.readable().await;
    }

    /// Whether the process has ended.
    pub(super) fn has_ended(&self) -> bool {
        has_ended(self.group)
    }

    /// Sends a signal to every process of the group.
    pub(super) fn signal_group(&self, signal: Signal) {
        // Fails only when nobody is left who could take it.
        let _ = kill_process_group(self.group, signal);
    }

    /// Reaps the process, which must have ended, after killing whatever is left of its group.
    ///
    /// # Errors
    /// When the system no longer knows the process, because somebody else has reaped it.
    pub(super) fn reap(mut self) -> io::Result<ResUse> {
        let Some(mut child) = self.child.take() else {
            return Err(io::Error::other("the process was reaped before"));
        };
        reap_if_ended(&mut child).unwrap_or_else(|| {
            reaper::take(child);
            Err(io::Error::other("the process has not ended"))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            abandon(child);
        }
    }
}

/// A child between its start and the moment when a [`Process`] holds it.
struct Unguarded(Option<Child>);

impl Drop for Unguarded {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            abandon(child);
        }
    }
}

/// Kills the child's group and leaves the reap to the reaper.
fn abandon(child: Child) {
    if let Ok(group) = group_of(&child) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    reaper::take(child);
}

/// Reaps `child` where it has ended: its group is killed and taken off the guardian's list while the zombie still
/// holds the id. `None` while it runs.
pub(super) fn reap_if_ended(child: &mut Child) -> Option<io::Result<ResUse>> {
    let group = match group_of(child) {
        Ok(group) if has_ended(group) => group,
        Ok(_) => return None,
        Err(error) => return Some(Err(error)),
    };
    let _ = kill_process_group(group, Signal::KILL);
    guardian::forget(group);
    child.try_wait4().transpose()
}

/// A descriptor that becomes readable when the process has ended.
#[expect(
    deprecated,
    reason = "the constructor that replaces it is unsafe, which this crate forbids; what tokio deprecates it for, a type \
              whose descriptor changes or closes early, is not possible with an OwnedFd"
)]
fn watch_end(process: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd_open(process, PidfdFlags::empty())?, Interest::READABLE)
}

fn group_of(child: &Child) -> io::Result<Pid> {
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("the system gave no process id"))
}

fn has_ended(process: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error says that it is no child of ours any more, so it has ended, too.
    waitid(WaitId::Pid(process), options).map_or(true, |status| status.is_some())
}

/// Everything here keeps std on its fast path, posix_spawn: no `pre_exec`, no ids, an absolute path.
fn prepare(command: &Command, piped: Piped) -> Result<std::process::Command, StartError> {
    let program = resolve(&command.program, env::var_os("PATH").as_deref())
        .ok_or_else(|| StartError::NotFound { program: command.program.clone() })?;
    let pipe_or_null = |piped: bool| if piped { Stdio::piped() } else { Stdio::null() };
    let mut prepared = std::process::Command::new(program);
    prepared.args(&command.args).process_group(0);
    prepared.stdin(pipe_or_null(piped.stdin)).stdout(pipe_or_null(piped.stdout)).stderr(Stdio::piped());
    if command.env_clear {
        prepared.env_clear();
    }
    prepared.envs(command.env.iter().map(|(key, value)| (key, value)));
    if let Some(folder) = &command.current_dir {
        prepared.current_dir(folder);
    }
    Ok(prepared)
}

/// The absolute path of a program. A bare name is looked up in `path`.
pub(super) fn resolve(program: &Path, path: Option<&std::ffi::OsStr>) -> Option<PathBuf> {
    let bare = program.components().count() == 1 && !program.as_os_str().as_encoded_bytes().contains(&b'/');
    if !bare {
        return std::path::absolute(program).ok().filter(|program| program.exists());
    }
    env::split_paths(path?)
        .map(|folder| folder.join(program))
        .find_map(|candidate| is_executable(&candidate).then(|| std::path::absolute(candidate).ok()).flatten())
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn explain(error: io::Error, command: &Command) -> StartError {
    match &command.current_dir {
        Some(folder) if !folder.is_dir() => StartError::WorkingFolder { path: folder.clone() },
        _ => StartError::Io(error),
    }
}

/// Adds to the group's niceness. The whole group, since on Linux a process's own call reaches one thread only.
fn renice(group: Pid, added: i32) {
    if added != 0 {
        let _ = getpriority_process(None).and_then(|ours| setpriority_pgrp(Some(group), (ours + added).clamp(-20, 19)));
    }
}
