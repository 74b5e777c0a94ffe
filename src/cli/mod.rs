//! The command line's client side: it submits, follows, lists and cancels jobs on a server, explains the machine, and
//! copies a server's database.
//!
//! It knows the HTTP contract and the words of `domain`, and of the server's inside only where its database is.

mod args;
mod backup;
mod change;
mod client;
mod doctor;
mod download;
mod error;
mod interrupts;
mod list;
mod media;
mod outcome;
mod plan;
mod print;
mod problem;
mod result;
mod run;
mod server_url;
mod submit;
mod text;
mod upload;
mod watch;

pub use args::{Command, Connection};
pub use run::{run, show};
