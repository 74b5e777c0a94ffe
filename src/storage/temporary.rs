//! A folder in the work area for something short that is no attempt.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An empty folder. Dropping it removes it and everything in it; after a crash the next server does.
#[derive(Debug)]
pub struct Temporary {
    folder: PathBuf,
}

impl Temporary {
    pub(super) fn make(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start of the server tries again.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
