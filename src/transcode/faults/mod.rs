//! Why something went wrong, in words for people: what ffmpeg meant (`classify`, by its `lines`), and whose fault it is when
//! an output isn't as planned (`blame`).

pub(super) mod blame;
pub(super) mod classify;
mod lines;
