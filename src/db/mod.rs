//! Rows: jobs on disk, and all that must happen to them in one transaction.
//!
//! [`Store`] is the interface; `sqlite` is the embedded database that carries it out. The tables are explained in
//! `migrations/`. What a change means for a job is decided in [`crate::domain::job`], for every store alike.

mod error;
mod model;
mod sqlite;
mod store;

pub use error::Error;
pub use model::{
    CancelAnswer, Claimed, Claims, History, IdempotencyKey, ListQuery, NewJob, Page, Renewal, Retention, Rules,
    StateEvent, Submitted, Tidied,
};
pub use sqlite::{SqliteStore, backup};
pub use store::{Answer, OnCommit, Store};
