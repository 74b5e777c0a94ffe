//! The clients: they submit, meddle and follow without a pause, and come back whenever the server does.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ledger::{Key, Ledger, is_over};
use super::media;
use crate::harness::{Events, LONG};

/// No more jobs are submitted while so many aren't over, so that they all are in the end.
const MOST_UNFINISHED: usize = 14;

/// What all clients share.
#[derive(Clone)]
pub struct World {
    url: watch::Receiver<Option<String>>,
    client: reqwest::Client,
    ledger: Arc<Mutex<Ledger>>,
    /// Cancelled when nothing more is to be asked for.
    pub enough: CancellationToken,
}

impl World {
    pub fn new(url: watch::Receiver<Option<String>>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(LONG).build().unwrap();
        Self { url, client, ledger: Arc::default(), enough: CancellationToken::new() }
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// A request to the server that is up, or to the next one.
    async fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.url.clone().wait_for(Option::is_some).await.unwrap().clone().unwrap_or_default();
        self.client.request(method, format!("{url}{path}"))
    }

    /// The answer, if there is a whole one; one that is not in `expected` is complained of.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, expected: &[u16]) -> Option<(u16, Value)> {
        let request = self.request(method.clone(), path).await;
        self.send(body.into_iter().fold(request, RequestBuilder::json), &format!("{method} {path}"), expected).await
    }

    async fn send(&self, request: RequestBuilder, what: &str, expected: &[u16]) -> Option<(u16, Value)> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        let action = what.rsplit('/').next().unwrap_or_default();
        let kind = if action.len() > 20 { "cancel" } else { action };
        *self.ledger().answers.entry(format!("{kind} {status}")).or_default() += 1;
        // A server that is stopping says so.
        if status != 503 && !expected.contains(&status) {
            self.ledger().complain(format!("{what} was answered with {status}: {text}"));
        }
        Some((status, serde_json::from_str(&text).ok()?))
    }

    /// The answer to a GET of a server that stays up.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None, &[200, 404]).await.expect("an answer")
    }

    pub async fn text(&self, path: &str) -> String {
        self.request(Method::GET, path).await.send().await.unwrap().text().await.unwrap()
    }

    pub async fn post(&self, path: &str) -> Option<(u16, Value)> {
        self.ask(Method::POST, path, Some(&json!({})), &[200, 409]).await
    }

    pub async fn delete(&self, path: &str) -> Option<(u16, Value)> {
        self.ask(Method::DELETE, path, None, &[200, 202, 204, 409]).await
    }

    /// An event stream, if the server lives long enough to open one.
    pub async fn events(&self, path: &str, seen: Option<u64>) -> Option<Events> {
        let request = self.request(Method::GET, path).await.timeout(Duration::from_hours(2));
        let request = seen.into_iter().fold(request, |request, seen| request.header("last-event-id", seen.to_string()));
        // A server that is stopping opens none.
        let response = request.send().await.ok().filter(|response| response.status() == 200);
        if response.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        response.map(Events::new)
    }

    pub async fn submit(&self, body: &Value, key: Option<&str>) -> Option<String> {
        let request = self.request(Method::POST, "/v1/jobs").await.json(body);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        let expected: &[u16] = if key.is_some() { &[200, 201] } else { &[201] };
        let (status, job) = self.send(request, "POST /v1/jobs", expected).await?;
        let id = job["id"].as_str().filter(|_| expected.contains(&status))?.to_owned();
        let mut ledger = self.ledger();
        ledger.accepted.insert(id.clone());
        if let Some(key) = key {
            ledger.resolve(key, &id);
        }
        Some(id)
    }

    /// Submits jobs for ever.
    pub async fn keep_submitting(self, mut rng: Rng, first: u64) {
        for number in first.. {
            let body = media::body(&mut rng, number);
            let key = (rng.u8(..100) < 30).then(|| format!("key-{number}"));
            if let Some(key) = &key {
                self.ledger().keys.push(Key { text: key.clone(), body: body.clone(), job: None });
            }
            self.submit(&body, key.as_deref()).await;
            pause(&mut rng, 120).await;
            while self.ledger().unfinished() >= MOST_UNFINISHED {
                pause(&mut rng, 50).await;
            }
        }
    }

    /// Repeats submits with the key that they had, first of all those that were not answered, each time a server starts.
    pub async fn keep_repeating(self, mut rng: Rng) {
        let mut url = self.url.clone();
        loop {
            url.wait_for(Option::is_some).await.unwrap();
            self.repeat(&mut rng, 6).await;
            url.wait_for(Option::is_none).await.unwrap();
        }
    }

    /// Repeats at most `limit` submits.
    pub async fn repeat(&self, rng: &mut Rng, limit: usize) {
        let mut keys = self.ledger().keys.clone();
        rng.shuffle(&mut keys);
        keys.sort_by_key(|key| key.job.is_some());
        for Key { text, body, .. } in keys.into_iter().take(limit) {
            self.submit(&body, Some(&text)).await;
        }
    }

    /// Cancels, pauses, resumes and retries for ever.
    pub async fn keep_meddling(self, mut rng: Rng) {
        loop {
            pause(&mut rng, 60).await;
            let ask = rng.u8(..100);
            let wanted = |state: &str| match ask {
                0..20 => state == "running",
                20..35 => state == "queued",
                35..55 => !is_over(state) && state != "paused",
                55..85 => state == "paused",
                85..92 => is_over(state),
                _ => true,
            };
            let found: Vec<String> = {
                let ledger = self.ledger();
                let states = ledger.last.iter().map(|(id, job)| (id, job["state"].as_str().unwrap_or_default()));
                // What was over long ago would be most of all.
                let recent = states.filter(|(_, state)| wanted(state)).map(|(id, _)| id.clone());
                recent.collect::<Vec<_>>().into_iter().rev().take(20).collect()
            };
            let Some(id) = rng.choice(found) else { continue };
            match ask {
                0..35 | 92.. => self.cancel(&id, rng.choice(["", "", "?grace_seconds=0", "?grace_seconds=1"])).await,
                35..55 => drop(self.post(&format!("/v1/jobs/{id}/pause")).await),
                55..85 => drop(self.post(&format!("/v1/jobs/{id}/resume")).await),
                85..92 => self.retry(&id).await,
            }
        }
    }

    pub async fn cancel(&self, id: &str, query: Option<&str>) {
        self.ledger().asked.entry(id.to_owned()).or_default().cancel = true;
        let answer = self.delete(&format!("/v1/jobs/{id}{}", query.unwrap_or_default())).await;
        if answer.is_some_and(|(status, _)| [200, 202].contains(&status)) {
            self.ledger().asked.entry(id.to_owned()).or_default().cancel_confirmed = true;
        }
    }

    pub async fn retry(&self, id: &str) {
        self.ledger().asked.entry(id.to_owned()).or_default().retry = true;
        self.post(&format!("/v1/jobs/{id}/retry")).await;
    }
}

/// A client's own time between two requests.
async fn pause(rng: &mut Rng, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(rng.u64(..most_ms))).await;
}
