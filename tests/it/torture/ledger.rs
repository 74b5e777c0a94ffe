//! What the clients know: what was promised to them, what they asked for, and what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::harness::Event;

/// What the clients know.
#[derive(Default)]
pub struct Ledger {
    /// The jobs that were answered with 201, or found again by their key.
    pub accepted: BTreeSet<String>,
    /// The keys that were used.
    pub keys: Vec<Key>,
    /// What was asked of jobs.
    pub asked: BTreeMap<String, Asked>,
    /// The last that was told of each job.
    pub last: BTreeMap<String, Value>,
    /// All that was told, in order.
    pub history: Vec<Told>,
    /// What should not have happened.
    pub complaints: Vec<String>,
    /// How many answers of each kind there were.
    pub answers: BTreeMap<String, u64>,
}

/// An idempotency key and what became of it.
#[derive(Clone)]
pub struct Key {
    pub text: String,
    pub body: Value,
    /// The job, once it is known.
    pub job: Option<String>,
}

/// What was asked of a job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// It may have been asked to stop.
    pub cancel: bool,
    /// It surely was: the request was answered.
    pub cancel_confirmed: bool,
    /// It may have been asked to be tried again.
    pub retry: bool,
}

/// A state event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub id: u64,
    pub job: String,
    pub state: String,
    /// Of all of the job.
    pub digest: u64,
}

impl Told {
    pub fn of(event: &Event) -> Self {
        let mut digest = DefaultHasher::new();
        event.data.to_string().hash(&mut digest);
        Self {
            id: event.id.expect("state events are numbered"),
            job: event.data["id"].as_str().unwrap_or_default().to_owned(),
            state: event.state().to_owned(),
            digest: digest.finish(),
        }
    }
}

pub fn is_over(state: &str) -> bool {
    ["succeeded", "failed", "cancelled"].contains(&state)
}

impl Ledger {
    pub fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// How many accepted jobs aren't over, as far as is known.
    pub fn unfinished(&self) -> usize {
        let over =
            |id: &String| self.last.get(id).is_some_and(|job| is_over(job["state"].as_str().unwrap_or_default()));
        self.accepted.iter().filter(|id| !over(id)).count()
    }

    /// Notes that `job` came of a submit with this key.
    pub fn resolve(&mut self, key: &str, job: &str) {
        let found = self.keys.iter_mut().find(|known| known.text == key).expect("it was noted before it was sent");
        if let Some(known) = found.job.replace(job.to_owned())
            && known != job
        {
            self.complaints.push(format!("key {key} stood for job {known}, and now for job {job}"));
        }
    }

    pub fn tell(&mut self, event: &Event) {
        let told = Told::of(event);
        if self.history.last().is_some_and(|last| last.id >= told.id) {
            self.complain(format!("event {} came after event {:?}", told.id, self.history.last()));
        }
        self.last.insert(told.job.clone(), event.data.clone());
        self.history.push(told);
    }
}
