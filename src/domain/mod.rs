//! The words and the rules: plain values with no database, no HTTP, no processes and no clock of their own.

pub mod media;
