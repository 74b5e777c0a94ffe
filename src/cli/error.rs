//! Everything that can go wrong in a command, in words for people, and the exit code that follows from it.

use std::io;

use super::outcome::Outcome;
use super::problem::Problem;
use super::server_url::ServerUrl;

/// Why a command ended early. Each message is complete and says what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command line can't be carried out.
    #[error("{0}")]
    Usage(String),
    /// The server refused, and said why.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// Nothing answers.
    #[error("{0}")]
    Unreachable(String),
    /// Something answers, but not as a server of ours does.
    #[error("{0}")]
    Foreign(String),
    /// A file couldn't be written.
    #[error("{0}")]
    File(String),
    /// What was to be printed couldn't be.
    #[error("the output can't be written: {0}")]
    Print(#[from] io::Error),
}

impl Error {
    /// The exit code that tells it.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Problem(problem) if problem.is_passing() => Outcome::Unreachable,
            Self::Usage(_) | Self::Problem(_) => Outcome::Refused,
            Self::Unreachable(_) | Self::Foreign(_) => Outcome::Unreachable,
            Self::File(_) | Self::Print(_) => Outcome::Failed,
        }
    }

    /// Whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.is_passing(),
            Self::Unreachable(_) => true,
            Self::Usage(_) | Self::Foreign(_) | Self::File(_) | Self::Print(_) => false,
        }
    }

    /// Whether whoever read the output went away, as `head` does; nobody is left to tell.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The error for a request that got no answer.
    pub(super) fn no_answer(server: &ServerUrl, error: &reqwest::Error) -> Self {
        let refused = root_cause(error)
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        Self::Unreachable(if refused {
            format!("no server answers at {server}; start one with `transcoded serve`, or name another with --server")
        } else if error.is_timeout() {
            format!("the server at {server} didn't answer in time")
        } else if error.is_connect() {
            format!("the server at {server} can't be reached: {}", root_cause(error))
        } else {
            format!("the connection to {server} broke: {}", root_cause(error))
        })
    }
}

/// The innermost error, which says what happened; those around it only say where.
fn root_cause(error: &reqwest::Error) -> &(dyn std::error::Error + 'static) {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}
