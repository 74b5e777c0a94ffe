//! The inputs of the jobs, made anew for each run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::world::Result;

/// Five seconds in 720p with sound: the project's own clip.
pub(crate) const REAL: &str = "real.mp4";
/// One frame of it, without sound.
pub(crate) const ONE_FRAME: &str = "one-frame.mp4";
/// Minutes of it, so that a job can be stopped half way.
pub(crate) const LONG: &str = "long.mp4";

pub(crate) struct Clips {
    pub(crate) root: PathBuf,
}

impl Clips {
    pub(crate) fn make(root: &Path, ffmpeg: &Path) -> Result<Self> {
        std::fs::create_dir_all(root)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("media/bigbuckbunny.mp4");
        std::fs::copy(&source, root.join(REAL))?;
        make(ffmpeg, &[], &source, &["-frames:v", "1", "-an"], &root.join(ONE_FRAME))?;
        make(ffmpeg, &["-stream_loop", "60"], &source, &["-c", "copy"], &root.join(LONG))?;
        Ok(Self { root: root.to_owned() })
    }

    /// A copy of a clip under another name, which no server has seen before.
    pub(crate) fn copy_of(&self, name: &str, number: usize) -> Result<String> {
        let copy = format!("{number}-{name}");
        if !self.root.join(&copy).exists() {
            std::fs::copy(self.root.join(name), self.root.join(&copy))?;
        }
        Ok(copy)
    }
}

fn make(ffmpeg: &Path, before: &[&str], source: &Path, after: &[&str], clip: &Path) -> Result<()> {
    let mut command = Command::new(ffmpeg);
    command.args(["-v", "error", "-nostdin", "-y"]).args(before).arg("-i").arg(source).args(after).arg(clip);
    let status = command.stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg could not make {}", clip.display()).into()) }
}
