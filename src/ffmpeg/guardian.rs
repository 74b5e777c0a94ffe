//! Sees to it that no process group outlives this program, even when it is killed with SIGKILL.
//!
//! The guardian is one `/bin/sh`, started with the first process and shared by all. It waits at a pipe of which only
//! this program holds the other end, notes the groups that it is told of, and when the pipe ends it kills those that
//! are left. Unlike PR_SET_PDEATHSIG it doesn't depend on the thread that started a process.
//!
//! A process that had just been started when this program was killed is on no list yet: the guardian finds it by a mark in
//! its environment. It can't miss it, as the pipe ends only when a process that is being started has let go of it, too.
//!
//! A group is on the list from its start until just before its first process is reaped: as long as that process is
//! not reaped, its number can't pass to a stranger.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failpoint::{Point, failpoint};

/// Every line is `+GROUP` or `-GROUP`. Nothing but built-in commands is used, so nothing more is ever started.
const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=' '
while read -r line; do
  group=${line#?}
  case $line in
    +*) groups="$groups$group " ;;
    -*) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
for folder in /proc/[0-9]*; do
  while read -r line || [ -n "$line" ]; do
    case $line in *"$1"*) kill -s KILL -- "-${folder#/proc/}" "${folder#/proc/}" ;; esac
  done < "$folder/environ"
done 2>/dev/null
"#;

/// The variable that marks the processes of this program.
const MARK: &str = "FFMPEG_GUARDED_BY";

/// A guardian that lived shorter than this is not replaced by itself, lest a broken shell be started in a circle.
const SETTLED: Duration = Duration::from_millis(100);

static GUARDED: Mutex<Guarded> = Mutex::new(Guarded { groups: BTreeSet::new(), pipe: None, count: 0, closed: false });

/// The groups that live, and the way to the guardian.
struct Guarded {
    groups: BTreeSet<i32>,
    pipe: Option<ChildStdin>,
    /// How many guardians there have been, which tells the present one from those before.
    count: u64,
    closed: bool,
}

/// Starts `command`, whose process must lead its own group, and puts the group on the list.
///
/// The list stays locked meanwhile, so that [`kill_all`] can't miss a process that is just being started.
///
/// # Errors
/// When the process can't be started, or [`kill_all`] was called before.
pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut guarded = lock();
    if guarded.closed {
        return Err(io::Error::other("this program is about to exit"));
    }
    // Before the first process, which it may have to find by its mark alone.
    if guarded.pipe.is_none() {
        guarded.replace();
    }
    let child = command.env(MARK, mark()).spawn()?;
    failpoint(Point::ProcessStarted);
    let group = child.id().cast_signed();
    guarded.groups.insert(group);
    guarded.tell('+', group);
    Ok(child)
}

/// Takes a group off the list. Its first process must have ended and must not be reaped yet.
pub(super) fn forget(group: Pid) {
    let mut guarded = lock();
    let group = group.as_raw_nonzero().get();
    if guarded.groups.remove(&group) {
        guarded.tell('-', group);
    }
}

/// Kills every group that lives and refuses to start more. For the moment before an immediate exit.
pub(super) fn kill_all() {
    let mut guarded = lock();
    guarded.closed = true;
    for group in guarded.groups.iter().copied().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// What no process of another program has in its environment.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let mut random = [0; 8];
        // The number of this program is nearly as good.
        let _ = getrandom::fill(&mut random);
        format!("{}-{:016x}", std::process::id(), u64::from_ne_bytes(random))
    })
}

fn lock() -> MutexGuard<'static, Guarded> {
    // Nothing panics between the changes to the list that belong together.
    GUARDED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guarded {
    /// Tells the guardian of a change, and replaces it where it doesn't take it.
    fn tell(&mut self, sign: char, group: i32) {
        let line = format!("{sign}{group}\n");
        // The pipe doesn't block: a guardian that was stopped is as good as dead once its pipe is full.
        if self.pipe.as_mut().is_none_or(|pipe| pipe.write_all(line.as_bytes()).is_err()) {
            self.replace();
        }
    }

    /// Starts a new guardian and tells it of all groups.
    fn replace(&mut self) {
        self.pipe = None;
        match self.start() {
            Ok(pipe) => self.pipe = Some(pipe),
            Err(error) => tracing::warn!(%error, "failed to start the guardian: a SIGKILL would leave ffmpeg running"),
        }
    }

    fn start(&mut self) -> io::Result<ChildStdin> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "ffmpeg-guardian", mark()])
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut pipe = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
        rustix::io::ioctl_fionbio(&pipe, true)?;
        self.count += 1;
        let count = self.count;
        thread::Builder::new().name("ffmpeg-guardian".to_owned()).stack_size(128 * 1024).spawn(move || {
            let started = Instant::now();
            let _ = child.wait();
            lock().lost(count, started.elapsed());
        })?;
        for group in &self.groups {
            pipe.write_all(format!("+{group}\n").as_bytes())?;
        }
        Ok(pipe)
    }

    /// Guardian number `count` has ended after `lifetime`.
    fn lost(&mut self, count: u64, lifetime: Duration) {
        if count == self.count && !self.closed {
            self.pipe = None;
            if lifetime >= SETTLED && !self.groups.is_empty() {
                self.replace();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the script on `lines` and returns what it would kill.
    fn left_after(lines: &str) -> Vec<String> {
        let script = SCRIPT.replace("kill -s KILL --", "echo");
        let mut child = Command::new("/bin/sh")
            .args(["-c", &script, "guardian", "a mark that no process has"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("sh reads");
        let output = child.wait_with_output().expect("sh ends");
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn exactly_the_groups_still_on_the_list_are_killed() {
        assert_eq!(left_after("+10\n+1\n+100\n-1\n"), ["-10", "-100"]);
        assert_eq!(left_after("+10\n-10\n+11\n-12\n"), ["-11"]);
        assert_eq!(left_after("+1\n+2\n+3\n-2\n-1\n-3\n+1\n"), ["-1"]);
        assert!(left_after("").is_empty());
    }
}
