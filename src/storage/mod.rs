//! Bytes on disk: what jobs may read, and what they make.
//!
//! - [`MediaRoots`] turns the name of an input into the path of a file inside a media root, or refuses it.
//! - [`Files`] gives every attempt a [`Workspace`] and keeps what was published from it.

mod address;
mod files;
mod roots;
mod workspace;

pub use files::Files;
pub use roots::{InputError, MediaRoots};
pub use workspace::Workspace;
