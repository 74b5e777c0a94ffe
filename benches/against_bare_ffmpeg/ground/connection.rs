//! One connection of the load generator: HTTP/1.1 with keep-alive and as little work as possible, as it shares the
//! processor with the server that it measures.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::world::Result;

/// The longest that an answer may take, so that the load ends by itself whatever happens.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8192) })
    }

    /// Sends a request and reads the answer to its end; returns its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some((status, length)) = head(&self.buffer)?
                && self.buffer.len() >= length
            {
                return Ok(status);
            }
            self.more().await?;
        }
    }

    /// Sends a request and reads until this text has come.
    pub(crate) async fn read_until(&mut self, request: &[u8], text: &str) -> Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        self.wait_for(text).await
    }

    /// Reads on until this text has come.
    pub(crate) async fn wait_for(&mut self, text: &str) -> Result<()> {
        while !self.buffer.windows(text.len()).any(|part| part == text.as_bytes()) {
            self.more().await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        match tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await?? {
            0 => Err("the server closed a connection".into()),
            _ => Ok(()),
        }
    }
}

/// The status, and how long head and body are together; `None` before the head is complete.
fn head(answer: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..end])?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or("an answer without a status")?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    Ok(Some((status, end + 4 + length.ok_or("an answer without a length")?)))
}

/// Sends `request` so many times in all over so many connections; returns how many were answered a second. Each answer
/// must have this status.
pub(crate) async fn load(
    address: SocketAddr,
    connections: usize,
    total: usize,
    request: &[u8],
    status: u16,
) -> Result<f64> {
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let mut running: JoinSet<Result<()>> = JoinSet::new();
    let started = Instant::now();
    for mut connection in opened {
        let request = request.to_owned();
        running.spawn(async move {
            for _ in 0..total / connections {
                match connection.exchange(&request).await? {
                    got if got == status => {}
                    got => return Err(format!("status {got} instead of {status}").into()),
                }
            }
            Ok(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    let answered = u32::try_from(total / connections * connections)?;
    Ok(f64::from(answered) / started.elapsed().as_secs_f64())
}
