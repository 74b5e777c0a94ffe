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
    Ok(Digest { size_bytes, sha256: hex(&hash.finalize()) })
}

/// Sums up the files of a folder: how many bytes they have together, how many there are, and the SHA-256 of the list that
/// `sha256sum` would print of them in the order of their names (`<hash>  <path>` and a newline each); blocks.
///
/// # Errors
/// As [`digest`].
pub(in crate::transcode) fn digest_folder(folder: &Path, token: &CancellationToken) -> io::Result<(Digest, u32)> {
    let mut names = Vec::new();
    list(folder, "", &mut names)?;
    names.sort();
    let (mut hash, mut size_bytes) = (Sha256::new(), 0);
    for name in &names {
        let one = digest(&folder.join(name), token)?;
        size_bytes += one.size_bytes;
        hash.update(format!("{}  {name}\n", one.sha256));
    }
    let digest = Digest { size_bytes, sha256: hex(&hash.finalize()) };
    Ok((digest, u32::try_from(names.len()).unwrap_or(u32::MAX)))
}

/// The paths of all files below a folder, relative to it.
fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
