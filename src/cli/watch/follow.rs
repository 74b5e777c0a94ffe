//! Follows a job's events over as many connections as it takes, from the first snapshot to the terminal event.

use std::ops::Deref;
use std::time::Duration;

use reqwest::Response;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::events::{JobEvent, News};
use super::sse::FrameReader;
use crate::cli::client::Client;
use crate::cli::error::Error;
use crate::domain::id::JobId;

/// How long it is tried to get back to a server that went away.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Patience {
    /// Without any event or sign of life for so long, it is given up.
    pub(in crate::cli) in_all: Duration,
    /// The pause before the first new try; each one after it is twice as long as the one before.
    pub(in crate::cli) first_pause: Duration,
    /// The longest pause.
    pub(in crate::cli) longest_pause: Duration,
    /// A connection that is silent for so long is dead; a server shows every 15 s that it lives.
    pub(in crate::cli) silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            in_all: Duration::from_mins(1),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            silence: Duration::from_secs(45),
        }
    }
}

/// What a follower learns.
#[derive(Debug)]
pub(super) enum Update {
    /// An event.
    Event(JobEvent),
    /// The connection broke; it is tried to get it back.
    Lost(Error),
    /// It is back.
    Back,
}

/// A job that is followed. Dropping it ends the connection.
#[derive(Debug)]
pub(in crate::cli) struct Follow {
    updates: mpsc::Receiver<Result<Update, Error>>,
    _task: AbortOnDropHandle<()>,
}

impl Follow {
    /// Begins to follow a job. Where the server isn't known to live, the first connection has to come about at once.
    pub(in crate::cli) fn start(client: Client, id: JobId, patience: Patience, known_to_live: bool) -> Self {
        let (sender, updates) = mpsc::channel(64);
        let follower = Follower {
            client,
            id,
            patience,
            updates: sender,
            last_id: None,
            over: false,
            lost: false,
            known_to_live,
            alive_at: Instant::now(),
        };
        Self { updates, _task: AbortOnDropHandle::new(tokio::spawn(follower.run())) }
    }

    /// The next update; `None` after the terminal event and after an error.
    ///
    /// # Cancel safety
    /// No update is lost when this is dropped.
    pub(super) async fn next(&mut self) -> Option<Result<Update, Error>> {
        self.updates.recv().await
    }
}

struct Follower {
    client: Client,
    id: JobId,
    patience: Patience,
    updates: mpsc::Sender<Result<Update, Error>>,
    last_id: Option<String>,
    /// A snapshot has told that the job is over; its terminal event is due.
    over: bool,
    /// The reader was told that the connection is lost.
    lost: bool,
    known_to_live: bool,
    /// When the server was last heard.
    alive_at: Instant,
}

/// Nobody listens any more.
struct Gone;

impl Follower {
    async fn run(mut self) {
        let mut pause = self.patience.first_pause;
        loop {
            let opened_at = Instant::now();
            let error = match self.one_connection().await {
                Ok(()) => return,
                // After a terminal snapshot nothing is missing but its repetition.
                Err(_) if self.over => return,
                Err(error) => error,
            };
            if opened_at.elapsed() > self.patience.longest_pause {
                pause = self.patience.first_pause;
            }
            if !self.known_to_live || !error.is_passing() {
                let _ = self.updates.send(Err(error)).await;
                return;
            }
            if self.alive_at.elapsed() + pause > self.patience.in_all {
                let _ = self.updates.send(Err(self.given_up(&error))).await;
                return;
            }
            if !self.lost {
                self.lost = true;
                if self.tell(Update::Lost(error)).await.is_err() {
                    return;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.patience.longest_pause);
        }
    }

    /// Follows one connection; `Ok` once the job is over or nobody listens.
    async fn one_connection(&mut self) -> Result<(), Error> {
        let mut response = self.client.events(self.id, self.last_id.as_deref()).await?;
        let mut reader = FrameReader::default();
        loop {
            let bytes = self.next_chunk(&mut response).await?;
            self.alive_at = Instant::now();
            self.known_to_live = true;
            for frame in reader.push(&bytes).map_err(|error| Error::Foreign(error.to_string()))? {
                let event = JobEvent::read(frame)?;
                if self.lost {
                    self.lost = false;
                    let Ok(()) = self.tell(Update::Back).await else { return Ok(()) };
                }
                let is_last = self.take(&event);
                let Ok(()) = self.tell(Update::Event(event)).await else { return Ok(()) };
                if is_last {
                    return Ok(());
                }
            }
        }
    }

    async fn next_chunk(&self, response: &mut Response) -> Result<impl Deref<Target = [u8]> + use<>, Error> {
        let server = self.client.server();
        let silence = if self.over { self.patience.longest_pause } else { self.patience.silence };
        match timeout(silence, response.chunk()).await {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(Error::Unreachable(format!("the server at {server} ended the stream"))),
            Ok(Err(error)) => Err(self.client.broken(&error)),
            Err(_) => Err(Error::Unreachable(format!("the server at {server} has fallen silent"))),
        }
    }

    /// Notes where the stream stands, and returns whether this was its last event.
    fn take(&mut self, event: &JobEvent) -> bool {
        if event.id.is_some() {
            self.last_id.clone_from(&event.id);
        }
        let over = event.job().is_some_and(|job| job.state.is_terminal());
        self.over |= over;
        over && matches!(event.news, News::State(_))
    }

    async fn tell(&self, update: Update) -> Result<(), Gone> {
        self.updates.send(Ok(update)).await.map_err(|_| Gone)
    }

    fn given_up(&self, error: &Error) -> Error {
        let (server, id) = (self.client.server(), self.id);
        Error::Unreachable(format!(
            "no word from the server at {server} for {} s: {error}\n  the job may still run; `transcoded watch {id}` follows it again",
            self.alive_at.elapsed().as_secs()
        ))
    }
}
