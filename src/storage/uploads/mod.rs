//! What clients have uploaded, whole or in part.
//!
//! ```text
//! uploads/<id>       the bytes so far; how many there are is where the upload goes on
//! uploads/<id>.json  its length, its name, when it began; touched with each use
//! ```
//! An upload is as old as its last byte or its last use. All calls block as long as the disk takes, but those of
//! [`Writer`].

mod digest;
mod error;
mod locks;
mod record;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use digest::{Checksum, Digest};
pub use error::UploadError;
pub(super) use locks::Hold;
use locks::{Alone, Locks, Taken};
use record::Record;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use tokio_util::sync::CancellationToken;
pub use writer::Writer;

use super::files::{ignore_missing, sync_folder};
use crate::domain::id::UploadId;
use crate::domain::time::Timestamp;

/// The uploads of one server.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    min_free_bytes: u64,
    most_bytes: u64,
    locks: Locks,
}

/// What a client says of an upload before it sends it.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    /// How long it will be, where that is known.
    pub length: Option<u64>,
    /// What the client calls it.
    pub filename: Option<String>,
    /// What else it says of it, in tus's own form.
    pub metadata: Option<String>,
}

/// An upload as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// How long it will be, where that is known.
    pub length: Option<u64>,
    /// How many bytes have come.
    pub received: u64,
    /// What its client calls it.
    pub filename: Option<String>,
    /// What else its client says of it, in tus's own form.
    pub metadata: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When its last byte came or it was last used.
    pub touched_at: Timestamp,
}

impl Upload {
    /// Whether all of it has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.length == Some(self.received)
    }
}

/// An upload that nobody writes or uses while this is held.
#[derive(Debug)]
pub struct Removal {
    uploads: Arc<Uploads>,
    alone: Alone,
}

impl Uploads {
    /// Makes the folder where it is missing, and removes what a crashed server left half made. Uploads have `most_bytes` at
    /// most, and leave `min_free_bytes` of the disk to others.
    ///
    /// # Errors
    /// When the folder can't be made or written to.
    pub fn open(data_dir: &Path, most_bytes: u64, min_free_bytes: u64) -> io::Result<Self> {
        let folder = std::path::absolute(data_dir)?.join("uploads");
        fs::create_dir_all(&folder)?;
        let uploads = Self { folder, min_free_bytes, most_bytes, locks: Locks::default() };
        for entry in fs::read_dir(&uploads.folder)? {
            uploads.put_right(&entry?.path())?;
        }
        sync_folder(&uploads.folder)?;
        Ok(uploads)
    }

    /// Removes bytes without a record and a record without bytes. Other people's files are left alone.
    fn put_right(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (stem, rest) = name.split_once('.').map_or((name, ""), |(stem, rest)| (stem, rest));
        let Ok(id) = stem.parse::<UploadId>() else { return Ok(()) };
        let whole = self.path(id).exists() && self.record(id).exists();
        match rest {
            "" | "json" if !whole => ignore_missing(fs::remove_file(path)),
            "json.new" => ignore_missing(fs::remove_file(path)),
            _ => Ok(()),
        }
    }

