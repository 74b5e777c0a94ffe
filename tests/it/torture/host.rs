//! The server under torture: one folder, and one process after the other on it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;
use transcoded::failpoint::Point;

use super::media;
use crate::harness::{LONG, processes_naming};

/// How long a process may outlive its server.
const AFTER_DEATH: Duration = Duration::from_secs(2);
/// How many lines of the log are kept to be shown where something is wrong.
const KEPT_LINES: usize = 300;

/// A server that dies often.
pub struct Host {
    folder: tempfile::TempDir,
    args: Vec<String>,
    running: Option<Running>,
    url: watch::Sender<Option<String>>,
    log: Arc<Mutex<Log>>,
    /// When the last server was started, in ticks of the system.
    born: u64,
    /// When the one before it was gone.
    died: Instant,
}

struct Running {
    child: Child,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    recent: VecDeque<String>,
    /// Lines that no server should ever write, however it is treated.
    wrong: Vec<String>,
}

impl Host {
    /// A folder for servers with these arguments.
    pub fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        media::place(&folder.path().join("media"));
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let known = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ffmpeg.json");
        if known.exists() {
            std::fs::copy(known, folder.path().join("data/ffmpeg.json")).unwrap();
        }
        let args = args.iter().map(ToString::to_string).collect();
        let (url, log) = (watch::Sender::new(None), Arc::default());
        Self { folder, args, running: None, url, log, born: 0, died: Instant::now() }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the server is, while one is up.
    pub fn url(&self) -> watch::Receiver<Option<String>> {
        self.url.subscribe()
    }

    /// Starts a server, which is to die by itself where it passes `fate` so often.
    pub fn start(&mut self, fate: Option<(Point, u32)>) {
        assert!(self.running.is_none(), "one at a time");
        let mut command = Command::new(env!("CARGO_BIN_EXE_transcoded"));
        command.args(["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--slots", "2"]);
        command.arg("--data-dir").arg(self.data()).arg("--media-root").arg(self.folder.path().join("media"));
        if let Some((point, count)) = fate {
            command.env("TRANSCODED_DIE_AT", format!("{}:{count}", point.name()));
        }
        let mut child = command.args(&self.args).stderr(Stdio::piped()).spawn().unwrap();
        self.born = born(child.id()).expect("it isn't reaped");
        let (stderr, url, log) = (child.stderr.take().unwrap(), self.url.clone(), Arc::clone(&self.log));
        let reader = std::thread::spawn(move || read_log(stderr, &url, &log));
        self.running = Some(Running { child, reader });
    }

    /// Waits until the server is ready; `false` where it died before.
    pub async fn ready(&mut self) -> bool {
        let deadline = Instant::now() + LONG;
        while self.url.borrow().is_none() {
            if self.has_died() {
                return false;
            }
            assert!(Instant::now() < deadline, "the server doesn't start\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Whether the server dies by itself within this time.
    pub async fn dies_within(&mut self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.has_died() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    fn has_died(&mut self) -> bool {
        self.running.as_mut().unwrap().child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.running.as_ref().unwrap().child.id();
        // It may have died by itself; it isn't reaped, so the number is still its own.
        let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
    }

    /// Kills the server, unless it is dead already; it must not have ended in any other way.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let status = self.reap();
        assert_eq!(status.signal(), Some(9), "it ended by itself: {status}\n{}", self.tail());
    }

    /// Waits until the server has ended after a SIGTERM.
    pub async fn ended(&mut self) -> ExitStatus {
        assert!(self.dies_within(LONG).await, "it doesn't end\n{}", self.tail());
        self.reap()
    }

    fn reap(&mut self) -> ExitStatus {
        let mut running = self.running.take().unwrap();
        let status = running.child.wait().unwrap();
        self.died = Instant::now();
        running.reader.join().unwrap();
        self.url.send_replace(None);
        status
    }

    /// Waits until no process is left that was started before the present server, which has to come soon.
    pub async fn alone(&self) {
        loop {
            let old = self.processes().into_iter().filter(|(pid, _)| born(*pid).is_some_and(|born| born < self.born));
            let old: Vec<_> = old.collect();
            if old.is_empty() {
                return;
            }
            assert!(self.died.elapsed() < AFTER_DEATH, "older than their server: {old:#?}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The processes that work on this folder, the server too.
    pub fn processes(&self) -> Vec<(u32, String)> {
        processes_naming(self.folder.path().to_str().unwrap())
    }

    /// The children of the server that have ended and weren't reaped.
    pub fn zombies(&self) -> usize {
        let server = self.running.as_ref().unwrap().child.id().to_string();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(stat).filter(|stat| stat[0] == "Z" && stat[1] == server).count()
    }

    /// The lines that no server should ever write.
    pub fn wrong_lines(&self) -> Vec<String> {
        self.log.lock().unwrap().wrong.clone()
    }

    /// The end of the log.
    pub fn tail(&self) -> String {
        Vec::from(self.log.lock().unwrap().recent.clone()).join("\n")
    }

    /// Keeps the folder to be looked at, and says where it is.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

fn read_log(stderr: ChildStderr, url: &watch::Sender<Option<String>>, log: &Mutex<Log>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = entry["address"].as_str() {
            url.send_replace(Some(format!("http://{address}")));
        }
        let mut log = log.lock().unwrap();
        if entry["level"] == "ERROR" || line.contains("panicked at") {
            log.wrong.push(line.clone());
        }
        if log.recent.len() == KEPT_LINES {
            log.recent.pop_front();
        }
        log.recent.push_back(line);
    }
}

/// The fields of a process from its state on (proc_pid_stat(5)): state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect())
}

/// When a process was started, in ticks of the system; `None` where it is gone or a zombie.
fn born(pid: u32) -> Option<u64> {
    stat(pid).filter(|stat| stat[0] != "Z")?.get(19)?.parse().ok()
}
