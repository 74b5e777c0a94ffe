//! From a job to verified, published outputs.
//!
//! A [`Transcoder`] finds or fetches the input (`input`), looks at it (`probes`), decides what ffmpeg is to do (`plan`), runs
//! it in the job's mode (`run`), makes outputs of what it has written (`make`; `package` for HLS and DASH), and checks each
//! against the plan (`check`) before all of them are published in one step. What goes wrong is told in words for people
//! (`faults`).

mod check;
mod faults;
mod input;
mod make;
mod order;
mod package;
mod plan;
mod planning;
mod probes;
mod run;
mod toolchain;
mod transcoder;

pub use order::{Controls, End, Observer, Order, Outcome};
pub use planning::{Impossible, Planning};
pub use toolchain::Toolchain;
pub use transcoder::{ProbeFailure, Transcoder};
