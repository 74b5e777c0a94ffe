//! The checksums that a client may send with its bytes.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
}

/// A checksum of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it is made.
    pub digest: Digest,
    /// What is to come out.
    pub expected: Vec<u8>,
}

/// A checksum in the making.
#[derive(Debug)]
pub(super) enum Summing {
    Sha1(Sha1, Vec<u8>),
    Sha256(Sha256, Vec<u8>),
}

impl From<Checksum> for Summing {
    fn from(checksum: Checksum) -> Self {
        match checksum.digest {
            Digest::Sha1 => Self::Sha1(Sha1::new(), checksum.expected),
            Digest::Sha256 => Self::Sha256(Sha256::new(), checksum.expected),
        }
    }
}

impl Summing {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sum, _) => sum.update(bytes),
            Self::Sha256(sum, _) => sum.update(bytes),
        }
    }

    /// Whether what was added is what was expected.
    pub(super) fn matches(self) -> bool {
        match self {
            Self::Sha1(sum, expected) => sum.finalize().as_slice() == expected,
            Self::Sha256(sum, expected) => sum.finalize().as_slice() == expected,
        }
    }
}
