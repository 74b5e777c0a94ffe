//! Reads a finished file in this process: its hash, its size and what is in it, to its last packet.
//!
//! - [`mod@digest`] sums up the bytes.
//! - [`demux`] reads the packets.
//!
//! Which of the two may be believed, and what the file should hold, is up to `verify`.

mod demux;
mod digest;
mod tracks;

pub(in crate::transcode) use demux::{Contents, read};
pub(in crate::transcode) use digest::{Digest, digest, digest_folder};