    /// The most bytes that an upload may have.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// Where the bytes of an upload lie, whether it is there or not.
    pub(super) fn path(&self, id: UploadId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn record(&self, id: UploadId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Begins an upload, of which nothing has come yet. It is on disk when this returns.
    ///
    /// # Errors
    /// [`UploadError::TooLong`], [`UploadError::DiskFull`], or when the disk fails.
    pub fn create(&self, id: UploadId, new: NewUpload, now: Timestamp) -> Result<(), UploadError> {
        self.check_length(new.length)?;
        self.check_room(new.length.unwrap_or(0))?;
        let NewUpload { length, filename, metadata } = new;
        let record = Record { length, filename, metadata, created_at: now, unchecked_from: None };
        let made = record.write(&self.record(id)).and_then(|()| fs::File::create_new(self.path(id)).map(drop));
        if let Err(error) = made {
            let _ = self.remove_files(id);
            return Err(error.into());
        }
        Ok(sync_folder(&self.folder)?)
    }

    /// An upload as it is now; `None` where there is none of that id.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn get(&self, id: UploadId) -> io::Result<Option<Upload>> {
        let (path, file) = (self.record(id), self.path(id));
        let Some(record) = Record::read(&path)? else { return Ok(None) };
        let (beside, bytes) = match (fs::metadata(&path), fs::metadata(&file)) {
            (Ok(beside), Ok(bytes)) => (beside, bytes),
            // Removed in this moment.
            (Err(error), _) | (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let touched_at = timestamp(beside.modified()?.max(bytes.modified()?));
        let received = record.unchecked_from.map_or(bytes.len(), |from| from.min(bytes.len()));
        let Record { length, filename, metadata, created_at, .. } = record;
        Ok(Some(Upload { id, length, received, filename, metadata, created_at, touched_at }))
    }

    /// Goes on with an upload from its byte `offset`, or from where it is. Its `length` may be said now where it wasn't before.
    /// With a checksum, what comes counts only once it is compared.
    ///
    /// # Errors
    /// [`UploadError`] says why that can't be.
    pub fn append(
        self: &Arc<Self>,
        id: UploadId,
        offset: Option<u64>,
        length: Option<u64>,
        checksum: Option<Checksum>,
    ) -> Result<Writer, UploadError> {
        // A job can only hold what is complete, and nothing comes after that.
        let alone = self.locks.alone(id).map_err(|_| UploadError::Busy)?;
        let Some(mut record) = Record::read(&self.record(id))? else { return Err(UploadError::Unknown) };
        let file = match fs::OpenOptions::new().append(true).open(self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(UploadError::Unknown),
            file => file?,
        };
        let unchecked = record.unchecked_from.take();
        if let Some(from) = unchecked {
            // A crash came before the checksum.
            file.set_len(from.min(file.metadata()?.len()))?;
        }
        let at = file.metadata()?.len();
        if offset.is_some_and(|offset| offset != at) {
            return Err(UploadError::WrongOffset { at });
        }
        let lengthened = self.note_length(&mut record, length, at)?;
        record.unchecked_from = checksum.is_some().then_some(at);
        if lengthened || unchecked.is_some() || checksum.is_some() {
            record.write(&self.record(id))?;
            sync_folder(&self.folder)?;
        }
        self.check_room(record.length.map_or(0, |length| length.saturating_sub(at)))?;
        Ok(Writer::new(Arc::clone(self), alone, record, file, at, checksum))
    }

    /// Asks the one who writes an upload to leave, where nothing has come by it for `silence`. The token is cancelled once it
    /// has left; `None` where nobody is asked.
    #[must_use]
    pub fn part(&self, id: UploadId, silence: Duration) -> Option<CancellationToken> {
        self.locks.part(id, silence)
    }

    /// Whether the record was changed by a length that is said late.
    fn note_length(&self, record: &mut Record, length: Option<u64>, at: u64) -> Result<bool, UploadError> {
        let Some(length) = length else { return Ok(false) };
        if record.length.map_or(length < at, |known| known != length) {
            return Err(UploadError::OtherLength);
        }
        self.check_length(Some(length))?;
        Ok(record.length.replace(length).is_none())
    }

    fn check_length(&self, length: Option<u64>) -> Result<(), UploadError> {
        let most = self.most_bytes;
        if length.is_some_and(|length| length > most) { Err(UploadError::TooLong { most }) } else { Ok(()) }
    }

    fn check_room(&self, needed: u64) -> Result<(), UploadError> {
        let disk = rustix::fs::statvfs(&self.folder).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.min_free_bytes.saturating_add(needed) { Err(UploadError::DiskFull) } else { Ok(()) }
    }

    /// Lets an upload live on from now.
    pub(super) fn touch(&self, id: UploadId) -> io::Result<()> {
        let record = fs::OpenOptions::new().append(true).open(self.record(id))?;
        let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        // By the clock of the file system, which the age is told by.
        let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
        Ok(rustix::fs::futimens(&record, &times)?)
    }

    /// Keeps an upload from being removed; `None` where it is being removed or written.
    pub(super) fn hold(&self, id: UploadId) -> Option<Hold> {
        self.locks.hold(id)
    }

    /// The right to remove an upload: while it is held nobody writes it, and no job that names it can be submitted.
    ///
    /// # Errors
    /// [`UploadError::Unknown`], [`UploadError::Busy`], [`UploadError::Needed`] where a job is being submitted that names it.
    pub fn removal(self: &Arc<Self>, id: UploadId) -> Result<Removal, UploadError> {
        let alone = self.locks.alone(id).map_err(|taken| match taken {
            Taken::Busy => UploadError::Busy,
            Taken::Held => UploadError::Needed,
        })?;
        if self.record(id).exists() {
            Ok(Removal { uploads: Arc::clone(self), alone })
        } else {
            Err(UploadError::Unknown)
        }
    }

    /// The uploads that nothing has come for and nobody has used since `before`, in no order.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn untouched_since(&self, before: Timestamp) -> io::Result<Vec<UploadId>> {
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            match self.get(id) {
                Ok(Some(upload)) if upload.touched_at < before => old.push(id),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "upload {id} can't be looked at"),
            }
        }
        Ok(old)
    }

    fn remove_files(&self, id: UploadId) -> io::Result<()> {
        // What is left after a crash in between is a record without bytes, which the next start removes.
        ignore_missing(fs::remove_file(self.path(id)))?;
        ignore_missing(fs::remove_file(self.record(id)))
    }
}

impl Removal {
    /// Whether nothing has come and nobody has used it since `before`, even now.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn is_untouched_since(&self, before: Timestamp) -> io::Result<bool> {
        Ok(self.uploads.get(self.alone.id)?.is_some_and(|upload| upload.touched_at < before))
    }

    /// Lets it live on from now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(self) -> io::Result<()> {
        self.uploads.touch(self.alone.id)
    }

    /// Removes it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(self) -> io::Result<()> {
        self.uploads.remove_files(self.alone.id)
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(since.as_millis().try_into().unwrap_or(i64::MAX))
}
