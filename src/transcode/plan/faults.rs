//! What keeps an input from becoming an output: all of it, each by the field that would have to change.

use crate::domain::failure::Failure;

/// One thing that keeps an input from becoming an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Fault {
    /// A JSON pointer into the output of the request, e.g. `/video/codec`; empty for all of it.
    pub(in crate::transcode) field: String,
    /// Why.
    pub(in crate::transcode) failure: Failure,
}

/// What was found so far, in that order.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub(super) fn note(&mut self, field: impl Into<String>, failure: Failure) {
        self.0.push(Fault { field: field.into(), failure });
    }

    /// What came of something, or `None` where it failed, which is noted.
    pub(super) fn take<T>(&mut self, field: &str, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.note(field, failure)).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The failure of a job, which has one only.
    pub(super) fn first(self) -> Option<Failure> {
        self.into_iter().next().map(|fault| fault.failure)
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
