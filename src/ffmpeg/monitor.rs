//! The two ends through which a run is watched: [`Monitor`] goes into the run, [`Output`] stays with the reader.
//!
//! Between them lies a ring of bounded size, so a reader that is slow, stopped or gone never holds up the process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::progress::{Progress, ProgressParser};
use super::stderr_log::tells_of_output;

/// How many lines wait for the reader at most.
const MAX_LINES: usize = 1024;
/// How many bytes of lines wait for the reader at most.
const MAX_BYTES: usize = 1024 * 1024;

/// One line of a process's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub source: Source,
    /// The text without its end of line, at most 8 KiB; it ends with ` [cut]` where it was longer. Bytes that aren't
    /// UTF-8 are replacement characters.
    pub text: String,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard output. Progress blocks are taken out.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The end that goes into a run.
#[derive(Debug)]
pub struct Monitor {
    shared: Arc<Shared>,
    progress: watch::Sender<Option<Progress>>,
    pid: watch::Sender<Option<u32>>,
    has_output: AtomicBool,
    advances: AtomicU64,
    has_begun: AtomicBool,
}

/// The reader's end. It may be dropped or never read: the run doesn't notice.
#[derive(Debug)]
pub struct Output {
    shared: Arc<Shared>,
    progress: watch::Receiver<Option<Progress>>,
    pid: watch::Receiver<Option<u32>>,
}

#[derive(Debug, Default)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Line>,
    bytes: usize,
    dropped: u64,
    closed: bool,
}

/// Makes the two ends for one run.
#[must_use]
pub fn monitor() -> (Monitor, Output) {
    let shared = Arc::new(Shared::default());
    let (progress, latest) = watch::channel(None);
    let (pid, started) = watch::channel(None);
    let output = Output { shared: Arc::clone(&shared), progress: latest, pid: started };
    let (has_output, has_begun) = (AtomicBool::new(false), AtomicBool::new(false));
    (Monitor { shared, progress, pid, has_output, has_begun, advances: AtomicU64::default() }, output)
}

impl Monitor {
    /// The process runs.
    pub(super) fn started(&self, pid: u32) {
        self.pid.send_replace(Some(pid));
    }

    /// Passes a line on, at the cost of the oldest where the reader is slow.
    fn line(&self, source: Source, text: &str) {
        let mut ring = self.shared.lock();
        ring.bytes += text.len();
        ring.lines.push_back(Line { source, text: text.to_owned() });
        while ring.lines.len() > MAX_LINES || ring.bytes > MAX_BYTES {
            // Never empty here: a single line is far smaller than the limits.
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.text.len();
            ring.dropped += 1;
        }
        drop(ring);
        self.shared.changed.notify_one();
    }

    /// Passes a line of standard error on.
    pub(super) fn stderr_line(&self, text: &str) {
        self.has_begun.fetch_or(tells_of_output(text), Ordering::Relaxed);
        self.line(Source::Stderr, text);
    }

    /// Passes a line of standard output on, unless it belongs to a progress block.
    pub(super) fn stdout_line(&self, parser: &mut ProgressParser, text: &str) {
        if !ProgressParser::is_progress(text) {
            self.line(Source::Stdout, text);
        } else if let Some(block) = parser.line(text) {
            self.has_output.fetch_or(block.has_output(), Ordering::Relaxed);
            let advances = self.progress.borrow().as_ref().is_none_or(|before| block.advances(before));
            self.advances.fetch_add(advances.into(), Ordering::Relaxed);
            self.progress.send_replace(Some(block));
        }
    }

    /// Whether a progress block has told of something encoded.
    pub(super) fn has_output(&self) -> bool {
        self.has_output.load(Ordering::Relaxed)
    }

    /// How many progress blocks told of more than the one before.
    pub(super) fn advances(&self) -> u64 {
        self.advances.load(Ordering::Relaxed)
    }

    /// Whether there was any sign that ffmpeg encodes: a progress block, or word of an output.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed) || self.progress.borrow().is_some()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Output {
    /// The next line, or `None` once the process has ended and every line is read.
    ///
    /// # Cancel safety
    /// A future that is dropped takes no line with it.
    pub async fn next_line(&mut self) -> Option<Line> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let mut ring = self.shared.lock();
                if let Some(line) = ring.lines.pop_front() {
                    ring.bytes -= line.text.len();
                    return Some(line);
                }
                if ring.closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Follows the latest complete progress block. Its sender goes away when the run is over; the value stays.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.clone()
    }

    /// Follows the process's id: `None` until the process runs.
    ///
    /// The id stays readable after the run; by then the system may have given it to another process.
    #[must_use]
    pub fn pid(&self) -> watch::Receiver<Option<u32>> {
        self.pid.clone()
    }

    /// How many lines were dropped because they weren't read in time.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing panics while it holds the ring, and its lines would still be good.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_loses_only_the_oldest_lines() {
        let (monitor, mut output) = monitor();
        for number in 0..MAX_LINES + 10 {
            monitor.line(Source::Stderr, &number.to_string());
        }
        drop(monitor);
        assert_eq!(output.dropped_lines(), 10);
        assert_eq!(output.next_line().await.map(|line| line.text), Some("10".to_owned()));
        let mut last = String::new();
        while let Some(line) = output.next_line().await {
            last = line.text;
        }
        assert_eq!(last, (MAX_LINES + 9).to_string());
        assert_eq!(output.next_line().await, None);
    }

    #[tokio::test]
    async fn long_lines_are_bounded_by_their_bytes() {
        let (monitor, output) = monitor();
        let long = "x".repeat(8 * 1024);
        for _ in 0..1000 {
            monitor.line(Source::Stderr, &long);
        }
        assert!(output.shared.lock().bytes <= MAX_BYTES);
        assert_eq!(output.dropped_lines(), 1000 - 128);
    }

    #[tokio::test]
    async fn a_dropped_wait_for_a_line_loses_none() {
        let (monitor, mut output) = monitor();
        {
            let waiting = output.next_line();
            tokio::pin!(waiting);
            assert!(futures_util::poll!(&mut waiting).is_pending());
            monitor.line(Source::Stdout, "one");
        }
        assert_eq!(output.next_line().await.map(|line| line.text), Some("one".to_owned()));
    }
}
