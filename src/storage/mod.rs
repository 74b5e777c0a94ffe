//! Bytes on disk: what jobs may read, and what they make.
//!
//! - [`MediaRoots`] turns the name of an input into the path of a file inside a media root, or refuses it.
//! - [`Uploads`] takes the bytes that clients send, and [`Inputs`] finds either kind of input by its name.
//! - [`Files`] gives every attempt a [`Workspace`] and keeps what was published from it; a [`Temporary`] is for what is
//!   short.

mod address;
mod files;
mod inputs;
mod roots;
mod temporary;
mod uploads;
mod workspace;

pub use files::Files;
pub use inputs::{Claim, Inputs};
pub use roots::{InputError, MediaRoots};
pub use temporary::Temporary;
pub use uploads::{Checksum, Digest, NewUpload, Removal, Upload, UploadError, Uploads, Writer};
pub use workspace::Workspace;
