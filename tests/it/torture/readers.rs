//! The clients that follow events, and come back with the last id that they have seen.

use fastrand::Rng;

use super::clients::World;
use super::ledger::{Told, is_over};
use crate::harness::Event;

impl World {
    /// Follows all jobs from the very first event on.
    pub async fn keep_reading(self) {
        let mut seen = 0;
        loop {
            let Some(mut events) = self.events("/v1/events", Some(seen)).await else { continue };
            while let Some(event) = events.next().await {
                match event.kind.as_str() {
                    "snapshot" => self.check_snapshot(&event, seen),
                    "state" => {
                        self.ledger().tell(&event);
                        seen = event.id.unwrap_or_default();
                    }
                    _ => {}
                }
            }
        }
    }

    fn check_snapshot(&self, event: &Event, seen: u64) {
        if event.id != Some(seen) || !event.data["history_gone"].is_null() {
            let gone = &event.data["history_gone"];
            self.ledger().complain(format!("who had seen {seen} was put at {:?}, history_gone: {gone}", event.id));
        }
    }

    /// Follows one job after the other, each to its end, and returns what it was told.
    pub async fn keep_following(self, mut rng: Rng) -> Vec<Vec<Told>> {
        let mut followed = Vec::new();
        while !self.enough.is_cancelled() {
            let found: Vec<String> = {
                let ledger = self.ledger();
                let unfinished = |id: &&String| {
                    ledger.last.get(*id).is_none_or(|job| !is_over(job["state"].as_str().unwrap_or_default()))
                };
                ledger.accepted.iter().filter(unfinished).cloned().collect()
            };
            match rng.choice(found) {
                Some(id) => followed.push(self.follow(&id).await),
                None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
        followed
    }

    /// Follows a job from its first event to its end.
    pub async fn follow(&self, id: &str) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        loop {
            let seen = told.last().map_or(0, |told| told.id);
            let Some(mut events) = self.events(&format!("/v1/jobs/{id}/events"), Some(seen)).await else { continue };
            while let Some(event) = events.next().await {
                if event.kind == "snapshot" {
                    self.check_snapshot(&event, seen);
                } else if event.kind == "state" {
                    told.push(Told::of(&event));
                }
            }
            if told.last().is_some_and(|last| is_over(&last.state)) {
                return told;
            }
        }
    }

    /// Waits until a job has been in a state.
    pub async fn until(&self, id: &str, state: &str) {
        loop {
            let Some(mut events) = self.events(&format!("/v1/jobs/{id}/events"), None).await else { continue };
            while let Some(event) = events.next().await {
                if event.state() == state {
                    return;
                }
            }
        }
    }

    /// The whole history, read afresh.
    pub async fn whole_history(&self) -> Vec<Told> {
        let now = self.events("/v1/events", None).await.expect("a stream").next().await.expect("a snapshot");
        let last = now.id.unwrap_or_default();
        let mut events = self.events("/v1/events", Some(0)).await.expect("a stream");
        let mut history: Vec<Told> = Vec::new();
        while history.last().map_or(0, |told| told.id) < last {
            let event = events.next().await.expect("the stream stays open");
            if event.kind == "state" {
                history.push(Told::of(&event));
            }
        }
        history
    }
}
