//! Reads a finished file in this process: its hash, its size and what is in it, to its last packet.
//!
//! - [`mod@digest`] sums up the bytes.
//! - [`demux`] reads the packets.
//! - [`found`] is what comes of that.
//!
//! Which of the two may be believed, and what the file should hold, is up to `verify`.

mod demux;
mod digest;
mod found;
mod tracks;

pub(in crate::transcode) use demux::{Contents, read};
pub(in crate::transcode) use digest::{Digest, digest, digest_folder};
pub(in crate::transcode) use found::Found;
#[cfg(test)]
pub(in crate::transcode) use found::FoundAudio;
