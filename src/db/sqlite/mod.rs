//! The embedded database. All writing goes through one thread that commits what has queued up since its last commit in
//! one transaction (`writer`); reading has connections of its own (`readers`).
//!
//! rusqlite and not sqlx: a transaction is a closure on the writer's thread, so that no dropped future can leave one open
//! and no statement waits for a channel.
//!
//! The leases themselves are in a temporary table in memory: only one server can have the database, so they end with it,
//! renewing them costs no sync, and a full disk can't end them.

mod backup;
mod claiming;
mod events;
mod finishing;
mod listing;
mod open;
mod page;
mod queueing;
mod readers;
mod requests;
mod rows;
mod store;
mod tidying;
mod writer;

pub use backup::backup;
pub use store::SqliteStore;
