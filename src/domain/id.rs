//! The ids of jobs and uploads, and the numbers of leases.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::time::Timestamp;

/// A job's id: a UUIDv7, so that ids sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, examples("019234ab-5678-7def-8123-456789abcdef"))]
pub struct JobId(Uuid);

impl JobId {
    /// Makes the id of a job that was submitted `at` this time, out of ten random bytes.
    #[must_use]
    pub fn new(at: Timestamp, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(at.as_millis().try_into().unwrap_or(0), random).into_uuid())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(text: &str) -> Result<Self, InvalidJobId> {
        // Only the usual spelling with hyphens names a job, so that a job has one URL.
        let hyphenated = text.len() == 36;
        Uuid::parse_str(text).ok().filter(|_| hyphenated).map(Self).ok_or(InvalidJobId)
    }
}

/// An upload's id: a UUIDv7, as a job's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, examples("019234ab-5678-7def-8123-456789abcdef"))]
pub struct UploadId(Uuid);

impl UploadId {
    /// Makes the id of an upload that began `at` this time, out of ten random bytes.
    #[must_use]
    pub fn new(at: Timestamp, random: &[u8; 10]) -> Self {
        Self(JobId::new(at, random).0)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        // Small letters only: jobs are found by the upload that they name, so it has to have one name.
        Uuid::parse_str(text).ok().map(Self).filter(|id| id.to_string() == text).ok_or(InvalidUploadId)
    }
}

/// A time-limited right to run one attempt. The number grows with every claim of any job and is never used twice, so
/// that a write which names it can't be mistaken for that of a later attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease(u64);

impl Lease {
    /// The lease with that number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is no job id.
#[derive(Debug, thiserror::Error)]
#[error("a job id is a UUID such as 019234ab-5678-7def-8123-456789abcdef")]
pub struct InvalidJobId;

/// The text is no upload's id.
#[derive(Debug, thiserror::Error)]
#[error("an upload's id is a UUID such as 019234ab-5678-7def-8123-456789abcdef")]
pub struct InvalidUploadId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let earlier = JobId::new(Timestamp::from_millis(1_700_000_000_000), &[255; 10]);
        let later = JobId::new(Timestamp::from_millis(1_700_000_000_001), &[0; 10]);
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse::<JobId>().unwrap(), earlier);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "1", "not-a-uuid", "019234ab56787def8123456789abcdef", "{019234ab-5678-7def-8123-456789abcdef}"]
        {
            assert!(text.parse::<JobId>().is_err(), "{text}");
            assert!(text.parse::<UploadId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_upload_has_one_name() {
        let id = UploadId::new(Timestamp::from_millis(1_700_000_000_000), &[255; 10]);
        assert_eq!(id.to_string().parse::<UploadId>().unwrap(), id);
        assert!(id.to_string().to_uppercase().parse::<UploadId>().is_err());
    }
}
