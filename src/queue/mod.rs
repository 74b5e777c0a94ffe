//! The queue as the rest of the house sees it: jobs go in, are claimed, watched and cancelled.
//!
//! It brings together the rows ([`crate::db`]), the tokens that reach the running jobs (`registry`) and the events that
//! clients follow (`feed`). What is true is in the database; the other two follow its commits.

mod feed;
mod intake;
mod jobs;
mod log;
mod registry;

pub use feed::{Feed, Frame, LogFrame};
pub use intake::Intake;
pub use jobs::{CancelAnswer, Queue};
pub use log::JobLog;
pub use registry::{Entry, Grace};
