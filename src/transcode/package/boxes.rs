//! Walks over the boxes of an MP4 file: where each begins and ends, without reading what is in it.
//!
//! A box whose end lies beyond the end of the file is what a killed writer leaves; it ends the walk. What can't be a
//! box at all is damage. What is inside the boxes is up to `fragments` and `init`.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use mp4_atom::Atom;
use tracing::subscriber::NoSubscriber;

use super::error::PackageError;

/// The largest box that is read into memory: the index of a fragment with a million samples has about 16 MB.
const MOST_IN_MEMORY: u64 = 64 << 20;

/// The boxes that stand at the top of a file.
const AT_THE_TOP: &[&[u8; 4]] = &[
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"ssix", b"prft", b"emsg", b"free", b"skip", b"wide",
    b"meta", b"uuid", b"mfra", b"pdin",
];

/// One box at the top of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TopBox {
    pub(super) kind: [u8; 4],
    /// Where it begins.
    pub(super) at: u64,
    /// How long it is, its header included.
    pub(super) length: u64,
    /// How long its header is: 8, or 16 where the length takes 64 bits.
    pub(super) header: u64,
}

impl TopBox {
    pub(super) fn end(&self) -> u64 {
        self.at + self.length
    }
}

/// Reads one file from box to box.
pub(super) struct Walk {
    file: BufReader<File>,
    path: PathBuf,
    at: u64,
    length: u64,
}

impl Walk {
    /// Opens `path`. A file that grows is read up to the length that it has now.
    pub(super) fn open(path: &Path) -> Result<Self, PackageError> {
        let file = File::open(path).map_err(PackageError::io(path))?;
        let length = file.metadata().map_err(PackageError::io(path))?.len();
        Ok(Self { file: BufReader::new(file), path: path.to_owned(), at: 0, length })
    }

    /// Where the next box begins; after the last one, where the part that is whole ends.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How long the file is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether there is nothing after the last whole box.
    pub(super) fn at_end(&self) -> bool {
        self.at == self.length
    }

    /// The next whole box, or `None` where none is left.
    ///
    /// # Errors
    /// `Damaged` where no box can be, `Io`.
    pub(super) fn next(&mut self) -> Result<Option<TopBox>, PackageError> {
        let left = self.length - self.at;
        if left < 8 {
            return Ok(None);
        }
        self.seek(self.at)?;
        let head = self.read::<8>()?;
        let (size, kind) = (u64::from(be32(&head, 0)), [head[4], head[5], head[6], head[7]]);
        if !AT_THE_TOP.contains(&&kind) {
            return Err(self.damaged(format!("there is no box of the kind {:?}", kind.escape_ascii().to_string())));
        }
        let (length, header) = match size {
            1 if left < 16 => return Ok(None),
            1 => (u64::from_be_bytes(self.read()?), 16),
            size => (size, 8),
        };
        if length < header {
            return Err(self.damaged(format!("the box says that it is {length} bytes long")));
        }
        if length > left {
            return Ok(None);
        }
        let found = TopBox { kind, at: self.at, length, header };
        self.at += length;
        Ok(Some(found))
    }

    /// Reads a whole box, its header included, into memory.
    ///
    /// # Errors
    /// `Damaged` where it is too large for that, `Io`.
    pub(super) fn bytes(&mut self, found: &TopBox) -> Result<Vec<u8>, PackageError> {
        if found.length > MOST_IN_MEMORY {
            return Err(PackageError::damaged(&self.path, found.at, format!("the box has {} bytes", found.length)));
        }
        self.seek(found.at)?;
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(found.length).read_to_end(&mut bytes).map_err(PackageError::io(&self.path))?;
        if read as u64 != found.length {
            return Err(PackageError::damaged(&self.path, found.at, "the file has become shorter"));
        }
        Ok(bytes)
    }

    fn seek(&mut self, to: u64) -> Result<(), PackageError> {
        // A jump within what has been read ahead costs nothing.
        let here = self.file.stream_position().map_err(PackageError::io(&self.path))?;
        match i64::try_from(to).ok().zip(i64::try_from(here).ok()) {
            Some((to, here)) => self.file.seek_relative(to - here),
            None => self.file.seek(SeekFrom::Start(to)).map(|_| ()),
        }
        .map_err(PackageError::io(&self.path))
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N], PackageError> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).map_err(PackageError::io(&self.path))?;
        Ok(bytes)
    }

    fn damaged(&self, what: String) -> PackageError {
        PackageError::damaged(&self.path, self.at, what)
    }
}

/// Decodes a box and all that is in it. `bytes` begin with its header.
///
/// # Errors
/// `Damaged`.
pub(super) fn decode<T: Atom>(bytes: &[u8], found: &TopBox, path: &Path) -> Result<T, PackageError> {
    let damaged = |what: String| PackageError::damaged(path, found.at, format!("{}: {what}", T::KIND));
    // The header is 8 or 16 bytes long, and the box has at least as many.
    let mut body = bytes.get(usize::try_from(found.header).unwrap_or(8)..).unwrap_or_default();
    // It warns of every box that it doesn't know, and ffmpeg writes many that nobody needs.
    let decoded = tracing::subscriber::with_default(NoSubscriber::new(), || T::decode_body(&mut body));
    match decoded {
        Ok(_) if !body.is_empty() => Err(damaged("there is more in it than boxes".to_owned())),
        decoded => decoded.map_err(|error| damaged(error.to_string())),
    }
}

/// Finds the box at the end of `path` inside `bytes`, which begin with a box: the range of what is in it.
///
/// Only for boxes that hold nothing but boxes. `None` where there is no such box or one of them doesn't fit.
pub(super) fn inside(bytes: &[u8], path: &[&[u8; 4]]) -> Option<std::ops::Range<usize>> {
    let mut range = 0..bytes.len();
    for kind in path {
        range = children(bytes, range).find(|(found, _)| found == *kind)?.1;
    }
    Some(range)
}

/// The boxes in a range of `bytes`: the kind of each and where its content is. Stops at the first that doesn't fit.
pub(super) fn children(
    bytes: &[u8],
    range: std::ops::Range<usize>,
) -> impl Iterator<Item = ([u8; 4], std::ops::Range<usize>)> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let head = bytes.get(at..range.end)?.first_chunk::<8>()?;
        let size = usize::try_from(be32(head, 0)).ok()?;
        let end = at.checked_add(size).filter(|end| size >= 8 && *end <= range.end)?;
        let found = ([head[4], head[5], head[6], head[7]], at + 8..end);
        at = end;
        Some(found)
    })
}

/// Four bytes as a number; 0 where there are fewer.
pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
