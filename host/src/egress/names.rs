//! A name is looked up once for many connections: what was found is used again for a short time, and not at all once it
//! has led nowhere. A lookup that fails fails for all who waited for it, and for nobody who asks later.

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower_service::Service;

/// How long the addresses of a name are used. `getaddrinfo` tells no time to live; this is what AWS recommends to those
/// who keep addresses of its endpoints
/// (<https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/jvm-ttl-dns.html>), and long enough for many
/// connections that are opened at once.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// Of how many names addresses are kept. A plugin may ask for as many names as a wildcard allows.
const MOST_NAMES: usize = 64;

pub(super) type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
/// Looks up a name.
pub(super) type Lookup = Box<dyn Fn(Name) -> Looking + Send + Sync>;

/// The system's resolver.
pub(super) fn system() -> Lookup {
    Box::new(|name| {
        let looking = GaiResolver::new().call(name);
        Box::pin(async move { Ok(looking.await?.collect()) })
    })
}

/// The addresses of names. A clone is the same.
#[derive(Clone)]
pub(super) struct Names(Arc<Shared>);

struct Shared {
    lookup: Lookup,
    known: Mutex<HashMap<String, Entry>>,
}

/// Whoever looks a name up holds its lock; who asks meanwhile waits, and then finds the answer.
type Entry = Arc<tokio::sync::Mutex<Option<Answer>>>;

enum Answer {
    Found(Found),
    Failed { cause: NotResolved, ended: Instant },
}

struct Found {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// The name was not resolved.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResolved(#[source] Arc<io::Error>);

impl Names {
    pub(super) fn new(lookup: Lookup) -> Self {
        let known = Mutex::default();
        Self(Arc::new(Shared { lookup, known }))
    }

    async fn addresses(&self, name: Name) -> Result<Vec<SocketAddr>, NotResolved> {
        let entry = self.entry(name.as_str());
        let asked = Instant::now();
        let mut answer = entry.lock().await;
        match &mut *answer {
            Some(Answer::Found(found)) if found.at.elapsed() < KEPT_FOR => return Ok(found.next()),
            Some(Answer::Failed { cause, ended }) if asked < *ended => return Err(cause.clone()),
            Some(_) | None => {}
        }
        let at = Instant::now();
        match (self.0.lookup)(name).await {
            Ok(addresses) => {
                let mut found = Found { addresses, at };
                let addresses = found.next();
                *answer = Some(Answer::Found(found));
                Ok(addresses)
            }
            Err(cause) => {
                let cause = NotResolved(Arc::new(cause));
                *answer = Some(Answer::Failed {
                    cause: cause.clone(),
                    ended: Instant::now(),
                });
                Err(cause)
            }
        }
    }

    /// Forgets a name whose addresses led nowhere.
    pub(super) fn forget(&self, name: &str) {
        self.known().remove(name);
    }

    fn entry(&self, name: &str) -> Entry {
        let mut known = self.known();
        if let Some(entry) = known.get(name) {
            return Arc::clone(entry);
        }
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        Arc::clone(known.entry(name.to_owned()).or_default())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// The addresses, another of the preferred family first each time, as resolvers do it too: one lookup must not send
    /// every connection to the same server.
    fn next(&mut self) -> Vec<SocketAddr> {
        let addresses = self.addresses.clone();
        let family = addresses.first().map(SocketAddr::is_ipv4);
        let preferred = self
            .addresses
            .iter()
            .take_while(|address| Some(address.is_ipv4()) == family)
            .count();
        if let Some(preferred) = self.addresses.get_mut(..preferred)
            && !preferred.is_empty()
        {
            preferred.rotate_left(1);
        }
        addresses
    }
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NotResolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NotResolved>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), NotResolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let names = self.clone();
        Box::pin(async move { Ok(names.addresses(name).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(Box::new(|_| {
            Box::pin(async {
                let found = ["[::1]:0", "[::2]:0", "127.0.0.1:0", "127.0.0.2:0"];
                Ok(found.map(|address| address.parse().unwrap()).to_vec())
            })
        }))
    }

    #[tokio::test]
    async fn the_addresses_of_the_preferred_family_take_turns_at_being_the_first() {
        let names = names();
        let mut asked = Vec::new();
        for _ in 0..3 {
            let addresses = names.addresses("a.example".parse().unwrap()).await.unwrap();
            asked.push(
                addresses
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(
            asked[0],
            ["[::1]:0", "[::2]:0", "127.0.0.1:0", "127.0.0.2:0"]
        );
        assert_eq!(
            asked[1],
            ["[::2]:0", "[::1]:0", "127.0.0.1:0", "127.0.0.2:0"]
        );
        assert_eq!(asked[2], asked[0]);
    }

    #[tokio::test]
    async fn no_more_names_are_kept_than_the_most() {
        let names = names();
        for n in 0..3 * MOST_NAMES {
            names
                .addresses(format!("n{n}.example").parse().unwrap())
                .await
                .unwrap();
            assert!(names.known().len() <= MOST_NAMES);
        }
    }
}
