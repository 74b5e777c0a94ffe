//! How long the other server may take, and how often it is asked again.

use std::time::Duration;

/// How long the other server may take, and how often it is asked again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a connection may take to come about, the look-up of the name included.
    pub connect: Duration,
    /// How long nothing may come before that counts as a break.
    pub silence: Duration,
    /// The wait before it is asked again for the first time; doubled each time that this has helped nothing.
    pub wait: Duration,
    /// How often it is asked again without anything new having come.
    pub resumptions: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            wait: Duration::from_millis(500),
            resumptions: 5,
        }
    }
}

impl Patience {
    /// How long to wait before it is asked again, after that was done `resumed` times for nothing; `None` where it isn't worth
    /// doing once more.
    pub(super) fn wait_after(&self, resumed: u32) -> Option<Duration> {
        (resumed < self.resumptions).then(|| self.wait.saturating_mul(1 << resumed.min(16)))
    }
}
