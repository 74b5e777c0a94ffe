//! What the tests stand on: the real binary on a folder of its own, a client, clips, and a check at the end that nothing
//! is left over.

mod clips;
mod disk;
mod events;
mod fake;
mod node;
mod processes;
mod server;
mod sources;
mod wait;

pub use clips::{blip, clip, media_root, slow_clip, turn_clockwise};
pub use disk::Tmpfs;
pub use events::{Event, Events};
pub use fake::{let_go, victim};
pub use node::node;
pub use processes::{memory_kib, processes_naming, zombies_of};
pub use server::{Options, Server, slow_job};
pub use sources::{Facts, Made, Source, Trouble, sources};
pub use wait::{LONG, eventually, within};

/// Whether the tests take the time that `make test-long` has.
pub fn long_run() -> bool {
    std::env::var_os("TRANSCODED_TEST_LONG").is_some_and(|value| value == "1")
}
