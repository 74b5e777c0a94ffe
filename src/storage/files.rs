//! The server's own folder: scratch space of attempts, published outputs and logs.
//!
//! ```text
//! work/<job>-<attempt>/…   what an attempt writes; gone with the attempt
//! outputs/<job>/<name>     what was published
//! logs/<job>.log           the last attempt's log
//! ```
//! All calls block as long as the disk takes.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::workspace::{Workspace, remove};
use crate::domain::id::JobId;

/// The server's own folder.
#[derive(Debug)]
pub struct Files {
    work: PathBuf,
    outputs: PathBuf,
    logs: PathBuf,
}

impl Files {
    /// Makes the folders where they are missing, and removes the scratch space that a crashed server left.
    ///
    /// # Errors
    /// When the folder can't be made or written to.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let base = std::path::absolute(data_dir)?;
        let files = Self { work: base.join("work"), outputs: base.join("outputs"), logs: base.join("logs") };
        for folder in [&files.work, &files.outputs, &files.logs] {
            fs::create_dir_all(folder)?;
        }
        for left in fs::read_dir(&files.work)? {
            remove(&left?)?;
        }
        sync_folder(&base)?;
        Ok(files)
    }

    /// Makes the scratch space of an attempt, empty whatever was there before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self, job: JobId, attempt: u32) -> io::Result<Workspace> {
        Workspace::make(self.work.join(format!("{job}-{attempt}")), self.outputs.join(job.to_string()))
    }

    /// Where the published output of that name lies, whether it is there or not. `name` is a checked name.
    #[must_use]
    pub fn output(&self, job: JobId, name: &str) -> PathBuf {
        self.outputs.join(job.to_string()).join(name)
    }

    /// Removes everything that is kept of a job. What isn't there is no error.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, job: JobId) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(self.outputs.join(job.to_string())))?;
        ignore_missing(fs::remove_file(self.log(job)))
    }

    /// Keeps the log of a job's last attempt, in place of the one before. It appears in one step.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_log(&self, job: JobId, text: &str) -> io::Result<()> {
        let path = self.log(job);
        let aside = path.with_extension("log.new");
        let mut file = fs::File::create(&aside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&aside, &path)
    }

    /// The log of a job's last attempt; `None` where there is none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read_log(&self, job: JobId) -> io::Result<Option<String>> {
        match fs::read(self.log(job)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn log(&self, job: JobId) -> PathBuf {
        self.logs.join(format!("{job}.log"))
    }
}

/// Makes what was created, renamed or removed in a folder last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// What was to go and isn't there is gone.
pub(super) fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
