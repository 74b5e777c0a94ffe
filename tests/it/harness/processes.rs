//! Looking for processes by what their command line names.

/// The ids and command lines of the processes, zombies too, whose arguments hold `text`.
pub fn processes_naming(text: &str) -> Vec<(u32, String)> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let named = ids.filter_map(|id| {
        let arguments = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&arguments).replace('\0', " ");
        line.contains(text).then_some((id, line))
    });
    named.filter(|(id, _)| *id != std::process::id()).collect()
}

/// The ids of the processes that a process has started and not yet reaped after their end.
pub fn zombies_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_zombie = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields: Vec<_> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        fields.first() == Some(&"Z") && fields.get(1) == Some(&parent.to_string().as_str())
    };
    ids.filter(is_zombie).collect()
}

/// A number of KiB from a process's status: `VmRSS` is what it has in memory now, `VmHWM` the most that it ever had.
pub fn memory_kib(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
