//! Finds the addresses of a name, and hands out only those that may be reached.
//!
//! The connection goes to what is handed out here and is never looked up again: a name that stands for a public address at
//! one moment and for a local one at the next (DNS rebinding) gains nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Networks;
use super::error::Refused;

/// The addresses of a name, on their way.
type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks a name up.
type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// Looks names up, and hands out only what may be reached.
pub(super) struct Resolver {
    networks: Arc<Networks>,
    look_up: Lookup,
}

impl Resolver {
    /// A resolver that asks the system.
    pub(super) fn new(networks: Arc<Networks>) -> Self {
        Self::asking(networks, Arc::new(|name| Box::pin(ask_the_system(name))))
    }

    fn asking(networks: Arc<Networks>, look_up: Lookup) -> Self {
        Self { networks, look_up }
    }
}

async fn ask_the_system(name: String) -> io::Result<Vec<SocketAddr>> {
    // Without a port: it comes from the URL.
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (networks, found) = (Arc::clone(&self.networks), (self.look_up)(name.as_str().to_owned()));
        Box::pin(async move {
            let mut addresses = found.await?;
            let known = !addresses.is_empty();
            addresses.retain(|address| networks.reach(address.ip()));
            if known && addresses.is_empty() {
                return Err(Refused::Forbidden.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A resolver whose names have these addresses, each look-up the next of them.
    fn resolver(answers: &[&[&str]]) -> Resolver {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let answers: Vec<Vec<SocketAddr>> = answers.iter().rev().map(parse).collect();
        let answers = Mutex::new(answers);
        let look_up = move |_| -> Found {
            let answer = answers.lock().unwrap().pop().unwrap();
            Box::pin(async move { Ok(answer) })
        };
        Resolver::asking(Arc::default(), Arc::new(look_up))
    }

    async fn resolve(resolver: &Resolver) -> Result<Vec<String>, String> {
        let found = resolver.resolve("rebind.example.org".parse().unwrap()).await;
        found.map(|found| found.map(|address| address.ip().to_string()).collect()).map_err(|error| {
            assert_eq!(error.downcast_ref::<Refused>(), Some(&Refused::Forbidden));
            error.to_string()
        })
    }

    #[tokio::test]
    async fn only_addresses_that_may_be_reached_are_handed_out() {
        let resolver = resolver(&[&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1"]]);
        assert_eq!(resolve(&resolver).await.unwrap(), ["1.1.1.1", "2606:4700::1"]);
    }

    #[tokio::test]
    async fn a_name_that_turns_to_a_local_address_is_refused_from_then_on() {
        let resolver = resolver(&[&["1.1.1.1"], &["127.0.0.1"], &["::ffff:169.254.169.254", "fd00::1"]]);
        assert_eq!(resolve(&resolver).await.unwrap(), ["1.1.1.1"]);
        assert!(resolve(&resolver).await.is_err());
        assert!(resolve(&resolver).await.is_err());
    }
}
