//! The one place where the name of an input becomes the path of a file, whatever kind of input it is.

use std::path::PathBuf;
use std::sync::Arc;

use super::address::{self, Address};
use super::roots::{InputError, MediaRoots, unreadable};
use super::uploads::{Hold, Uploads};
use crate::domain::id::UploadId;

/// Everything that may be named as an input.
#[derive(Clone, Debug)]
pub struct Inputs {
    roots: Arc<MediaRoots>,
    uploads: Arc<Uploads>,
}

/// An input that is there, and as long as this is held isn't removed.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "it is held, not looked at")] Option<Hold>);

impl Inputs {
    /// The files in the media roots, and the uploads.
    #[must_use]
    pub fn new(roots: MediaRoots, uploads: Arc<Uploads>) -> Self {
        Self { roots: Arc::new(roots), uploads }
    }

    /// Finds the real, absolute path of an input, without blocking the task. An upload lives on from its use.
    ///
    /// # Errors
    /// [`InputError`] says what is wrong with it.
    pub async fn find(&self, input: &str) -> Result<PathBuf, InputError> {
        match address::read(input)? {
            Address::Upload(id) => self.find_upload(id).await,
            Address::Relative(_) | Address::Absolute(_) | Address::Web => self.roots.find(input).await,
        }
    }

    /// Sees to it that an input is there and stays until a job is on record that names it.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub async fn claim(&self, input: &str) -> Result<Claim, InputError> {
        let hold = match address::read(input)? {
            Address::Upload(id) => Some(self.hold(id).await?),
            Address::Relative(_) | Address::Absolute(_) | Address::Web => None,
        };
        self.find(input).await.map(|_| Claim(hold))
    }

    async fn hold(&self, id: UploadId) -> Result<Hold, InputError> {
        match self.uploads.hold(id) {
            Some(hold) => Ok(hold),
            // Why it can't be held is mostly that it isn't there as a whole.
            None => Err(self.find_upload(id).await.err().unwrap_or(InputError::Busy)),
        }
    }

    async fn find_upload(&self, id: UploadId) -> Result<PathBuf, InputError> {
        let uploads = Arc::clone(&self.uploads);
        let look = move || match uploads.get(id).map_err(unreadable)? {
            None => Err(InputError::NoUpload),
            Some(upload) if !upload.is_complete() => Err(InputError::Incomplete { received: upload.received }),
            Some(_) => {
                uploads.touch(id).map_err(unreadable)?;
                Ok(uploads.path(id))
            }
        };
        let found = tokio::task::spawn_blocking(look).await;
        found.unwrap_or_else(|_| Err(InputError::Unreadable { why: "the server is stopping".to_owned() }))
    }
}
