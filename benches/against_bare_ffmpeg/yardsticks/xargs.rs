//! The same ffmpeg commands without a server: `xargs -P`, which starts the next when one ends and does nothing else.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::ground::{Group, Result, World};

/// The environment that the server gives to ffmpeg, besides `PATH`.
const ENVIRONMENT: [(&str, &str); 2] = [("LC_ALL", "C"), ("SVT_LOG", "1")];

/// Runs ffmpeg with each of these lists of arguments and returns how long all of them took.
pub(crate) async fn xargs(world: &World, folder: &Path, commands: &[Vec<String>]) -> Result<Duration> {
    let list = folder.join("commands");
    let lines: Vec<String> = commands.iter().map(|arguments| line(arguments)).collect();
    std::fs::write(&list, lines.concat())?;
    let mut command = Command::new("xargs");
    command.arg("-P").arg(world.at_once.to_string()).args(["-L", "1", "-a"]).arg(&list).arg(&world.tools.ffmpeg);
    command.current_dir(folder).env_clear().envs(ENVIRONMENT);
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut group = Group::start(&mut command, folder)?;
    // Waited for on another thread, so that Ctrl-C finds this one free; dropping the group ends that wait as well.
    let id = group.child.id();
    tokio::task::spawn_blocking(move || wait(id)).await?;
    let took = started.elapsed();
    let status = group.child.wait()?;
    if status.success() { Ok(took) } else { Err(format!("xargs or one of its ffmpegs failed: {status}").into()) }
}

/// One line for `xargs -L 1`, each argument in quotes of its own.
fn line(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("\"{argument}\"")).collect();
    quoted.join(" ") + "\n"
}

/// Waits until the process has ended and leaves it to be reaped.
fn wait(id: u32) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    if let Some(id) = Pid::from_raw(id.cast_signed()) {
        // Fails only where it has been reaped, and has ended all the more.
        let _ = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    }
}
