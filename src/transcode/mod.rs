//! From a job to verified, published outputs.
//!
//! A [`Transcoder`] finds or fetches the input (`input`), looks at it (`probes`), decides what ffmpeg is to do (`plan`, `raw`), runs it in the job's
//! mode (`attempt`), makes outputs of what it has written (`make`; `package` for HLS and DASH, `pictures`, `remux`), reads
//! each to its end (`inspect`), compares it with the plan (`verify`), decodes it (`decode`), and publishes all of them in
//! one step (`finish`). What a stopped ffmpeg has left is decoded before it is published (`salvage`).

mod attempt;
mod blame;
mod classify;
mod clean;
mod decode;
mod finish;
mod input;
mod inspect;
mod make;
mod meter;
mod order;
mod package;
mod packaging;
mod pictures;
mod plan;
mod planning;
mod probes;
mod raw;
mod remains;
mod remux;
mod salvage;
mod space;
mod toolchain;
mod transcoder;
mod verify;

pub use order::{Controls, End, Observer, Order, Outcome};
pub use planning::Planning;
pub use toolchain::Toolchain;
pub use transcoder::{ProbeFailure, Transcoder};
