//! What the tests stand on: the real binary on a folder of its own, a client, clips, and a check at the end that nothing
//! is left over.

mod clips;
mod disk;
mod events;
mod fake;
mod processes;
mod server;
mod wait;

pub use clips::{blip, clip, media_root, slow_clip};
pub use disk::{Filler, Tmpfs};
pub use events::{Event, Events};
pub use fake::{let_go, victim};
pub use processes::{memory_kib, processes_naming, zombies_of};
pub use server::{Options, Server, slow_job};
pub use wait::{eventually, within};
