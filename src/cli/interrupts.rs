//! Ctrl-C, counted: what the first and the second one mean is up to who asks.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often Ctrl-C was pressed since the program began to listen.
#[derive(Clone, Debug)]
pub(super) struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    /// Begins to listen; from now on Ctrl-C doesn't end the program by itself.
    pub(super) fn listen() -> io::Result<Self> {
        let mut signals = signal(SignalKind::interrupt())?;
        let (count, receiver) = watch::channel(0);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// How often so far.
    pub(super) fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Waits until it was pressed more than `count` times.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub(super) async fn more_than(&self, count: u32) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now > count).await.is_err() {
            // Nobody counts any more, which happens only where the runtime ends.
            std::future::pending::<()>().await;
        }
    }

    /// Interrupts that a test counts.
    #[cfg(test)]
    pub(super) fn counted() -> (watch::Sender<u32>, Self) {
        let (count, receiver) = watch::channel(0);
        (count, Self(receiver))
    }
}
