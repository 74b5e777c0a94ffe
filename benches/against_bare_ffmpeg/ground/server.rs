//! The server under test: the real release binary, on a folder of its own and a port that the system chooses.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::clips::Clips;
use super::events::Events;
use super::processes::Group;
use super::world::{Result, World};

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where a server keeps what it has found out about ffmpeg.
const EXAMINED: &str = "ffmpeg.json";

/// What a server has found out about ffmpeg.
pub(crate) struct Examined {
    facts: Value,
    /// How long a first server took until it was ready, the test of all encoders included.
    pub(crate) first_start: Duration,
}

/// A running server. Dropped, it is killed, all that it has started ends, and its files go.
pub(crate) struct Server {
    group: Group,
    pub(crate) address: SocketAddr,
    /// From just before it was started to its answer that it is ready.
    pub(crate) ready_in: Duration,
    client: reqwest::Client,
    folder: TempDir,
}

impl Server {
    /// Starts a server with the real ffmpeg.
    pub(crate) async fn start(world: &World) -> Result<Self> {
        Self::start_with(world, &world.tools.ffmpeg).await
    }

    /// Starts a server that runs `ffmpeg`, about which it knows already what it would find out.
    pub(crate) async fn start_with(world: &World, ffmpeg: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("data-").tempdir_in(world.folder())?;
        std::fs::write(folder.path().join(EXAMINED), world.examined.told_of(ffmpeg)?)?;
        let mut command = serve(folder.path(), &world.clips);
        command.env("TRANSCODED_FFMPEG", ffmpeg).env("TRANSCODED_SLOTS", world.at_once.to_string());
        Self::run(command, folder, world.client.clone()).await
    }

    async fn run(mut command: Command, folder: TempDir, client: reqwest::Client) -> Result<Self> {
        let started = Instant::now();
        let mut group = Group::start(&mut command, folder.path())?;
        let stderr = group.child.stderr.take().ok_or("the server has no standard error")?;
        let address = tokio::time::timeout(PATIENCE, address(stderr)).await.map_err(|_| "the server isn't ready")??;
        client.get(format!("http://{address}/readyz")).send().await?.error_for_status()?;
        Ok(Self { group, address, ready_in: started.elapsed(), client, folder })
    }

    pub(crate) fn id(&self) -> u32 {
        self.group.child.id()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("transcoded.db")
    }

    /// Submits a job and returns its id.
    pub(crate) async fn submit(&self, job: &Value) -> Result<String> {
        let request = self.client.post(self.url("/v1/jobs")).json(job);
        let job: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(job["id"].as_str().ok_or("a job without an id")?.to_owned())
    }

    /// What a job would do.
    pub(crate) async fn plan(&self, job: &Value) -> Result<Value> {
        Ok(self.client.post(self.url("/v1/plan")).json(job).send().await?.error_for_status()?.json().await?)
    }

    pub(crate) async fn delete(&self, job: &str) -> Result<()> {
        self.client.delete(self.url(&format!("/v1/jobs/{job}"))).send().await?.error_for_status()?;
        Ok(())
    }

    pub(crate) async fn log(&self, job: &str) -> Result<String> {
        let answer = self.client.get(self.url(&format!("/v1/jobs/{job}/log"))).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// Follows all jobs; what happens after this returns is missed by nobody.
    pub(crate) async fn events(&self) -> Result<Events> {
        let mut events = Events::open(self.client.get(self.url("/v1/events"))).await?;
        events.next_of("snapshot").await?;
        Ok(events)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Examined {
    /// The facts as a server keeps them, told of this program.
    fn told_of(&self, ffmpeg: &Path) -> Result<Vec<u8>> {
        let file = std::fs::metadata(ffmpeg)?;
        let mut facts = self.facts.clone();
        facts["ffmpeg"] = ffmpeg.to_str().ok_or("the path of ffmpeg is no text")?.into();
        facts["size"] = file.size().into();
        facts["modified_ns"] = (file.mtime() * 1_000_000_000 + file.mtime_nsec()).into();
        Ok(serde_json::to_vec(&facts)?)
    }
}

/// Lets a first server find out what ffmpeg can do.
pub(crate) async fn examine(clips: &Clips, folder: &Path, client: &reqwest::Client) -> Result<Examined> {
    let folder = tempfile::Builder::new().prefix("data-").tempdir_in(folder)?;
    let server = Server::run(serve(folder.path(), clips), folder, client.clone()).await?;
    let facts = serde_json::from_slice(&std::fs::read(server.folder.path().join(EXAMINED))?)?;
    Ok(Examined { facts, first_start: server.ready_in })
}

fn serve(folder: &Path, clips: &Clips) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transcoded"));
    command.args(["serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
    command.arg("--media-root").arg(&clips.root).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The address, as the server tells it when it listens. Its log is read to the end, so that it never waits for room.
async fn address(stderr: ChildStderr) -> Result<SocketAddr> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut tell = Some(tell);
        for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str().and_then(|address| address.parse().ok())
                && let Some(tell) = tell.take()
            {
                // Nobody may wait any more.
                let _ = tell.send(address);
            }
            if matches!(entry["level"].as_str(), Some("ERROR") | None) {
                eprintln!("server: {line}");
            }
        }
    });
    Ok(told.await.map_err(|_| "the server ended before it was ready")?)
}
