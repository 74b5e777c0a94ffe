//! Which token stops which job: one entry for each job that isn't over, all of them children of the server's own token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::JobLog;
use crate::domain::id::JobId;
use crate::domain::job::{CancelReason, JobProgress};

/// How long a stop may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// As long as the job says.
    Usual,
    /// At most this long.
    AtMost(Duration),
}

/// What can be done with a job that isn't over.
#[derive(Debug)]
pub struct Entry {
    stop: CancellationToken,
    kill: CancellationToken,
    reason: Arc<OnceLock<CancelReason>>,
    pause: watch::Sender<bool>,
    fenced: AtomicBool,
    progress: Mutex<Option<JobProgress>>,
    log: Mutex<JobLog>,
}

impl Entry {
    fn new(parent: &CancellationToken) -> Self {
        Self {
            stop: parent.child_token(),
            // Not a child: being asked to stop must not end the grace as well.
            kill: CancellationToken::new(),
            reason: Arc::default(),
            pause: watch::Sender::new(false),
            fenced: AtomicBool::new(false),
            progress: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Cancelled when the job is to stop.
    #[must_use]
    pub fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Cancelled when it has had time enough to stop.
    #[must_use]
    pub fn kill_token(&self) -> &CancellationToken {
        &self.kill
    }

    /// Why it is to stop: set before the stop, unless that came from the server's own token, which is a shutdown.
    #[must_use]
    pub fn reason(&self) -> &Arc<OnceLock<CancelReason>> {
        &self.reason
    }

    /// Asks it to stop. The first reason stays.
    pub(super) fn stop(&self, reason: CancelReason) {
        // Somebody may have asked before.
        let _ = self.reason.set(reason);
        self.stop.cancel();
    }

    /// Whether its attempt is to stand still; it then takes no slot.
    #[must_use]
    pub fn paused(&self) -> watch::Receiver<bool> {
        self.pause.subscribe()
    }

    /// Whether its attempt is to stand still at the moment.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.pause.borrow()
    }

    /// Ends its attempt at once and for nothing: the lease could not be kept, and somebody else may run the job by now.
    pub fn fence(&self) {
        self.fenced.store(true, Ordering::SeqCst);
        self.stop.cancel();
        self.kill.cancel();
    }

    /// Whether its attempt was ended for want of a lease.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::SeqCst)
    }

    /// How far its attempt has got; `None` where it doesn't run.
    #[must_use]
    pub fn progress(&self) -> Option<JobProgress> {
        lock(&self.progress).clone()
    }

    /// What its attempt has logged so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        lock(&self.log).text()
    }

    pub(super) fn set_progress(&self, progress: JobProgress) {
        *lock(&self.progress) = Some(progress);
    }

    pub(super) fn add_log_line(&self, line: &str) {
        lock(&self.log).add(line);
    }
}

/// The entries of all jobs that aren't over.
#[derive(Debug)]
pub(super) struct Registry {
    root: CancellationToken,
    entries: Mutex<HashMap<JobId, Arc<Entry>>>,
}

impl Registry {
    pub(super) fn new(root: CancellationToken) -> Self {
        Self { root, entries: Mutex::default() }
    }

    pub(super) fn root(&self) -> &CancellationToken {
        &self.root
    }

    /// Makes sure that a job that is queued has an entry which nobody has asked to stop.
    pub(super) fn enter(&self, job: JobId) {
        let fresh = Arc::new(Entry::new(&self.root));
        lock(&self.entries).insert(job, fresh);
    }

    /// Lets the job's attempt stand still. A job without one can't have been asked for anything yet, or has lost it.
    pub(super) fn pause(&self, job: JobId, open: bool) {
        if !open {
            self.enter(job);
        } else if let Some(entry) = self.get(job) {
            entry.pause.send_replace(true);
        }
    }

    /// Lets the job's attempt go on.
    pub(super) fn go_on(&self, job: JobId) {
        if let Some(entry) = self.get(job) {
            entry.pause.send_replace(false);
        }
    }

    /// Asks the job's attempt to stop for a client; one that stands still has to go on for that.
    ///
    /// It follows the commit of the request like everything else, so that it reaches the attempt whatever becomes of the
    /// one who asked, and never one that came later.
    pub(super) fn stop(&self, job: JobId) {
        if let Some(entry) = self.get(job) {
            entry.pause.send_replace(false);
            entry.stop(CancelReason::Client);
        }
    }

    pub(super) fn leave(&self, job: JobId) {
        lock(&self.entries).remove(&job);
    }

    pub(super) fn get(&self, job: JobId) -> Option<Arc<Entry>> {
        lock(&self.entries).get(&job).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        lock(&self.entries).values().cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn the_servers_token_reaches_every_job_and_a_jobs_token_only_itself() {
        let registry = Registry::new(CancellationToken::new());
        let [first, second] = [1, 2].map(|n| JobId::new(Timestamp::from_millis(0), &[n; 10]));
        registry.enter(first);
        registry.enter(second);
        let entries = [first, second].map(|job| registry.get(job).unwrap());
        entries[0].stop(CancelReason::Client);
        entries[0].stop(CancelReason::Timeout);
        assert!(entries[0].stop_token().is_cancelled() && !entries[1].stop_token().is_cancelled());
        assert_eq!(entries[0].reason().get(), Some(&CancelReason::Client));
        registry.root().cancel();
        assert!(entries[1].stop_token().is_cancelled() && !entries[1].kill_token().is_cancelled());
        assert_eq!(entries[1].reason().get(), None);
    }
}
