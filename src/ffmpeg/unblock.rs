//! Ends inputs that keep a process waiting: named pipes without a writer and connections without data.
//!
//! Only stalled processes are treated so. Everything is best effort, as the system may refuse any of it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::net::{Shutdown, shutdown};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open, pidfd_send_signal};

use super::procfs::{self, Stat};

/// Ends what the processes of `group` wait for. Whether anything was done.
pub(super) fn unblock(group: Pid) -> bool {
    let mut done = false;
    for member in procfs::members(group) {
        for input in procfs::inputs(member.pid) {
            done |= open_and_close(&input);
        }
        done |= end_reading(&member);
    }
    done
}

/// Sends one SIGTERM to each process of `group` that has no child in it.
///
/// A wrapper script would die of it and take ffmpeg with it, and a wrapper that hands signals on would make it two.
/// Whether anybody was left to take it.
pub(super) fn terminate(group: Pid) -> bool {
    let members = procfs::members(group);
    let leaves = members.iter().filter(|member| members.iter().all(|other| other.parent != member.pid));
    leaves.filter(|leaf| send(leaf, Signal::TERM)).count() > 0
}

/// Sends a signal to exactly this process, not to one that took over its id.
fn send(process: &Stat, signal: Signal) -> bool {
    pidfd(process).is_some_and(|pidfd| pidfd_send_signal(&pidfd, signal).is_ok())
}

fn pidfd(process: &Stat) -> Option<OwnedFd> {
    let pidfd = pidfd_open(Pid::from_raw(process.pid)?, PidfdFlags::empty()).ok()?;
    procfs::stat(process.pid).is_some_and(|now| now.started == process.started).then_some(pidfd)
}

/// Lets a reader that waits for a named pipe's writer go on: it then reads the end at once.
fn open_and_close(input: &Path) -> bool {
    fs::metadata(input).is_ok_and(|found| found.file_type().is_fifo())
        // Refused where nobody reads.
        && open(input, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

/// Ends the reading side of the process's connections; outputs that go over a connection stay open.
fn end_reading(process: &Stat) -> bool {
    let sockets = procfs::sockets(process.pid);
    if sockets.is_empty() {
        return false;
    }
    let Some(pidfd) = pidfd(process) else { return false };
    sockets
        .into_iter()
        .filter_map(|socket| pidfd_getfd(&pidfd, socket, PidfdGetfdFlags::empty()).ok())
        .filter(|socket| shutdown(socket, Shutdown::Read).is_ok())
        .count()
        > 0
}
