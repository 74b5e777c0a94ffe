//! Following a job: from the bytes of its event stream to a progress bar, and Ctrl-C on the way.

mod bar;
mod events;
mod follow;
mod screen;
mod session;
mod sse;
#[cfg(test)]
mod tests;

pub(super) use follow::{Follow, Patience};
pub(super) use session::watch;
