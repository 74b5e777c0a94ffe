//! Why a package could not be made.

use std::io;
use std::path::{Path, PathBuf};

/// Why reading a fragmented file, or making a package of it, has failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::transcode) enum PackageError {
    /// The token was cancelled. What has been written until then is left to the caller to remove.
    #[error("packaging was stopped")]
    Cancelled,
    /// The encoder was stopped before it had written one whole fragment of this file, or none that all renditions have.
    #[error("nothing whole has been written to {file} yet")]
    NothingWhole {
        /// The file's name, without its folder.
        file: String,
    },
    /// The file isn't what an encoder writes.
    #[error("{file} is damaged at byte {at}: {what}")]
    Damaged {
        /// The file's name, without its folder.
        file: String,
        /// Where the box begins that is damaged.
        at: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The file is sound, but nothing that a player could be given.
    #[error("{file} can't be packaged: {what}")]
    Unsupported {
        /// The file's name, without its folder.
        file: String,
        /// What stands against it.
        what: String,
    },
    /// Reading or writing has failed; a full disk is `StorageFull`.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl PackageError {
    /// Says which file an I/O error belongs to.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }

    pub(super) fn damaged(path: &Path, at: u64, what: impl Into<String>) -> Self {
        Self::Damaged { file: name(path), at, what: what.into() }
    }

    pub(super) fn unsupported(path: &Path, what: impl Into<String>) -> Self {
        Self::Unsupported { file: name(path), what: what.into() }
    }

    pub(super) fn nothing_whole(path: &Path) -> Self {
        Self::NothingWhole { file: name(path) }
    }
}

/// The last part of a path: messages go to people who have no business with the rest.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
