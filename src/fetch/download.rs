//! One input on its way into a file: from the first byte to the last, over as many connections as that takes.

use std::io;
use std::path::Path;

use reqwest::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};
use tokio::time::{sleep, timeout};

use super::error::{Break, FetchError};
use super::fetcher::Bounds;
use super::hops::{self, Halt};
use super::range::{Part, Validator, size_of_whole};
use super::target::Target;

/// How much is written at once.
const BUFFER: usize = 1 << 20;
/// After how many bytes the room on the disk is looked at again.
const ROOM_EVERY: u64 = 64 << 20;

/// An input on its way into a file.
pub(super) struct Download<'a> {
    client: &'a Client,
    bounds: &'a Bounds,
    most: u64,
    target: &'a Target,
    told: &'a mut (dyn FnMut(u64, Option<u64>) + Send),
    file: BufWriter<File>,
    /// How much is in the file.
    at: u64,
    /// The most that has ever been in the file: only beyond that is anything gained.
    furthest: u64,
    /// At how many bytes the room is looked at again.
    look_at: u64,
    total: Option<u64>,
    validator: Option<Validator>,
}

impl<'a> Download<'a> {
    pub(super) async fn open(
        client: &'a Client,
        bounds: &'a Bounds,
        most: u64,
        target: &'a Target,
        to: &Path,
        told: &'a mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<Self, FetchError> {
        let file = File::create(to).await.map_err(disk)?;
        let file = BufWriter::with_capacity(BUFFER, file);
        let (at, furthest, look_at, total, validator) = (0, 0, ROOM_EVERY, None, None);
        Ok(Self { client, bounds, most, target, told, file, at, furthest, look_at, total, validator })
    }

    /// Fetches all of it, and returns its size.
    pub(super) async fn run(mut self) -> Result<u64, FetchError> {
        let mut resumed = 0;
        loop {
            let before = self.furthest;
            let broken = match self.once().await {
                Ok(()) => break,
                Err(Halt::For(error)) => return Err(error),
                Err(Halt::Break(broken)) => broken,
            };
            if self.furthest > before {
                resumed = 0;
            }
            // Whoever wants the input at all tries again later; waiting is for what has begun.
            let hopeless =
                self.furthest == 0 && matches!(broken, Break::Unreachable | Break::Untrusted | Break::Busy(_));
            let wait = self.bounds.patience.wait_after(resumed).filter(|_| !hopeless);
            let Some(wait) = wait else { return Err(FetchError::Broken(broken)) };
            tracing::debug!(%broken, bytes = self.at, "fetching goes on after a break");
            sleep(wait).await;
            resumed += 1;
        }
        self.file.flush().await.map_err(disk)?;
        Ok(self.at)
    }

    /// One connection.
    async fn once(&mut self) -> Result<(), Halt> {
        let (patience, networks) = (&self.bounds.patience, &self.bounds.networks);
        let response = hops::ask(self.client, networks, patience, self.target, self.resuming()).await?;
        match response.status() {
            StatusCode::OK => self.begin(&response).await?,
            StatusCode::PARTIAL_CONTENT => self.go_on(&response).await?,
            _ => return self.nothing_left(&response).await,
        }
        self.receive(response).await
    }

    /// The headers that ask for the rest, where it can be told that it is the rest of the same thing.
    fn resuming(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(validator) = self.validator.as_ref().filter(|_| self.at > 0)
            && let Ok(range) = HeaderValue::try_from(format!("bytes={}-", self.at))
        {
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, validator.header());
        }
        headers
    }

    /// All of it comes, whatever there was before.
    async fn begin(&mut self, response: &Response) -> Result<(), Halt> {
        self.restart().await?;
        self.validator = Validator::of(response.headers());
        self.total = response.content_length();
        self.check_size()
    }

    /// The rest comes; or something that isn't.
    async fn go_on(&mut self, response: &Response) -> Result<(), Halt> {
        let asked = self.at > 0 && self.validator.is_some();
        let Some(part) = Part::of(response.headers()).filter(|_| asked) else {
            return Err(FetchError::Answer(206).into());
        };
        let other = |validator: Validator| self.validator.as_ref() != Some(&validator);
        let changed = Validator::of(response.headers()).is_some_and(other)
            || self.total.zip(part.total).is_some_and(|(before, now)| before != now);
        if part.start != self.at || changed {
            self.restart().await?;
            return Err(Halt::Break(Break::Unfitting));
        }
        self.total = self.total.or(part.total);
        self.check_size()
    }

    /// 416: it is complete, or isn't what it was.
    async fn nothing_left(&mut self, response: &Response) -> Result<(), Halt> {
        if self.at == 0 {
            return Err(FetchError::Answer(416).into());
        }
        if size_of_whole(response.headers()) == Some(self.at) && self.total.is_none_or(|total| total == self.at) {
            return Ok(());
        }
        self.restart().await?;
        Err(Halt::Break(Break::Unfitting))
    }

    async fn receive(&mut self, mut response: Response) -> Result<(), Halt> {
        let silence = self.bounds.patience.silence;
        loop {
            let chunk = match timeout(silence, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(_)) => return Err(self.broken(Break::Ended).await),
                Err(_) => return Err(self.broken(Break::Silent).await),
            };
            if chunk.len() as u64 > self.most.saturating_sub(self.at) {
                return Err(self.too_large().into());
            }
            self.file.write_all(&chunk).await.map_err(disk)?;
            self.at += chunk.len() as u64;
            self.furthest = self.furthest.max(self.at);
            if self.at >= self.look_at {
                self.look_at = self.at + ROOM_EVERY;
                self.check_room(0)?;
            }
            (self.told)(self.at, self.total);
        }
        match self.total {
            Some(total) if total != self.at => Err(self.broken(Break::Ended).await),
            _ => Ok(()),
        }
    }

    /// Nothing is worth keeping that can't be gone on with.
    async fn broken(&mut self, broken: Break) -> Halt {
        match self.file.flush().await {
            Ok(()) => Halt::Break(broken),
            Err(error) => disk(error).into(),
        }
    }

    async fn restart(&mut self) -> Result<(), FetchError> {
        if self.at > 0 {
            self.file.rewind().await.map_err(disk)?;
            self.file.get_mut().set_len(0).await.map_err(disk)?;
        }
        (self.at, self.look_at, self.total, self.validator) = (0, ROOM_EVERY, None, None);
        Ok(())
    }

    fn check_size(&mut self) -> Result<(), Halt> {
        (self.told)(self.at, self.total);
        let Some(total) = self.total else { return Ok(self.check_room(0)?) };
        if total > self.most {
            return Err(self.too_large().into());
        }
        Ok(self.check_room(total.saturating_sub(self.at))?)
    }

    const fn too_large(&self) -> FetchError {
        FetchError::TooLarge { limit: self.most }
    }

    /// Whether there is room for so much more, and for what the server itself needs.
    fn check_room(&self, more: u64) -> Result<(), FetchError> {
        // A disk that doesn't say is found out by writing.
        let Ok(disk) = rustix::fs::fstatvfs(self.file.get_ref()) else { return Ok(()) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = more.saturating_add(self.bounds.reserve_bytes);
        if needed <= free { Ok(()) } else { Err(FetchError::NoRoom) }
    }
}

fn disk(error: io::Error) -> FetchError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FetchError::NoRoom,
        _ => FetchError::Disk(error),
    }
}
