//! What the machine's ffmpeg can do, found out once and remembered beside the data.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ffmpeg::{self, ENCODER_CANDIDATES, ToolError, Tools};

/// The programs, their version and the encoders that work.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// The programs.
    pub tools: Tools,
    /// What ffmpeg calls its version.
    pub version: String,
    /// The encoders that passed a test.
    pub encoders: Vec<String>,
}

/// What was found out, and about which program.
#[derive(PartialEq, Serialize, Deserialize)]
struct Examined {
    ffmpeg: PathBuf,
    size: u64,
    modified_ns: i64,
    /// Another version of us may try other encoders.
    by: String,
    /// What was tried.
    asked: Vec<String>,
    version: String,
    encoders: Vec<String>,
}

impl Toolchain {
    /// Finds out what `tools` can do. Testing all encoders takes a second or two, so what was found is kept in `data_dir`
    /// and holds until the program changes.
    ///
    /// # Errors
    /// Where ffmpeg can't be run.
    pub async fn examine(tools: Tools, data_dir: &Path) -> Result<Self, ToolError> {
        let note = data_dir.join("ffmpeg.json");
        let before: Option<Examined> = fs::read(&note).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(known) = before.filter(|known| known.is_of(&tools.ffmpeg)) {
            return Ok(Self { tools, version: known.version, encoders: known.encoders });
        }
        let version = ffmpeg::version(&tools).await?;
        let encoders = ffmpeg::usable_encoders(&tools, ENCODER_CANDIDATES).await?;
        let now = Examined::now(&tools.ffmpeg, &version, &encoders);
        if let Some(text) = now.and_then(|now| serde_json::to_vec_pretty(&now).ok()) {
            // It only saves time at the next start.
            let _ = fs::write(&note, text);
        }
        Ok(Self { tools, version, encoders })
    }
}

impl Examined {
    fn now(ffmpeg: &Path, version: &str, encoders: &[String]) -> Option<Self> {
        let file = fs::metadata(ffmpeg).ok()?;
        Some(Self {
            ffmpeg: ffmpeg.to_owned(),
            size: file.size(),
            modified_ns: file.mtime() * 1_000_000_000 + file.mtime_nsec(),
            by: env!("CARGO_PKG_VERSION").into(),
            asked: ENCODER_CANDIDATES.iter().map(|&name| name.to_owned()).collect(),
            version: version.to_owned(),
            encoders: encoders.to_vec(),
        })
    }

    fn is_of(&self, ffmpeg: &Path) -> bool {
        Self::now(ffmpeg, &self.version, &self.encoders).is_some_and(|now| now == *self)
    }
}
