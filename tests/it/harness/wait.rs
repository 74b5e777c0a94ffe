//! Waiting for what is to come, never for time to pass. The bounds are for hangs only.

use std::future::Future;
use std::time::Duration;

/// Longer than anything takes on a busy machine.
pub const LONG: Duration = Duration::from_mins(1);

/// What the future yields; a panic that names `what` where it doesn't in time.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// Asks again and again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    within(what, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            // Between two looks at something that tells nobody when it changes.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}
