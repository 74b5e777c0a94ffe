//! The events of one job's stream as typed values.

use serde_json::{Value, json};

use super::sse::Frame;
use crate::cli::error::Error;
use crate::domain::job::{Job, JobProgress};

/// One event, with the JSON that it came as.
#[derive(Clone, Debug)]
pub(super) struct JobEvent {
    /// The event's id; `progress` has none of its own.
    pub(super) id: Option<String>,
    /// What it tells.
    pub(super) news: News,
    frame_kind: String,
    data: Value,
}

/// What an event tells.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// The job as it is, first on every connection.
    Snapshot(Box<Job>),
    /// The job after a change of its state.
    State(Box<Job>),
    /// How far it got.
    Progress(JobProgress),
    /// Something of a later version.
    Other,
}

impl JobEvent {
    /// Reads an event.
    ///
    /// # Errors
    /// When its data isn't what the contract says.
    pub(super) fn read(frame: Frame) -> Result<Self, Error> {
        let unreadable =
            |error: serde_json::Error| Error::Foreign(format!("the server sent an event that can't be read: {error}"));
        let data: Value = serde_json::from_str(&frame.data).map_err(unreadable)?;
        let news = match frame.kind.as_str() {
            "snapshot" => News::Snapshot(serde_json::from_value(data.clone()).map_err(unreadable)?),
            "state" => News::State(serde_json::from_value(data.clone()).map_err(unreadable)?),
            "progress" => News::Progress(serde_json::from_value(data.clone()).map_err(unreadable)?),
            _ => News::Other,
        };
        let own_id = matches!(news, News::Snapshot(_) | News::State(_));
        Ok(Self { id: frame.id.filter(|_| own_id), news, frame_kind: frame.kind, data })
    }

    /// The job, where the event holds it.
    pub(super) fn job(&self) -> Option<&Job> {
        match &self.news {
            News::Snapshot(job) | News::State(job) => Some(job),
            News::Progress(_) | News::Other => None,
        }
    }

    /// The event as one line of JSON for programs.
    pub(super) fn json_line(&self) -> String {
        json!({ "event": self.frame_kind, "id": self.id, "data": self.data }).to_string()
    }
}
