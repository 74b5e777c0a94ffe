//! Running ffmpeg: three modes of execution, a stop that keeps the file, progress, probing and finding the binaries.
//!
//! This module stands alone: it knows nothing of jobs, queues or HTTP, and other programs may use it by itself.
//! It runs on Linux, inside a tokio runtime with its I/O and time drivers on.
//!
//! - [`slim`], [`standard`] and [`graceful`] run a [`Command`] that the caller prepared; nothing is added to its
//!   arguments. All three end with a [`Report`] that tells what really happened.
//! - A run can be paused and continued ([`Command::pause_when`]), limited in time ([`Command::timeout`]) and ended when
//!   it stands still ([`Command::stall_after`]); both limits count only the time in which it isn't paused.
//! - [`monitor()`] makes the two ends through which a run can be watched.
//! - [`Estimator`] turns [`Progress`] into a percentage and a time left.
//! - [`probe()`] reads a file's facts; [`locate`] and [`usable_encoders`] find out what the machine offers.
//!
//! Every process gets its own process group, which ends together with its first process: nothing that a wrapper
//! script started outlives the run. Dropping a run's future kills the group at once. When this program itself is
//! killed, a guardian (a sleeping `/bin/sh`) kills what is left.

mod argv;
mod capture;
mod clock;
mod command;
mod encoders;
mod estimate;
mod expected;
mod feed;
mod guardian;
mod lines;
mod liveness;
mod monitor;
mod pause;
mod probe;
mod probe_json;
mod process;
mod procfs;
mod progress;
mod readers;
mod reaper;
mod report;
mod run;
mod signals;
mod stderr_log;
mod stop;
mod tools;
mod unblock;
mod vigil;
mod watchdog;

pub use command::{Command, GLOBAL_ARGS};
pub use encoders::{ENCODER_CANDIDATES, usable_encoders};
pub use estimate::{Estimate, Estimator};
pub use expected::{Expected, OutputSpan};
pub use monitor::{Line, Monitor, Output, Source, monitor};
pub use probe::{INPUT_ALLOWLIST, ProbeError, UNREAD_FORMAT, probe};
pub use procfs::read_position;
pub use progress::{Progress, ProgressParser};
pub use report::{Ending, Exit, Report, StartError, Stop, StopStep};
pub use run::{graceful, slim, standard};
pub use signals::cancel_on_signals;
pub use tools::{LocateError, ToolError, Tools, locate, locate_in_environment, version};
