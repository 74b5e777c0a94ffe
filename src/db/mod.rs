//! Rows: the jobs, their attempts and events on an embedded SQLite database.
//!
//! All writing goes through one thread that commits what has queued up since its last commit in one transaction
//! (`writer`); reading has connections of its own (`readers`). The tables are explained in `migrations/sqlite/`.
//!
//! rusqlite and not sqlx: a transaction is a closure on the writer's thread, so that no dropped future can leave one
//! open and no statement waits for a channel.

mod cancelling;
mod error;
mod events;
mod finishing;
mod listing;
mod open;
mod queueing;
mod readers;
mod rows;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use cancelling::CancelAnswer;
pub use error::Error;
pub use events::StateEvent;
pub use finishing::{AttemptEnd, Ending};
pub use listing::{ListQuery, Page};
pub use queueing::{Claimed, IdempotencyKey, NewJob, Submitted};
pub use store::Store;
