//! The media roots: the only folders whose files may be named as inputs.
//!
//! The kernel itself keeps a look-up inside its root (`openat2` with `RESOLVE_BENEATH`), so neither `..` nor a symlink
//! leads out of it. What is in a file is not looked at here.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::address::{self, Address};

/// Why an input can't be read. The messages tell nothing that the client didn't write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// There is no such file in any media root.
    #[error("there is no such file in the server's media folders")]
    Missing,
    /// It is something else than a regular file.
    #[error("the input is {what}, not a file")]
    NotAFile {
        /// What it is, such as `a folder`.
        what: &'static str,
    },
    /// It lies outside the media roots, or a link leads out of them.
    #[error("the input lies outside the server's media folders; name it by its path inside one of them")]
    Outside,
    /// The server may not read it, or the disk failed.
    #[error("the server can't read the input: {why}")]
    Unreadable {
        /// Why, in the system's words.
        why: String,
    },
    /// There is no such upload.
    #[error("there is no such upload; what isn't used for a while is removed")]
    NoUpload,
    /// Not all of the upload has come.
    #[error("the upload isn't complete yet: {received} bytes have come")]
    Incomplete {
        /// How many bytes have come.
        received: u64,
    },
    /// The upload is being removed at this moment.
    #[error("the upload is being written or removed at this moment")]
    Busy,
    /// Inputs of that kind aren't read.
    #[error(
        "inputs by {scheme}: are not supported; give a path inside a media folder (one with a colon as ./a:b.mp4), an \
         upload, or a http:// or https:// URL"
    )]
    Unsupported {
        /// The scheme without its colon.
        scheme: String,
    },
    /// It lies on another server, so it is no file here.
    #[error("the input lies on another server, and isn't fetched here")]
    Elsewhere,
    /// It lies on another server, and can't or mustn't be fetched from there.
    #[error("{why}")]
    Unfetchable {
        /// Why, without anything of its URL.
        why: String,
    },
    /// No file can be named like that.
    #[error("the input's name {why}")]
    Odd {
        /// What is odd about it.
        why: &'static str,
    },
}

/// File systems on disks and in memory of this machine, by their numbers in `linux/magic.h`: ext4 and its elders, XFS,
/// Btrfs, tmpfs.
const LOCAL: [rustix::fs::FsWord; 4] = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994];

/// The folders that inputs may lie in.
#[derive(Debug)]
pub struct MediaRoots {
    roots: Vec<Root>,
}

#[derive(Debug)]
struct Root {
    folder: OwnedFd,
    /// Whether what the kernel remembers of it can be looked up without asking a server or another process.
    local: bool,
    /// As it was configured, made absolute, and as it really is: a URL may use either.
    paths: [PathBuf; 2],
}

impl MediaRoots {
    /// Opens the folders, which stay open: one that is moved later is still the same root.
    ///
    /// # Errors
    /// When one of them isn't there, isn't a folder or can't be read.
    pub fn open(paths: &[PathBuf]) -> io::Result<Self> {
        let roots = paths.iter().map(|path| Root::open(path)).collect::<io::Result<_>>()?;
        Ok(Self { roots })
    }

