//! The client that fetches: what it may do, and the one thing that it does.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, redirect};

use super::address::Networks;
use super::download::Download;
use super::error::{FetchError, Refused};
use super::patience::Patience;
use super::resolver::Resolver;
use super::target::Target;

/// The most bytes of an input unless something else is said.
const MOST_BYTES: u64 = 100 << 30;

/// What bounds all fetching.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Which addresses may be reached.
    pub networks: Arc<Networks>,
    /// The most bytes of one input.
    pub max_bytes: u64,
    /// How many bytes of the disk are left free.
    pub reserve_bytes: u64,
    /// How patient it is.
    pub patience: Patience,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { networks: Arc::default(), max_bytes: MOST_BYTES, reserve_bytes: 0, patience: Patience::default() }
    }
}

/// Fetches inputs from other servers.
#[derive(Debug)]
pub struct Fetcher {
    bounds: Bounds,
    /// Made when it is needed first: reading the system's certificates takes its time. None where it can't be made.
    client: OnceLock<Option<Client>>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

impl Fetcher {
    /// A fetcher within these bounds.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, client: OnceLock::new() }
    }

    /// The most bytes of one input.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.bounds.max_bytes
    }

    /// Reads a URL and checks it as far as that goes without asking anybody.
    ///
    /// # Errors
    /// As [`Target::read`].
    pub fn target(&self, url: &str) -> Result<Target, Refused> {
        Target::read(url, &self.bounds.networks)
    }

    /// Fetches `target` into the file `to`, which is made anew, and returns its size; `most` bounds that further than the
    /// fetcher itself. `told` is told of every piece: the bytes there are, and how many there will be where the other server
    /// says so.
    ///
    /// # Errors
    /// [`FetchError`] says why there is no input. What is in the file then is of no use.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; what was fetched stays in the file.
    pub async fn fetch(
        &self,
        target: &Target,
        to: &Path,
        most: u64,
        told: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<u64, FetchError> {
        let client = self.client.get_or_init(|| client(&self.bounds)).as_ref().ok_or(FetchError::Client)?;
        let most = most.min(self.bounds.max_bytes);
        Download::open(client, &self.bounds, most, target, to, told).await?.run().await
    }
}

/// A client that goes nowhere by itself: no proxy, no redirect, no connection kept for a name that may mean something else
/// by then.
fn client(bounds: &Bounds) -> Option<Client> {
    // Whoever uses this as a library may have installed one; either is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(bounds.patience.connect)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("transcoded/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Resolver::new(Arc::clone(&bounds.networks))))
    };
    match builder().build() {
        Ok(client) => Some(client),
        // Without the system's certificates no https can be trusted, but there is still http.
        Err(error) => {
            tracing::warn!(%error, "no https inputs can be fetched: this system's certificates can't be used");
            builder().tls_certs_only([]).build().ok()
        }
    }
}
