//! The scratch space of one attempt, and the one step in which its results appear.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{ignore_missing, sync_folder};
use crate::failpoint::{Point, failpoint};

/// The scratch space of one attempt. Dropping it removes it and everything in it.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    outputs: PathBuf,
    scratch: PathBuf,
    published: PathBuf,
}

impl Workspace {
    pub(super) fn make(folder: PathBuf, published: PathBuf) -> io::Result<Self> {
        ignore_missing(fs::remove_dir_all(&folder))?;
        fs::create_dir(&folder)?;
        let workspace = Self { outputs: folder.join("outputs"), scratch: folder.join("scratch"), folder, published };
        fs::create_dir(&workspace.outputs)?;
        fs::create_dir(&workspace.scratch)?;
        Ok(workspace)
    }

    /// Where outputs are written.
    #[must_use]
    pub fn outputs(&self) -> &Path {
        &self.outputs
    }

    /// An empty folder to work in, for what isn't kept.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Publishes the files of these names, which lie in [`outputs`](Self::outputs); everything else there is removed.
    ///
    /// They are on the disk for good before they appear, and appear in one step. After an error either all or none of them
    /// is published.
    ///
    /// # Errors
    /// When the disk refuses, or one of the files isn't there.
    pub fn publish(self, keep: &[String]) -> io::Result<()> {
        for entry in fs::read_dir(&self.outputs)? {
            let entry = entry?;
            let kept = entry.file_type()?.is_file() && keep.iter().any(|name| entry.file_name() == name.as_str());
            if !kept {
                remove(&entry)?;
            }
        }
        for name in keep {
            fs::File::open(self.outputs.join(name))?.sync_all()?;
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

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other("a path without a folder"))
}

pub(super) fn remove(entry: &fs::DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start of the server tries again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