    /// As [`resolve`](Self::resolve), without blocking the task: an input that was in use a moment ago is found at once,
    /// as a change of threads would cost more than the look; for all others a thread is taken that may block.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub async fn find(self: &Arc<Self>, input: &str) -> Result<PathBuf, InputError> {
        if let Some(path) = self.find_in_memory(input) {
            return Ok(path);
        }
        let (roots, input) = (Arc::clone(self), input.to_owned());
        let found = tokio::task::spawn_blocking(move || roots.resolve(&input)).await;
        found.unwrap_or_else(|_| Err(InputError::Unreadable { why: "the server is stopping".to_owned() }))
    }

    /// Finds an input in the first root where that takes no disk and no network. `None` says nothing about it.
    fn find_in_memory(&self, input: &str) -> Option<PathBuf> {
        let address = address::read(input).ok()?;
        let (root, path) = self.roots.iter().find_map(|root| Some((root, root.relative(&address)?)))?;
        root.local.then(|| root.look_up(path, Reach::Memory).ok())?
    }

    /// Finds the real, absolute path of an input; blocks as long as the file system takes.
    ///
    /// `input` is a path relative to a media root, the roots being tried in their order, or a `file://` URL of a file
    /// inside one. Nothing is read, and a FIFO or a device is not touched.
    ///
    /// # Errors
    /// [`InputError`] says what is wrong with it.
    pub fn resolve(&self, input: &str) -> Result<PathBuf, InputError> {
        let address = address::read(input)?;
        let mut refusal = None;
        for root in &self.roots {
            let Some(path) = root.relative(&address) else { continue };
            match root.look_up(path, Reach::Disk) {
                Ok(found) => return Ok(found),
                // What is wrong with a file in one root says more than that another root has no such file.
                Err(error) if refusal.is_none() || refusal == Some(InputError::Missing) => refusal = Some(error),
                Err(_) => {}
            }
        }
        Err(refusal.unwrap_or(match address {
            Address::Relative(_) | Address::Upload(_) => InputError::Missing,
            Address::Absolute(_) => InputError::Outside,
            Address::Web => InputError::Elsewhere,
        }))
    }
}

impl Root {
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        let local = LOCAL.contains(&rustix::fs::fstatfs(&folder)?.f_type);
        Ok(Self { folder, local, paths: [std::path::absolute(path)?, path.canonicalize()?] })
    }

    /// The path below this root; `None` where an absolute one lies elsewhere.
    fn relative<'a>(&self, address: &'a Address) -> Option<&'a Path> {
        match address {
            Address::Relative(path) => Some(path),
            Address::Absolute(path) => self.paths.iter().find_map(|base| path.strip_prefix(base).ok()),
            Address::Upload(_) | Address::Web => None,
        }
    }

    fn look_up(&self, path: &Path, reach: Reach) -> Result<PathBuf, InputError> {
        // An empty rest is the root itself.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        // O_PATH opens nothing yet: a FIFO would block, and some devices act when they are opened.
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | reach.flags();
        let found = rustix::fs::openat2(&self.folder, path, flags, Mode::empty(), within).map_err(refused)?;
        let stat = rustix::fs::fstat(&found).map_err(refused)?;
        check_kind(FileType::from_raw_mode(stat.st_mode))?;
        let link = format!("/proc/self/fd/{}", found.as_raw_fd());
        // Without waiting for somebody else's lease on the file.
        let nonblock = OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(nonblock).open(&link).map_err(unreadable)?;
        std::fs::read_link(&link).map_err(unreadable)
    }
}

/// How far a look-up goes.
#[derive(Clone, Copy, Debug)]
enum Reach {
    /// No further than what the kernel remembers, and not into another file system.
    Memory,
    /// As far as it takes.
    Disk,
}

impl Reach {
    const fn flags(self) -> ResolveFlags {
        match self {
            Self::Memory => ResolveFlags::CACHED.union(ResolveFlags::NO_XDEV),
            Self::Disk => ResolveFlags::empty(),
        }
    }
}

fn refused(error: Errno) -> InputError {
    match error {
        Errno::NOENT | Errno::NOTDIR => InputError::Missing,
        Errno::XDEV => InputError::Outside,
        Errno::LOOP => InputError::Odd { why: "leads through too many links" },
        Errno::NAMETOOLONG => InputError::Odd { why: "is too long" },
        error => unreadable(error.into()),
    }
}

/// `error` comes without a path, which a client may not see.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
pub(super) fn unreadable(error: io::Error) -> InputError {
    let why = match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        kind => kind.to_string(),
    };
    InputError::Unreadable { why }
}

fn check_kind(kind: FileType) -> Result<(), InputError> {
    let what = match kind {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a folder",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "something special",
    };
    Err(InputError::NotAFile { what })
}
