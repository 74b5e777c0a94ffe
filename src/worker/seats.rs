//! Who sits where: the attempts of this server that are open, and until when their leases are safe.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::db::Renewal;
use crate::domain::id::Lease;
use crate::queue::Entry;

/// The open attempts.
#[derive(Clone, Debug)]
pub(super) struct Seats {
    taken: Arc<Mutex<HashMap<Lease, Seat>>>,
    /// How long after a renewal was asked for its lease is surely still held.
    safe: Duration,
}

#[derive(Debug)]
struct Seat {
    entry: Arc<Entry>,
    safe_until: Instant,
}

impl Seats {
    /// No attempts yet. `lease` is how long a lease lasts; the last sixth of it is for the end of ffmpeg.
    pub(super) fn new(lease: Duration) -> Self {
        Self { taken: Arc::default(), safe: lease * 5 / 6 }
    }

    /// Takes a seat for the attempt of `entry`, whose lease was asked for at `asked`.
    pub(super) fn take(&self, lease: Lease, entry: Arc<Entry>, asked: Instant) -> Taken {
        self.lock().insert(lease, Seat { entry, safe_until: asked + self.safe });
        Taken { seats: self.clone(), lease }
    }

    /// How many slots are in use. An attempt that is paused needs none.
    pub(super) fn busy(&self) -> usize {
        self.lock().values().filter(|seat| !seat.entry.is_paused()).count()
    }

    /// What is to be renewed.
    pub(super) fn renewals(&self) -> Vec<Renewal> {
        self.lock().iter().map(|(&lease, seat)| Renewal { lease, progress: seat.entry.progress() }).collect()
    }

    /// When the first lease isn't safe any more.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        self.lock().values().filter(|seat| !seat.entry.is_fenced()).map(|seat| seat.safe_until).min()
    }

    /// Notes that of the `asked` leases, which were asked for at `at`, the `held` ones were renewed. The others are over,
    /// and what they stood for is ended.
    pub(super) fn renewed(&self, asked: &[Renewal], held: &[Lease], at: Instant) {
        let mut taken = self.lock();
        for Renewal { lease, .. } in asked {
            let Some(seat) = taken.get_mut(lease) else { continue };
            if held.contains(lease) {
                seat.safe_until = at + self.safe;
            } else {
                tracing::error!(%lease, "a lease is over; its attempt is ended");
                seat.entry.fence();
            }
        }
    }

    /// Ends the attempts whose leases aren't safe any more.
    pub(super) fn fence_overdue(&self, now: Instant) {
        for (lease, seat) in self.lock().iter() {
            if seat.safe_until <= now && !seat.entry.is_fenced() {
                tracing::error!(%lease, "a lease could not be renewed in time; its attempt is ended before it is over");
                seat.entry.fence();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, Seat>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A taken seat; dropping it leaves it.
#[derive(Debug)]
pub(super) struct Taken {
    seats: Seats,
    lease: Lease,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.lease);
    }
}
