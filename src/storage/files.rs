//! The server's own folder: scratch space of attempts, and what is kept of them.
//!
//! ```text
//! work/<job>-<attempt>/…               what an attempt writes; gone with the attempt
//! work/look-<n>/…                      an input that was fetched to be looked at; gone after the look
//! jobs/<job>/<attempt>/outputs/<name>  what the attempt published; seen once the database says so
//! jobs/<job>/<attempt>/remains/…       what a crash-safe attempt had written when it was killed
//! jobs/<job>/<attempt>/log             the attempt's log
//! ```
//! An attempt that was taken for dead and wasn't can only write where nobody looks any more. All calls block as long as the
//! disk takes.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::temporary::Temporary;
use super::workspace::{self, Workspace, remove};
use crate::domain::id::JobId;

/// The folder of what an attempt published.
const OUTPUTS: &str = "outputs";
/// The folder of what is left of an attempt.
pub(super) const REMAINS: &str = "remains";
/// The file of an attempt's log.
const LOG: &str = "log";

/// The server's own folder.
#[derive(Debug)]
pub struct Files {
    work: PathBuf,
    jobs: PathBuf,
    /// How many temporary folders there have been.
    temporary: AtomicU64,
}

impl Files {
    /// Makes the folders where they are missing, and removes the scratch space that a crashed server left, but for what was
    /// written to survive that.
    ///
    /// # Errors
    /// When the folder can't be made or written to.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let base = std::path::absolute(data_dir)?;
        let files = Self { work: base.join("work"), jobs: base.join("jobs"), temporary: AtomicU64::new(0) };
        for folder in [&files.work, &files.jobs] {
            fs::create_dir_all(folder)?;
        }
        for left in fs::read_dir(&files.work)? {
            let left = left?;
            if let Some(attempt) = files.attempt_of(&left) {
                workspace::keep_left(&left.path(), &attempt)?;
            }
            clear(&left)?;
        }
        sync_folder(&base)?;
        Ok(files)
    }

    /// Makes the scratch space of an attempt, empty whatever was there before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(&self, job: JobId, attempt: u32) -> io::Result<Workspace> {
        let published = self.attempt(job, attempt).join(OUTPUTS);
        Workspace::make(self.work.join(format!("{job}-{attempt}")), published)
    }

    /// Makes an empty folder for something short that is no attempt.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn temporary(&self) -> io::Result<Temporary> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        Temporary::make(self.work.join(format!("look-{number}")))
    }

    /// Where the output of that name that an attempt published lies, whether it is there or not. `name` is a checked name.
    #[must_use]
    pub fn output(&self, job: JobId, attempt: u32, name: &str) -> PathBuf {
        self.attempt(job, attempt).join(OUTPUTS).join(name)
    }

    /// Removes what an attempt published; its log stays. What isn't there is no error.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn withdraw(&self, job: JobId, attempt: u32) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(self.attempt(job, attempt).join(OUTPUTS)))
    }

    /// Removes what attempts before this one published.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn withdraw_before(&self, job: JobId, attempt: u32) -> io::Result<()> {
        (1..attempt).try_for_each(|earlier| self.withdraw(job, earlier))
    }

    /// The last attempt of a job of which there are remains, and the folder that they lie in.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn remains(&self, job: JobId) -> io::Result<Option<(u32, PathBuf)>> {
        let with = self.attempts_with(job, REMAINS)?;
        Ok(with.into_iter().max().map(|attempt| (attempt, self.attempt(job, attempt).join(REMAINS))))
    }

    /// Removes all remains of a job. What isn't there is no error.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove_remains(&self, job: JobId) -> io::Result<()> {
        let with = self.attempts_with(job, REMAINS)?;
        with.into_iter().try_for_each(|attempt| fs::remove_dir_all(self.attempt(job, attempt).join(REMAINS)))
    }

    /// Removes everything that is kept of a job. What isn't there is no error.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, job: JobId) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(self.jobs.join(job.to_string())))
    }

    /// The jobs of which something is kept, in no order.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn kept(&self) -> io::Result<impl Iterator<Item = JobId>> {
        let entries = fs::read_dir(&self.jobs)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
    }

    /// The attempts of a job that have published something, in no order.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn published(&self, job: JobId) -> io::Result<Vec<u32>> {
        self.attempts_with(job, OUTPUTS)
    }

    /// The attempts of a job that have this folder, in no order.
    fn attempts_with(&self, job: JobId, folder: &str) -> io::Result<Vec<u32>> {
        let entries = match fs::read_dir(self.jobs.join(job.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let published = entries.flatten().filter(|entry| entry.path().join(folder).is_dir());
        Ok(published.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }

    /// Keeps the log of an attempt. It appears in one step.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_log(&self, job: JobId, attempt: u32, text: &str) -> io::Result<()> {
        let folder = self.attempt(job, attempt);
        fs::create_dir_all(&folder)?;
        let aside = folder.join("log.new");
        let written = fs::File::create(&aside).and_then(|mut file| file.write_all(text.as_bytes()));
        let kept = written.and_then(|()| fs::rename(&aside, folder.join(LOG)));
        if kept.is_err() {
            // A full disk must not be left fuller.
            let _ = fs::remove_file(&aside);
        }
        kept
    }

    /// The log of an attempt; `None` where there is none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read_log(&self, job: JobId, attempt: u32) -> io::Result<Option<String>> {
        match fs::read(self.attempt(job, attempt).join(LOG)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many bytes may still be written.
    ///
    /// # Errors
    /// When the disk doesn't say.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.work)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Where the files of the attempt are kept whose scratch space this is.
    fn attempt_of(&self, left: &fs::DirEntry) -> Option<PathBuf> {
        let name = left.file_name().into_string().ok()?;
        let (job, attempt) = name.rsplit_once('-')?;
        Some(self.attempt(job.parse().ok()?, attempt.parse().ok()?))
    }

    fn attempt(&self, job: JobId, attempt: u32) -> PathBuf {
        self.jobs.join(job.to_string()).join(attempt.to_string())
    }
}

/// Removes what a crashed server left. Its last ffmpeg, which dies with it, may be making one more file in this moment.
fn clear(left: &fs::DirEntry) -> io::Result<()> {
    for _ in 0..20 {
        match remove(left) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            result => return ignore_missing(result),
        }
    }
    remove(left)
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
