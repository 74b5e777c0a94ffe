//! A job: what clients see of it, the states that it goes through, and the decisions about its life.

mod attempt;
mod cancellation;
mod life;
mod record;
mod retry;
mod state;

pub use attempt::{Attempt, AttemptEnd, AttemptOutcome, Ending};
pub use cancellation::{CancelMethod, CancelReason, Cancellation};
pub use life::{Decision, OnCancel, Verdict, ended, may_pause, may_resume, may_retry, may_salvage, on_cancel};
pub use record::{Job, JobProgress, Mode, Output, Phase};
pub use retry::RetryPolicy;
pub use state::JobState;
