//! Keeps the leases of this server's attempts alive, and ends an attempt whose lease it can't keep before it is over.
//!
//! Time is counted from before a renewal is asked for, on the steady clock of this process: so the attempt is surely gone
//! when the database gives its job to somebody else, however late the answer comes and whatever the time of day does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::seats::Seats;
use crate::queue::Queue;

/// Renews leases for ever, six times in the life of one.
pub(super) async fn keep(queue: Arc<Queue>, seats: Seats, lease: Duration) {
    loop {
        sleep(lease / 6).await;
        tokio::select! {
            () = renew(&queue, &seats) => {}
            // The database doesn't answer; the next round asks again.
            () = until(seats.first_deadline()) => {}
        }
        seats.fence_overdue(Instant::now());
    }
}

async fn renew(queue: &Queue, seats: &Seats) {
    let asked = Instant::now();
    let renewals = seats.renewals();
    if renewals.is_empty() {
        return;
    }
    match queue.renew(renewals.clone()).await {
        Ok(held) => seats.renewed(&renewals, &held, asked),
        Err(error) => tracing::error!(%error, "the leases could not be renewed; trying again"),
    }
    // What was not renewed in time waits for somebody to say so.
    if let Err(error) = queue.expire().await {
        tracing::error!(%error, "leases that are over could not be ended; trying again");
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
