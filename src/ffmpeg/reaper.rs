//! Reaps the processes whose runs were dropped, so that none stays behind as a zombie.
//!
//! A thread of its own does it, since a dropped run may be the last thing that its runtime does.

use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::process;

/// How often the processes that were killed but haven't ended yet are looked at.
const ROUND: Duration = Duration::from_millis(10);

static REAPER: Mutex<Option<Sender<Child>>> = Mutex::new(None);

/// Takes over a child whose process group was killed.
pub(super) fn take(child: Child) {
    // Only the sender stands behind the lock.
    let mut reaper = REAPER.lock().unwrap_or_else(PoisonError::into_inner);
    let sender = reaper.get_or_insert_with(|| {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("ffmpeg-reaper".to_owned()).stack_size(128 * 1024);
        if let Err(error) = thread.spawn(move || reap(&receiver)) {
            tracing::warn!(%error, "failed to start the reaper");
        }
        sender
    });
    if sender.send(child).is_err() {
        // The thread didn't start: the next child tries again.
        *reaper = None;
    }
}

fn reap(receiver: &Receiver<Child>) {
    let mut pending: Vec<Child> = Vec::new();
    loop {
        let next = if pending.is_empty() {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            receiver.recv_timeout(ROUND)
        };
        match next {
            Ok(child) => pending.push(child),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pending.retain_mut(|child| process::reap_if_ended(child).is_none());
    }
}
