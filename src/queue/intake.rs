//! Whether jobs are started at the moment. What is submitted is taken all the same: it is safe on disk, and waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What keeps jobs from being started.
#[derive(Debug)]
pub struct Intake {
    drained: AtomicBool,
    disk_low: AtomicBool,
    changed: Arc<Notify>,
}

impl Intake {
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        Self { drained: AtomicBool::new(false), disk_low: AtomicBool::new(false), changed }
    }

    /// Starts no more jobs (`true`), or starts them again. What runs goes on.
    pub fn drain(&self, drained: bool) {
        self.drained.store(drained, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// Whether somebody wants no more jobs to be started.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained.load(Ordering::SeqCst)
    }

    /// Notes whether there is too little room on the disk to start a job. Whether that is news.
    pub fn set_disk_low(&self, low: bool) -> bool {
        self.disk_low.swap(low, Ordering::SeqCst) != low
    }

    /// Whether there is too little room on the disk to start a job.
    #[must_use]
    pub fn is_disk_low(&self) -> bool {
        self.disk_low.load(Ordering::SeqCst)
    }
}
