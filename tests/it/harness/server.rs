//! A server: the real binary, started on a folder of its own and a port that the system chooses.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::clips::media_root;
use super::events::Events;
use super::processes::processes_naming;
use super::wait::{LONG, eventually, within};

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments.
    pub args: Vec<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
    /// The media root; by default the shared one.
    pub media_root: Option<PathBuf>,
    /// The folder in which the data folder is made; by default that for temporary files.
    pub disk: Option<PathBuf>,
    /// What runs in ffmpeg's place, see [`fake`](super::fake).
    pub ffmpeg: Option<String>,
    /// Whether it only says that results are sound, as nobody asks: decoding each takes longer than making it.
    pub believes: bool,
}

impl Options {
    /// More arguments, and nothing else.
    pub fn with(args: &[&str]) -> Self {
        Self { args: args.iter().map(|&arg| arg.to_owned()).collect(), ..Self::default() }
    }

    /// The same with a script in ffmpeg's place.
    pub fn faking(self, script: &str) -> Self {
        Self { ffmpeg: Some(script.to_owned()), ..self }
    }
}

/// A running server. Dropped, it is killed, and everything that it has started must then be gone.
pub struct Server {
    child: Child,
    pub url: String,
    pub client: reqwest::Client,
    folder: tempfile::TempDir,
    options: Options,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server with two slots.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub fn start_with(options: Options) -> Self {
        let disk = options.disk.clone().unwrap_or_else(std::env::temp_dir);
        Self::start_in(tempfile::tempdir_in(disk).unwrap(), options)
    }

    /// Starts a server on a folder that may hold something already.
    pub fn start_in(folder: tempfile::TempDir, options: Options) -> Self {
        let said = Arc::default();
        let (child, url) = spawn(folder.path(), &options, &said);
        // Two servers may be asked for in one test process; the first one installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, url, client, folder, options, said }
    }

    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has logged until now.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Sends a signal to the server.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until the server has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the server to end", async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    /// Kills the server with SIGKILL and starts the next one on the same folder.
    pub fn kill_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        self.restart()
    }

    /// Starts the next server on the same folder; this one must have ended.
    pub fn restart(mut self) -> Self {
        assert!(self.child.try_wait().unwrap().is_some(), "the server still runs");
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start_in(folder, self.options.clone())
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The answer to a GET: status and JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    /// The answer to a POST of JSON: status and JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// The answer to a DELETE: status and JSON.
    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path)).await
    }

    /// Submits a job, which must be taken, and returns its id.
    pub async fn submit(&self, body: &Value) -> String {
        let (status, job) = self.post("/v1/jobs", body).await;
        assert_eq!(status, 201, "{job:#}");
        job["id"].as_str().unwrap().to_owned()
    }

    /// Submits a job that takes long enough to act half way, and waits until it encodes.
    pub async fn submit_slow(&self, mode: &str) -> String {
        let id = self.submit(&slow_job(mode)).await;
        self.encoding(&id).await;
        id
    }

    /// Waits until the job has encoded something (in slim mode, which doesn't tell, until its ffmpeg runs).
    pub async fn encoding(&self, id: &str) {
        if self.job(id).await["mode"] == "slim" {
            return eventually("ffmpeg to run", || async { processes_naming(id).pop().map(drop) }).await;
        }
        let mut events = self.events(&format!("/v1/jobs/{id}/events")).await;
        loop {
            let event = events.next().await.expect("the job is over before it encoded anything");
            if event.kind == "progress" && event.data["out_time_ms"].as_u64() > Some(0) {
                return;
            }
        }
    }

    pub async fn job(&self, id: &str) -> Value {
        let (status, job) = self.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!(status, 200, "{job:#}");
        job
    }

    /// The job once it is over.
    pub async fn over(&self, id: &str) -> Value {
        let events = self.events(&format!("/v1/jobs/{id}/events")).await.rest().await;
        events.last().expect("a terminal event").data.clone()
    }

    /// An event stream.
    pub async fn events(&self, path: &str) -> Events {
        let response = within("the stream to open", self.request(Method::GET, path).send()).await;
        Events::new(response.unwrap())
    }
}

/// The body of a job that takes long enough to act half way.
pub fn slow_job(mode: &str) -> Value {
    let output = json!({"name": "out.mp4", "copy": "never", "video": {"codec": "h264", "speed": "veryslow"}});
    json!({"input": super::clips::slow_clip(), "mode": mode, "outputs": [output]})
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = within("an answer", request.send()).await.unwrap();
    let status = response.status().as_u16();
    let body = within("a body", response.bytes()).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// What a server finds out about ffmpeg, kept from the first one for the others: it takes a second or two.
fn examined() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("ffmpeg.json")
}

/// Starts the binary and waits for the line that tells its address.
fn spawn(folder: &Path, options: &Options, said: &Arc<Mutex<String>>) -> (Child, String) {
    let (known, own) = (examined(), folder.join("ffmpeg.json"));
    let fake = options.ffmpeg.as_deref().map(|script| super::fake::place(folder, script, !options.believes, &known));
    if known.exists() && !own.exists() {
        std::fs::copy(&known, &own).unwrap();
    }
    let root = options.media_root.as_deref().unwrap_or_else(|| media_root());
    let mut child = Command::new(env!("CARGO_BIN_EXE_transcoded"))
        .args(["serve", "--log-format", "json"])
        .arg("--data-dir")
        .arg(folder)
        .arg("--media-root")
        .arg(root)
        .args(&options.args)
        .env("TRANSCODED_SLOTS", "2")
        .env("TRANSCODED_LISTEN", "127.0.0.1:0")
        .envs(options.env.iter().cloned())
        .envs(fake.iter().map(|fake| ("TRANSCODED_FFMPEG", fake)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (told, address) = mpsc::channel();
    let said = Arc::clone(said);
    // Reads to the end, so that the server never waits for room in the pipe.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str() {
                let _ = told.send(format!("http://{address}"));
            }
            said.lock().unwrap().extend([&line, "\n"]);
            // Shown by the test runner where a test fails.
            eprintln!("{line}");
        }
    });
    let url = address.recv_timeout(LONG).expect("the server starts");
    if !known.exists() && options.env.is_empty() && fake.is_none() {
        let unfinished = folder.join("ffmpeg.json.copy");
        std::fs::copy(own, &unfinished).unwrap();
        // Another test may do the same; either is as good.
        std::fs::rename(unfinished, known)
            .or_else(|_| std::fs::copy(folder.join("ffmpeg.json"), examined()).map(drop))
            .unwrap();
    }
    (child, url)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            return;
        }
        // Nothing that it has started may outlive it by more than two seconds.
        let deadline = Instant::now() + Duration::from_secs(2);
        let folder = self.folder.path().to_str().unwrap().to_owned();
        while !processes_naming(&folder).is_empty() {
            assert!(Instant::now() < deadline, "left over: {:?}", processes_naming(&folder));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
