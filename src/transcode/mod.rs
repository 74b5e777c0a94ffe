//! From a job to verified, published outputs.
//!
//! A [`Transcoder`] looks at the input (`probes`), decides what ffmpeg is to do (`plan`, `raw`), runs it in the job's
//! mode (`attempt`), reads every output to its end (`inspect`), compares it with the plan (`verify`), and publishes all
//! of them in one step. What a stopped ffmpeg has left is decoded before it is published (`salvage`).
//!
//! A stream that is copied can only be cut at its key frames: with `copy`, a trim's start moves to a key frame nearby.

mod attempt;
mod blame;
mod classify;
mod clean;
mod copying;
mod encoders;
mod finish;
mod inspect;
mod meter;
mod order;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "wired in a later commit"))]
mod package;
mod picture;
mod plan;
mod probes;
mod produce;
mod raw;
mod salvage;
mod sound;
mod space;
mod span;
mod toolchain;
mod transcoder;
mod verify;

pub use order::{Controls, End, Observer, Order, Outcome};
pub use toolchain::Toolchain;
pub use transcoder::{ProbeFailure, Transcoder};
