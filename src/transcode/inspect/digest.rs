//! The size and the SHA-256 of a file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

/// What the bytes of a file come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Digest {
    /// How many there are.
    pub(in crate::transcode) size_bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub(in crate::transcode) sha256: String,
}

/// Reads the whole file; blocks.
///
/// # Errors
/// When it can't be read, or, as `Interrupted`, once `token` is cancelled.
pub(in crate::transcode) fn digest(path: &Path, token: &CancellationToken) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size_bytes = 0;
    loop {
        if token.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                hash.update(&buffer[..count]);
                size_bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut sha256 = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a String can't fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Digest { size_bytes, sha256 })
}
