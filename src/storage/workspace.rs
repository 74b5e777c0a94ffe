//! The scratch space of one attempt, and the one step in which its results appear.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{REMAINS, ignore_missing, sync_folder};
use crate::failpoint::{Point, failpoint};

/// The scratch space of one attempt. Dropping it removes it and everything in it.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    outputs: PathBuf,
    scratch: PathBuf,
    published: PathBuf,
    /// Where what is left goes when it isn't published; `None` where it is of no use.
    remains: Option<PathBuf>,
}

/// The file that says that what a crashed server leaves in a workspace is to be kept.
const CRASH_SAFE: &str = "crash-safe";

impl Workspace {
    pub(super) fn make(folder: PathBuf, published: PathBuf) -> io::Result<Self> {
        ignore_missing(fs::remove_dir_all(&folder))?;
        fs::create_dir(&folder)?;
        let workspace =
            Self { outputs: folder.join("outputs"), scratch: folder.join("scratch"), folder, published, remains: None };
        fs::create_dir(&workspace.outputs)?;
        fs::create_dir(&workspace.scratch)?;
        Ok(workspace)
    }

    /// Where outputs are written.
    #[must_use]
    pub fn outputs(&self) -> &Path {
        &self.outputs
    }

    /// From now on what is in [`outputs`](Self::outputs) is kept even when it isn't published, or the server is killed: see
    /// [`Files::remains`](super::Files::remains).
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_remains(&mut self) -> io::Result<()> {
        fs::File::create(self.folder.join(CRASH_SAFE))?;
        sync_folder(&self.folder)?;
        self.remains = Some(parent(&self.published)?.join(REMAINS));
        Ok(())
    }

    /// An empty folder to work in, for what isn't kept.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Publishes the files and folders of these names, which lie in [`outputs`](Self::outputs); everything else there is
    /// removed.
    ///
    /// They are on the disk for good before they appear, and appear in one step. After an error either all or none of them
    /// is published.
    ///
    /// # Errors
    /// When the disk refuses, or one of the files isn't there.
    pub fn publish(self, keep: &[String]) -> io::Result<()> {
        for entry in fs::read_dir(&self.outputs)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let named = keep.iter().any(|name| entry.file_name() == name.as_str());
            if !named || !(kind.is_file() || kind.is_dir()) {
                remove(&entry)?;
            }
        }
        for name in keep {
            sync_all(&self.outputs.join(name))?;
        }
        sync_folder(&self.outputs)?;
        let attempt = parent(&self.published)?;
        fs::create_dir_all(attempt)?;
        fs::rename(&self.outputs, &self.published)?;
        failpoint(Point::OutputsRenamed);
        // From the new name up to the folder that has been there from the start.
        let job = parent(attempt)?;
        [attempt, job, parent(job)?].into_iter().try_for_each(sync_folder)
    }
}

/// Brings a file, or a folder with all that is in it, to the disk for good.
fn sync_all(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_all(&entry?.path())?;
        }
    }
    fs::File::open(path)?.sync_all()
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other("a path without a folder"))
}

pub(super) fn remove(entry: &fs::DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start of the server tries again.
        let kept = self.remains.as_ref().is_none_or(|remains| keep(&self.outputs, remains).is_ok());
        if kept {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Puts what a workspace holds where it is looked for when somebody wants to save it. Where there is nothing, that is no error.
fn keep(outputs: &Path, remains: &Path) -> io::Result<()> {
    if fs::read_dir(outputs).is_ok_and(|mut entries| entries.next().is_none()) {
        return Ok(());
    }
    fs::create_dir_all(parent(remains)?)?;
    ignore_missing(fs::remove_dir_all(remains))?;
    ignore_missing(fs::rename(outputs, remains))
}

/// The same for the workspace in `folder` that a crashed server has left, of the attempt whose files are kept in `attempt`.
/// Whether it was one whose remains are to be kept.
pub(super) fn keep_left(folder: &Path, attempt: &Path) -> io::Result<bool> {
    if !folder.join(CRASH_SAFE).exists() {
        return Ok(false);
    }
    keep(&folder.join("outputs"), &attempt.join(REMAINS))?;
    Ok(true)
}
