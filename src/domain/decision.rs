//! What a plan decides for each stream, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes of one stream of an output, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Which stream: `video`, `audio`, `audio 2`, `subtitles`, the name of a rendition.
    pub stream: String,
    /// What is done with it.
    pub action: Action,
    /// What it becomes, e.g. `h264, 1280x720`; left out where it is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why, for people.
    pub why: String,
}

/// What is done with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is taken as it is: no time, no loss.
    Copy,
    /// It is made anew.
    Encode,
    /// Pictures are taken of it.
    Capture,
}

impl Decision {
    /// A decision without a result.
    #[must_use]
    pub fn of(stream: &str, action: Action, why: impl Into<String>) -> Self {
        Self { stream: stream.to_owned(), action, result: None, why: why.into() }
    }

    /// The same with what the stream becomes.
    #[must_use]
    pub fn into(self, result: &str) -> Self {
        Self { result: Some(result.to_owned()), ..self }
    }
}
