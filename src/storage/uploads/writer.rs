//! Writing an upload: one request's bytes, from where the ones before ended.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::digest::{Checksum, Summing};
use super::locks::Alone;
use super::record::Record;
use super::{Upload, UploadError, Uploads};
use crate::storage::files::sync_folder;

/// After how many bytes the room on the disk is looked at again.
const LOOK_EVERY: u64 = 8 * 1024 * 1024;

/// Writes the bytes of one request; nobody else writes the upload meanwhile.
///
/// Dropped without [`finish`](Self::finish) or [`close`](Self::close), it leaves what a crash would.
#[derive(Debug)]
pub struct Writer(Option<Box<Inner>>);

#[derive(Debug)]
struct Inner {
    uploads: Arc<Uploads>,
    alone: Alone,
    record: Record,
    file: File,
    /// Where this request's bytes begin.
    start: u64,
    /// How many bytes there are.
    at: u64,
    /// The number of bytes at which the room on the disk is looked at.
    look_at: u64,
    sum: Option<Summing>,
}

impl Writer {
    pub(super) fn new(
        uploads: Arc<Uploads>,
        alone: Alone,
        record: Record,
        file: File,
        at: u64,
        checksum: Option<Checksum>,
    ) -> Self {
        let look_at = at + LOOK_EVERY;
        let sum = checksum.map(Summing::from);
        Self(Some(Box::new(Inner { uploads, alone, record, file, start: at, at, look_at, sum })))
    }

    /// How many more bytes may come.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.most() - inner.at)
    }

    /// Cancelled when somebody else is to go on in its place, see [`Uploads::part`].
    #[must_use]
    pub fn leave(&self) -> CancellationToken {
        // One that can't write any more needn't be asked.
        self.0.as_ref().map_or_else(CancellationToken::new, |inner| inner.alone.leave().clone())
    }

    /// Writes what has come; it is in the file, if not on the disk, when this returns.
    ///
    /// # Errors
    /// [`UploadError::TooLong`], of which nothing is written; [`UploadError::DiskFull`], or when the disk fails.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the writing to end by itself, and ends the writer.
    pub async fn write<B: AsRef<[u8]> + Send + 'static>(&mut self, chunks: Vec<B>) -> Result<(), UploadError> {
        self.work(move |inner| inner.write(&chunks)).await
    }

    /// Ends the request: what came is on the disk and counts. Where nobody said how long the upload would be, and `whole` is
    /// set, it is complete now.
    ///
    /// # Errors
    /// [`UploadError::Mismatch`], after which nothing of this request counts, or when the disk fails.
    pub async fn finish(mut self, whole: bool) -> Result<Upload, UploadError> {
        self.work(move |inner| inner.finish(whole)).await
    }

    /// Ends a request that broke off: what came counts, unless it should have been compared with a checksum.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn close(mut self) -> Result<(), UploadError> {
        self.work(Inner::close).await
    }

    /// Removes the upload with all that has come.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn discard(mut self) -> Result<(), UploadError> {
        self.work(|inner| Ok(inner.uploads.remove_files(inner.alone.id)?)).await
    }

    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Inner) -> Result<T, UploadError> + Send + 'static,
    ) -> Result<T, UploadError> {
        let ended = || UploadError::Io(io::Error::other("the server is stopping"));
        let mut inner = self.0.take().ok_or_else(ended)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut inner);
            (inner, result)
        });
        let (inner, result) = done.await.map_err(|_| ended())?;
        self.0 = Some(inner);
        result
    }
}

impl Inner {
    fn most(&self) -> u64 {
        self.record.length.unwrap_or_else(|| self.uploads.most_bytes()).max(self.at)
    }

    fn write<B: AsRef<[u8]>>(&mut self, chunks: &[B]) -> Result<(), UploadError> {
        self.alone.is_active();
        for bytes in chunks.iter().map(AsRef::as_ref) {
            let (size, most) = (bytes.len() as u64, self.most());
            if size > most - self.at {
                return Err(UploadError::TooLong { most });
            }
            if self.at + size > self.look_at {
                self.uploads.check_room(size)?;
                self.look_at = self.at + size + LOOK_EVERY;
            }
            if let Err(error) = self.file.write_all(bytes) {
                // Some of it may be there, and counts.
                self.at = self.file.metadata()?.len();
                return Err(error.into());
            }
            self.at += size;
            if let Some(sum) = &mut self.sum {
                sum.add(bytes);
            }
        }
        Ok(())
    }

    fn finish(&mut self, whole: bool) -> Result<Upload, UploadError> {
        let matches = self.sum.take().map(Summing::matches);
        if matches == Some(false) {
            self.take_back()?;
            return Err(UploadError::Mismatch);
        }
        self.file.sync_all()?;
        let completed = whole && self.record.length.is_none();
        if completed {
            self.record.length = Some(self.at);
        }
        if matches.is_some() || completed {
            self.note()?;
        }
        self.uploads.get(self.alone.id)?.ok_or(UploadError::Unknown)
    }

    fn close(&mut self) -> Result<(), UploadError> {
        if self.sum.take().is_some() {
            return self.take_back();
        }
        Ok(self.file.sync_all()?)
    }

    /// Takes back what this request has brought.
    fn take_back(&mut self) -> Result<(), UploadError> {
        self.file.set_len(self.start)?;
        self.at = self.start;
        self.file.sync_all()?;
        self.note()
    }

    /// Writes the record, now that nothing is left to be compared.
    fn note(&mut self) -> Result<(), UploadError> {
        self.record.unchecked_from = None;
        self.record.write(&self.uploads.record(self.alone.id))?;
        Ok(sync_folder(&self.uploads.folder)?)
    }
}
