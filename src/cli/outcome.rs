//! How a command went, as its exit code tells it.

use std::process::ExitCode;

/// How a command went. The codes are documented in each command's help and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It worked.
    Done,
    /// The job failed or was cancelled by somebody else, or a file couldn't be kept.
    Failed,
    /// The command line or the request is wrong.
    Refused,
    /// No server can be reached, or it can't do it now.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
}

impl Outcome {
    /// The number that the shell sees.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Unreachable => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        outcome.code().into()
    }
}
