//! Processes that must not outlive the bench, and looking for others by what their command line names.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use std::os::unix::process::CommandExt as _;

use rustix::process::{Pid, Signal, kill_process_group};

use super::world::Result;

/// How long what was killed may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at something that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(5);

/// A process and its group. Dropping it kills the group, and with it whatever names `folder`.
pub(crate) struct Group {
    pub(crate) child: Child,
    folder: std::path::PathBuf,
}

impl Group {
    /// Starts a process that leads a group of its own, so that Ctrl-C reaches the bench alone. All that it starts names
    /// `folder` on its command line.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> io::Result<Self> {
        Ok(Self { child: command.process_group(0).spawn()?, folder: folder.to_owned() })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // Fails where all of it has ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        // The groups that the server has started end by themselves when it does, a moment later.
        let deadline = Instant::now() + PATIENCE;
        while !naming(&self.folder.to_string_lossy()).is_empty() {
            if Instant::now() > deadline {
                eprintln!("bench: left over: processes that name {}", self.folder.display());
                return;
            }
            thread::sleep(LOOK);
        }
    }
}

/// The ids of the processes whose arguments hold `text`.
pub(crate) fn naming(text: &str) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| holds(&line, text))).collect()
}

fn holds(line: &[u8], text: &str) -> bool {
    line.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Waits until `look` finds something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("waited too long for {what}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Processor time that a process has used, in ticks of 10 ms.
pub(crate) fn ticks(id: u32) -> Option<u64> {
    times(id, 11)
}

/// The same of the processes that it has started and waited for.
pub(crate) fn ticks_of_children(id: u32) -> Option<u64> {
    times(id, 13)
}

/// User and system time, which stand beside each other.
fn times(id: u32, place: usize) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses and may hold spaces; the fields after it start with number 3.
    let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(fields.get(place)?.parse::<u64>().ok()? + fields.get(place + 1)?.parse::<u64>().ok()?)
}

/// What a process holds in memory, in MiB: its resident set, shared pages counted in full.
pub(crate) fn resident_mib(id: u32) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib: Option<u32> = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    Ok(f64::from(kib.ok_or("the kernel tells no Rss")?) / 1024.0)
}
