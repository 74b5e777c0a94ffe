//! One attempt at a job: from looking at the input to published outputs, or to what is left of them.
//!
//! `attempt` takes the steps, `drive` runs ffmpeg in each, `meter` tells how far all of it is, and `clean` takes out of
//! ffmpeg's words what is nobody's business. `finish` publishes; `salvage` saves what a stopped ffmpeg has left, `remains`
//! what a killed one has.

pub(super) mod attempt;
pub(super) mod clean;
mod drive;
pub(super) mod finish;
pub(super) mod meter;
pub(super) mod remains;
pub(super) mod salvage;
