//! Reads what the kernel tells of a process group under `/proc`.
//!
//! Everything is best effort: a process may end between two reads, and what can't be read is left out.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// A line of `/proc/PID/stat`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: i32,
    pub(super) state: u8,
    pub(super) parent: i32,
    pub(super) group: i32,
    /// User and system time together, in ticks of 10 ms.
    pub(super) ticks: u64,
    /// Tells a process from a later one with the same id.
    pub(super) started: u64,
}

/// What a process has read and written, in bytes; also by way of the page cache and pipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Io {
    pub(super) read: u64,
    pub(super) written: u64,
}

/// Finds every process of a group. Looks at every process of the machine, so use it sparingly.
pub(super) fn members(group: Pid) -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .filter(|stat| stat.group == group.as_raw_nonzero().get() && !matches!(stat.state, b'Z' | b'X'))
        .collect()
}

/// Reads the state of one process.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether one of the process's threads runs, waits for a processor or waits for a disk.
pub(super) fn waits_for_processor_or_disk(pid: i32) -> bool {
    fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| {
        tasks
            .flatten()
            .filter_map(|task| parse_stat(&fs::read(task.path().join("stat")).ok()?))
            .any(|thread| matches!(thread.state, b'R' | b'D'))
    })
}

/// Reads the I/O counters of one process.
pub(super) fn io(pid: i32) -> Option<Io> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let counter = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
    Some(Io { read: counter("rchar:")?, written: counter("wchar:")? })
}

/// The files that a process's command line names as inputs (`-i`), as absolute paths.
pub(super) fn inputs(pid: i32) -> Vec<PathBuf> {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return Vec::new() };
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    let args: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let inputs = args.windows(2).filter(|pair| pair[0] == b"-i");
    inputs
        .map(|pair| pair[1].strip_prefix(b"file:").unwrap_or(pair[1]))
        .map(|name| folder.join(OsStr::from_bytes(name)))
        .collect()
}

/// How far into the file at `path` a process has read, in bytes; `None` where it hasn't opened it, or the system doesn't tell.
#[must_use]
pub fn read_position(pid: u32, path: &Path) -> Option<u64> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let open = files.filter(|file| fs::read_link(file.path()).is_ok_and(|target| target == path));
    let position = |number: &OsStr| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_str()?)).ok()?;
        info.lines().find_map(|line| line.strip_prefix("pos:")?.trim().parse().ok())
    };
    open.filter_map(|file| position(&file.file_name())).max()
}

/// The numbers of a process's descriptors that are sockets.
pub(super) fn sockets(pid: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"socket:"))
        })
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn parse_stat(line: &[u8]) -> Option<Stat> {
    // The name stands in parentheses and may itself hold spaces and parentheses.
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(&line[..line.iter().position(|byte| *byte == b' ')?]).ok()?.parse().ok()?;
    let fields: Vec<&str> = std::str::from_utf8(&line[name_end + 1..]).ok()?.split_ascii_whitespace().collect();
    // The first field after the name is number 3 in proc_pid_stat(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    Some(Stat {
        pid,
        state: *fields.first()?.as_bytes().first()?,
        parent: i32::try_from(number(4)?).ok()?,
        group: i32::try_from(number(5)?).ok()?,
        ticks: number(14)?.unsigned_abs() + number(15)?.unsigned_abs(),
        started: number(22)?.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_confuse_the_fields() {
        let line = b"4711 (a) R (b c) T 1 4700 4700 0 -1 4194304 1 2 3 4 55 66 0 0 20 0 9 0 123456 1 2";
        let stat = Stat { pid: 4711, state: b'T', parent: 1, group: 4700, ticks: 121, started: 123_456 };
        assert_eq!(parse_stat(line), Some(stat));
        for odd in [&b""[..], b"4711", b"4711 (a", b"4711 (a)", b"4711 (a) R 1", b"x (a) R 1 2 3"] {
            assert_eq!(parse_stat(odd), None);
        }
    }

    #[test]
    fn this_process_is_found_in_its_group() {
        let own = stat(std::process::id().cast_signed()).expect("/proc is there");
        let group = Pid::from_raw(own.group).expect("a group");
        assert!(members(group).iter().any(|member| member.pid == own.pid && member.started == own.started));
        assert!(io(own.pid).is_some_and(|io| io.read > 0));
    }
}
