//! Copies the fragments of one rendition into its segments.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::boxes;
use super::error::PackageError;
use super::fragments::{Fragment, Index};
use super::plan::Segment;

/// The name of the init segment.
pub(super) const INIT: &str = "init.mp4";

/// How much is copied between two looks at the token.
const CHUNK: u64 = 1 << 20;

/// The name of a segment; the first is 1.
pub(super) fn file_name(number: usize) -> String {
    format!("{number:05}.m4s")
}

/// Writes `init.mp4` and one file for each segment into `folder`, which is made; returns the size of each, the init
/// segment's first.
///
/// # Errors
/// `Cancelled`, `Io` (a full disk is one), `Damaged` where a fragment can't be moved in time.
pub(super) fn write(
    index: &Index,
    segments: &[Segment],
    folder: &Path,
    token: &CancellationToken,
) -> Result<Vec<u64>, PackageError> {
    fs::create_dir_all(folder).map_err(PackageError::io(folder))?;
    let init = folder.join(INIT);
    write_file(&init, &index.init)?;
    let mut sizes = vec![index.init.len() as u64];
    let mut copy = Copy { source: File::open(&index.path).map_err(PackageError::io(&index.path))?, index, token };
    for (number, segment) in segments.iter().enumerate() {
        sizes.push(copy.segment(segment, &folder.join(file_name(number + 1)))?);
    }
    Ok(sizes)
}

/// Writes a file that must not be there yet.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), PackageError> {
    let write = || create(path)?.write_all(bytes);
    write().map_err(PackageError::io(path))
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

struct Copy<'a> {
    source: File,
    index: &'a Index,
    token: &'a CancellationToken,
}

impl Copy<'_> {
    fn segment(&mut self, segment: &Segment, path: &Path) -> Result<u64, PackageError> {
        let mut file = create(path).map_err(PackageError::io(path))?;
        let mut written = 0;
        for fragment in &self.index.fragments[segment.fragments.clone()] {
            let mut head = self.head(fragment)?;
            self.delay(&mut head, fragment)?;
            file.write_all(&head).map_err(PackageError::io(path))?;
            self.rest(fragment, &mut file, path)?;
            written += fragment.length;
        }
        Ok(written)
    }

    /// The `moof` of a fragment.
    fn head(&mut self, fragment: &Fragment) -> Result<Vec<u8>, PackageError> {
        let mut head = Vec::new();
        self.source
            .seek(SeekFrom::Start(fragment.at))
            .and_then(|_| (&mut self.source).take(fragment.head).read_to_end(&mut head))
            .map_err(PackageError::io(&self.index.path))?;
        Ok(head)
    }

    /// Adds what the whole track is late to the fragment's time.
    fn delay(&self, head: &mut [u8], fragment: &Fragment) -> Result<(), PackageError> {
        if self.index.track.later == 0 {
            return Ok(());
        }
        let time = fragment.decode.saturating_add(self.index.track.later);
        let place = boxes::inside(head, &[b"moof", b"traf", b"tfdt"]).and_then(|place| head.get_mut(place));
        let done = match place {
            Some([1, _, _, _, time_64 @ ..]) => time_64.first_chunk_mut().map(|bytes| *bytes = time.to_be_bytes()),
            Some([0, _, _, _, time_32 @ ..]) => {
                let time = u32::try_from(time).ok();
                time_32.first_chunk_mut().zip(time).map(|(bytes, time)| *bytes = time.to_be_bytes())
            }
            _ => None,
        };
        done.ok_or_else(|| PackageError::damaged(&self.index.path, fragment.at, "its time can't be changed"))
    }

    /// Everything of a fragment after its `moof`; the source stands there.
    fn rest(&mut self, fragment: &Fragment, to: &mut File, path: &Path) -> Result<(), PackageError> {
        let mut left = fragment.length - fragment.head;
        while left > 0 {
            if self.token.is_cancelled() {
                return Err(PackageError::Cancelled);
            }
            let part = left.min(CHUNK);
            // `File` to `File`, so that the kernel may copy, or share the blocks.
            let copied = io::copy(&mut (&mut self.source).take(part), to).map_err(PackageError::io(path))?;
            if copied != part {
                return Err(PackageError::damaged(&self.index.path, fragment.at, "the file has become shorter"));
            }
            left -= part;
        }
        Ok(())
    }
}
