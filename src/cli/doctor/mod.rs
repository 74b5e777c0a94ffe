//! `transcoded doctor`: explains the machine, a line for each thing that a server needs.

mod disk;
mod finding;
mod run;
mod server;
mod tools;

pub(super) use run::doctor;
