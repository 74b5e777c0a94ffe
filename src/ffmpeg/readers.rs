//! Empties a process's pipes to their end, at the pace of the process, whoever listens.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio_util::task::AbortOnDropHandle;

use super::lines::LineSplitter;
use super::monitor::Monitor;
use super::process::Pipes;
use super::progress::ProgressParser;
use super::stderr_log::StderrLog;

/// How long a pipe may stay open after its process group has ended. Only a process that left the group holds it then.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// What becomes of standard output.
pub(super) enum Stdout {
    /// There is no pipe.
    Null,
    /// It goes to the monitor, line by line.
    Lines,
    /// It is kept, up to so many bytes.
    Keep(usize),
}

/// The tasks that empty the pipes, and what they keep.
pub(super) struct Readers {
    tasks: Vec<AbortOnDropHandle<()>>,
    log: Arc<Mutex<StderrLog>>,
    kept: Arc<Mutex<Vec<u8>>>,
    received: Arc<AtomicU64>,
}

impl Readers {
    /// Starts to read.
    pub(super) fn start(pipes: &mut Pipes, stdout: &Stdout, monitor: Option<&Arc<Monitor>>) -> Self {
        let mut readers =
            Self { tasks: Vec::new(), log: Arc::default(), kept: Arc::default(), received: Arc::default() };
        if let Some(pipe) = pipes.stdout.take() {
            match (stdout, monitor) {
                (Stdout::Lines, Some(monitor)) => readers.spawn(pipe, stdout_lines(Arc::clone(monitor))),
                (Stdout::Keep(limit), _) => readers.spawn(pipe, keep(Arc::clone(&readers.kept), *limit)),
                _ => readers.spawn(pipe, |_, _| ()),
            }
        }
        if let Some(pipe) = pipes.stderr.take() {
            readers.spawn(pipe, stderr_lines(Arc::clone(&readers.log), monitor.cloned()));
        }
        readers
    }

    fn spawn(&mut self, pipe: pipe::Receiver, each: impl FnMut(&[u8], bool) + Send + 'static) {
        let task = tokio::spawn(empty(pipe, Arc::clone(&self.received), each));
        self.tasks.push(AbortOnDropHandle::new(task));
    }

    /// Counts the bytes that came out of the pipes.
    pub(super) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// Waits until both pipes have ended, but not for ever.
    pub(super) async fn finish(self) -> (StderrLog, Vec<u8>) {
        let ends = async {
            for task in self.tasks {
                // Fails only where a reader panicked; what it read is kept.
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, ends).await;
        (std::mem::take(&mut *lock(&self.log)), std::mem::take(&mut *lock(&self.kept)))
    }
}

/// Reads `pipe` to its end. `each` gets the bytes as they come, and at last an empty piece with `true`.
async fn empty(mut pipe: pipe::Receiver, received: Arc<AtomicU64>, mut each: impl FnMut(&[u8], bool)) {
    let mut chunk = vec![0; CHUNK];
    loop {
        match pipe.read(&mut chunk).await {
            Ok(0) => break,
            Ok(length) => {
                received.fetch_add(length as u64, Ordering::Relaxed);
                each(&chunk[..length], false);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pipe has no errors that pass.
            Err(_) => break,
        }
    }
    each(&[], true);
}

fn stdout_lines(monitor: Arc<Monitor>) -> impl FnMut(&[u8], bool) + Send {
    let (mut splitter, mut parser) = (LineSplitter::default(), ProgressParser::default());
    move |bytes, end| {
        let mut each = |line: &str| monitor.stdout_line(&mut parser, line);
        splitter.push(bytes, &mut each);
        if end {
            splitter.finish(&mut each);
        }
    }
}

fn stderr_lines(log: Arc<Mutex<StderrLog>>, monitor: Option<Arc<Monitor>>) -> impl FnMut(&[u8], bool) + Send {
    let mut splitter = LineSplitter::default();
    move |bytes, end| {
        let mut log = lock(&log);
        let mut each = |line: &str| {
            log.push(line);
            if let Some(monitor) = &monitor {
                monitor.stderr_line(line);
            }
        };
        splitter.push(bytes, &mut each);
        if end {
            splitter.finish(&mut each);
        }
    }
}

fn keep(kept: Arc<Mutex<Vec<u8>>>, limit: usize) -> impl FnMut(&[u8], bool) + Send {
    move |bytes, _| {
        let mut kept = lock(&kept);
        let room = limit - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both hold plain lines and bytes, which stay good whoever panicked.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
