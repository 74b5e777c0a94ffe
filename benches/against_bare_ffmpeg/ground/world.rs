//! What all measurements stand on: a folder that goes at the end, the clips, the tools, and how often to measure.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use transcoded::ffmpeg::{self, Tools};

use super::clips::Clips;
use super::server::{self, Examined};
use super::stand_in;

/// Any error, with words for a person.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// How often each comparison is repeated unless `BENCH_ROUNDS` says otherwise.
const ROUNDS: usize = 5;

pub(crate) struct World {
    folder: TempDir,
    pub(crate) clips: Clips,
    pub(crate) tools: Tools,
    /// How many jobs run at once, here and there.
    pub(crate) at_once: usize,
    pub(crate) rounds: usize,
    pub(crate) client: reqwest::Client,
    /// What the first server found out about ffmpeg, so that no other one has to.
    pub(crate) examined: Examined,
}

impl World {
    pub(crate) async fn make() -> Result<Self> {
        // On the disk of the project: a temporary folder in memory would make every sync free.
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let tools = ffmpeg::locate_in_environment()?;
        let clips = Clips::make(&folder.path().join("media"), &tools.ffmpeg)?;
        stand_in::install(folder.path())?;
        // Nothing is encrypted; the client only wants to know with what it would.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let examined = server::examine(&clips, folder.path(), &client).await?;
        let at_once = std::thread::available_parallelism()?.get();
        Ok(Self { folder, clips, tools, at_once, rounds: rounds()?, client, examined })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program that stands in for ffmpeg in this role.
    pub(crate) fn stand_in(&self, role: stand_in::Role) -> PathBuf {
        role.program(self.folder())
    }
}

fn rounds() -> Result<usize> {
    let Some(text) = std::env::var_os("BENCH_ROUNDS") else { return Ok(ROUNDS) };
    let rounds = text.to_str().and_then(|text| text.parse().ok()).filter(|rounds| (1..=100).contains(rounds));
    rounds.ok_or_else(|| "BENCH_ROUNDS is how often each comparison is repeated, 1 to 100".into())
}
