//! The event streams: of one job and of all.

mod endpoints;
mod stream;

pub(super) use endpoints::{__path_all, __path_one, all, one};
