//! From the errors of the lower floors to problems.

use super::problem::Problem;
use crate::db;
use crate::domain::id::JobId;
use crate::domain::job::JobState;
use crate::storage::InputError;

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        match &error {
            db::Error::UnknownJob(job) => unknown_job(*job),
            db::Error::WrongState { state, .. } => Self::conflict(in_the_way(*state)),
            db::Error::QueueFull(_) => Self::too_many(error.to_string()),
            db::Error::KeyReused => Self::invalid_field(
                "Idempotency-Key",
                "the key was used for another request; use a new key for a new job",
            ),
            error if error.is_outage() => {
                tracing::error!(%error, "the database failed");
                Self::unavailable(
                    "database-unavailable",
                    "the database doesn't work at the moment; nothing was changed",
                )
            }
            _ => {
                tracing::error!(%error, "the database failed");
                Self::internal()
            }
        }
    }
}

impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        Self::invalid_field("/input", error.to_string())
    }
}

/// Why a job in this state can't be changed in the way that was asked for.
fn in_the_way(state: JobState) -> String {
    match state {
        JobState::Cancelling => "the job is being stopped".to_owned(),
        state if state.is_terminal() => {
            format!("the job has {state} already").replace("has cancelled", "was cancelled")
        }
        state => format!("the job is {state}; it isn't over"),
    }
}

/// 404 for a job.
pub(super) fn unknown_job(job: JobId) -> Problem {
    Problem::not_found(format!("there is no job {job}"))
}

/// The job's id in a path.
///
/// # Errors
/// 404: what is no id names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|error| Problem::not_found(format!("there is no such job: {error}")))
}
