//! What was measured on, and with which versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::ground::Result;

/// The machine and the versions, as lines of a list.
pub(crate) async fn describe() -> Result<String> {
    let tools = transcoded::ffmpeg::locate_in_environment()?;
    let cores = std::thread::available_parallelism()?;
    let lines = [
        ("Processor", format!("{} ({cores} cores)", processor())),
        ("Memory", memory()),
        ("Kernel", format!("Linux {}", first_line("/proc/sys/kernel/osrelease"))),
        ("File system", printed("df", &["--output=fstype", env!("CARGO_TARGET_TMPDIR")])),
        ("ffmpeg", transcoded::ffmpeg::version(&tools).await?),
        ("SQLite", format!("{} in both", rusqlite::version())),
        ("transcoded", format!("{}, release build, {}", env!("CARGO_PKG_VERSION"), printed("rustc", &["--version"]))),
        ("Load before the start", first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(", ")),
        ("Date", jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()),
    ];
    Ok(lines.map(|(name, value)| format!("- {name}: {value}\n")).concat())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let total = total.and_then(|kib| kib.parse::<u64>().ok());
    total.map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", (kib + 512 * 1024) / (1024 * 1024)))
}

fn first_line(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

/// The last line that a program prints.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().last().unwrap_or("unknown").trim().to_owned()
}
