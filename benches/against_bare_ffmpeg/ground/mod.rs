//! What all measurements stand on: the server under test, clients for it, inputs, and processes that are seen to end.

mod clips;
mod connection;
mod events;
mod processes;
mod server;
mod stand_in;
mod world;

pub(crate) use clips::{LONG, ONE_FRAME, REAL};
pub(crate) use connection::{Connection, load};
pub(crate) use events::Events;
pub(crate) use processes::{Group, eventually, naming, resident_mib, ticks, ticks_of_children};
pub(crate) use server::Server;
pub(crate) use stand_in::{Role, recorded, started_after};
pub(crate) use world::{Result, World};
