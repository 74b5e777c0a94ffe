//! Why bytes can't be taken.

use std::io;

/// Why an upload can't be written or removed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is none of that id.
    #[error("there is no such upload; what isn't used for a while is removed")]
    Unknown,
    /// Another request is writing it.
    #[error("another request is writing this upload")]
    Busy,
    /// A job needs it.
    #[error("a job that isn't over needs this upload")]
    Needed,
    /// The bytes don't go on where the ones before ended.
    #[error("the upload has {at} bytes, so that is where it goes on")]
    WrongOffset {
        /// How many bytes there are.
        at: u64,
    },
    /// More bytes came than it may have.
    #[error("the upload may have {most} bytes at most")]
    TooLong {
        /// How many it may have.
        most: u64,
    },
    /// Its length is another one, or smaller than what has come already.
    #[error("the upload's length can't be changed to that")]
    OtherLength,
    /// The disk has too little room.
    #[error("the server's disk has too little room")]
    DiskFull,
    /// The bytes aren't those that the checksum is of.
    #[error("the bytes aren't those that the checksum is of; none of them was kept")]
    Mismatch,
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}
