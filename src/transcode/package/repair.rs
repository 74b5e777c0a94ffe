//! How much of a fragmented file is whole.

use std::path::Path;

use mp4_atom::Moof;
use tokio_util::sync::CancellationToken;

use super::boxes::{self, Walk};
use super::error::PackageError;

/// The length up to which a fragmented file is whole: up to the end of its last whole fragment, of any number of
/// tracks. A copy that is cut to this length can be read to its end.
///
/// `None` where there is no whole fragment; that the file isn't fragmented is one reason. What is damaged ends the
/// whole part, as what is cut off does.
///
/// # Errors
/// `Io`, `Cancelled`.
pub(in crate::transcode) fn whole_length(path: &Path, token: &CancellationToken) -> Result<Option<u64>, PackageError> {
    let mut walk = Walk::open(path)?;
    let (mut head, mut open, mut whole) = (false, false, None);
    loop {
        if token.is_cancelled() {
            return Err(PackageError::Cancelled);
        }
        let found = match walk.next() {
            Ok(Some(found)) => found,
            Ok(None) | Err(PackageError::Damaged { .. }) => return Ok(whole),
            Err(error) => return Err(error),
        };
        match &found.kind {
            b"moov" => head = true,
            b"moof" => {
                let sound = walk.bytes(&found).and_then(|bytes| boxes::decode::<Moof>(&bytes, &found, path));
                match sound {
                    Ok(_) => open = true,
                    Err(PackageError::Damaged { .. }) => return Ok(whole),
                    Err(error) => return Err(error),
                }
            }
            b"mdat" if head && open => {
                open = false;
                whole = Some(walk.at());
            }
            b"mfra" if walk.at_end() && whole.is_some() => whole = Some(walk.at()),
            _ => {}
        }
    }
}
