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
