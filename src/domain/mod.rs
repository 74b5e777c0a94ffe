//! The words and the rules: plain values with no database, no HTTP, no processes and no clock of their own.

pub mod decision;
pub mod document;
pub mod failure;
pub mod format;
pub mod id;
pub mod input;
pub mod invalid;
pub mod job;
pub mod log;
pub mod media;
pub mod output;
pub mod planned;
pub mod preset;
pub mod request;
mod strict;
pub mod time;
