//! The DNS cache. One lookup serves many connections.
//!
//! Addresses are cached for a short time, and dropped earlier if a connection to them fails. A failed lookup fails for all
//! callers that waited for it. It is not cached. Lookups run on the [background](crate::background) thread: they continue when
//! their caller gives up, and no runtime of the embedder can block them.
//!
//! Two libraries were considered, without a measurement:
//!
//! - hyper-util's `GaiResolver` has no cache, so each new connection would take a thread for `getaddrinfo`.
//! - hickory-resolver has a cache, but asks DNS servers itself and ignores the system's other sources of names. An embedder can
//!   choose it with `EgressBuilder::resolver`.
//!
//! Neither limits the lookups of names that a plugin chooses. Neither drops a name after a failed connection, or filters out
//! forbidden addresses.

use super::internal_addresses::is_internal;
use crate::background;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tower_service::Service;

/// The cache lifetime of addresses. `getaddrinfo` does not return a time to live. AWS recommends this value for the addresses
/// of its endpoints (<https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/jvm-ttl-dns.html>). It is long enough
/// for a burst of new connections to share one lookup.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// The maximum number of cached names. A plugin may ask for as many names as a wildcard allows.
const MOST_NAMES: usize = 64;
/// The maximum number of concurrent lookups. A lookup of the system's resolver occupies a thread until it ends, which takes
/// long if the name server does not respond.
const MOST_LOOKUPS: usize = 32;
/// The maximum number of concurrent lookups for names that only a wildcard allows. A plugin chooses such names, and so their
/// name servers. Slow name servers must not delay the names that the embedder wrote out.
const MOST_WILDCARD_LOOKUPS: usize = 16;

pub(super) type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
/// Looks up a name.
pub(super) type Lookup = Arc<dyn Fn(Name) -> Looking + Send + Sync>;

/// Returns the system's resolver.
pub(super) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let looking = GaiResolver::new().call(name);
            Ok(looking.await?.collect())
        })
    })
}

/// The rules of an [`Egress`](super::Egress) for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    /// True if only a rule with a `*` allows the name.
    pub(super) by_wildcard: bool,
    /// True if the name may resolve to loopback, private and similar addresses.
    pub(super) internal: bool,
}

/// The resolver of one connection.
#[derive(Clone)]
pub(super) struct Resolver {
    cache: DnsCache,
    resolution: Resolution,
}

/// A cache of the addresses of names. Clones share it.
#[derive(Clone)]
pub(super) struct DnsCache(Arc<Shared>);

struct Shared {
    lookup: Lookup,
    entries: Mutex<Entries>,
    /// Wakes callers that wait for room when a lookup ends. It wakes all of them instead of handing a permit to one, because a
    /// caller whose runtime does not run would keep the permit.
    ended: Notify,
}

#[derive(Default)]
struct Entries {
    names: HashMap<String, Entry>,
    lookups: usize,
    wildcard_lookups: usize,
}

enum Entry {
    Looking(watch::Receiver<Outcome>),
    Found(Arc<Found>),
}

/// `None` while the lookup runs.
type Outcome = Option<Result<Arc<Found>, NotResolved>>;

struct Found {
    addresses: Vec<SocketAddr>,
    /// The number of connections that have used the addresses.
    used: AtomicUsize,
    at: Instant,
}

/// The reason why a name has no usable address.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum NoAddress {
    #[error(transparent)]
    NotResolved(#[from] NotResolved),
    /// All its addresses are internal, and the embedder does not allow those.
    #[error("the name resolves to internal addresses only")]
    Internal,
}

/// The lookup of a name failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResolved(#[source] Arc<io::Error>);

impl From<io::Error> for NotResolved {
    fn from(cause: io::Error) -> Self {
        Self(Arc::new(cause))
    }
}

/// The state of a name when a caller asks for it.
enum Asked {
    Known(Arc<Found>),
    Looking(watch::Receiver<Outcome>),
    NoRoom,
}

impl DnsCache {
    pub(super) fn new(lookup: Lookup) -> Self {
        Self(Arc::new(Shared {
            lookup,
            entries: Mutex::default(),
            ended: Notify::new(),
        }))
    }

    pub(super) fn resolver(&self, resolution: Resolution) -> Resolver {
        Resolver {
            cache: self.clone(),
            resolution,
        }
    }

    /// Returns the addresses of a name. It has no time limit of its own: the caller sets one.
    async fn addresses(
        &self,
        name: Name,
        by_wildcard: bool,
    ) -> Result<Vec<SocketAddr>, NotResolved> {
        let mut outcome = loop {
            let mut ended = pin!(self.0.ended.notified());
            // Registers now rather than at the first poll, so that no lookup that ends in between is missed.
            ended.as_mut().enable();
            match self.ask(&name, by_wildcard)? {
                Asked::Known(found) => return Ok(found.next()),
                Asked::Looking(outcome) => break outcome,
                Asked::NoRoom => ended.await,
            }
        };
        // The sender is dropped without an outcome if the lookup panics.
        let told = outcome.wait_for(Option::is_some).await;
        let told = told.ok().and_then(|told| told.clone());
        match told {
            Some(outcome) => Ok(outcome?.next()),
            None => Err(io::Error::other("the resolver stopped without an answer").into()),
        }
    }

    /// Returns the state of a name. Starts a lookup if none is running for it.
    fn ask(&self, name: &Name, by_wildcard: bool) -> Result<Asked, NotResolved> {
        let mut entries = self.entries();
        match entries.names.get(name.as_str()) {
            Some(Entry::Found(found)) if found.at.elapsed() < KEPT_FOR => {
                return Ok(Asked::Known(Arc::clone(found)));
            }
            Some(Entry::Looking(outcome)) => return Ok(Asked::Looking(outcome.clone())),
            Some(Entry::Found(_)) | None => {}
        }
        if !entries.has_room(by_wildcard) {
            return Ok(Asked::NoRoom);
        }
        if entries.names.len() >= MOST_NAMES {
            // Running lookups stay in the map, so that a name never has a second one.
            entries
                .names
                .retain(|_, entry| matches!(entry, Entry::Looking(_)));
        }
        let (tell, outcome) = watch::channel(None);
        let entry = Entry::Looking(outcome.clone());
        entries.names.insert(name.as_str().to_owned(), entry);
        entries.count(by_wildcard);
        drop(entries);
        let lookup = RunningLookup {
            cache: self.clone(),
            name: name.clone(),
            by_wildcard,
            at: Instant::now(),
            tell,
        };
        background::spawn(lookup.run())?;
        Ok(Asked::Looking(outcome))
    }

    /// Removes a name from the cache, after a connection to its addresses failed.
    pub(super) fn forget(&self, name: &str) {
        let mut entries = self.entries();
        if let Some(Entry::Found(_)) = entries.names.get(name) {
            entries.names.remove(name);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn has_room(&self, by_wildcard: bool) -> bool {
        self.lookups < MOST_LOOKUPS
            && (!by_wildcard || self.wildcard_lookups < MOST_WILDCARD_LOOKUPS)
    }

    fn count(&mut self, by_wildcard: bool) {
        self.lookups += 1;
        self.wildcard_lookups += usize::from(by_wildcard);
    }

    fn discount(&mut self, by_wildcard: bool) {
        self.lookups -= 1;
        self.wildcard_lookups -= usize::from(by_wildcard);
    }
}

/// A running lookup. Dropping it makes room for another, even if the resolver panics.
struct RunningLookup {
    cache: DnsCache,
    name: Name,
    by_wildcard: bool,
    /// The start of the lookup, by the clock of the caller's runtime.
    at: Instant,
    tell: watch::Sender<Outcome>,
}

impl RunningLookup {
    async fn run(self) {
        let begun = Instant::now();
        let outcome = match (self.cache.0.lookup)(self.name.clone()).await {
            Ok(addresses) => Ok(Arc::new(Found {
                addresses,
                used: AtomicUsize::new(0),
                at: self.at + begun.elapsed(),
            })),
            Err(cause) => Err(NotResolved::from(cause)),
        };
        if let Ok(found) = &outcome {
            let entry = Entry::Found(Arc::clone(found));
            let name = self.name.as_str().to_owned();
            self.cache.entries().names.insert(name, entry);
        }
        // Fails if no caller waits any more.
        let _ = self.tell.send(Some(outcome));
    }
}

impl Drop for RunningLookup {
    fn drop(&mut self) {
        let mut entries = self.cache.entries();
        entries.discount(self.by_wildcard);
        if let Some(Entry::Looking(_)) = entries.names.get(self.name.as_str()) {
            entries.names.remove(self.name.as_str());
        }
        drop(entries);
        self.cache.0.ended.notify_waiters();
    }
}

impl Found {
    /// Returns the addresses, rotated within the preferred address family, as resolvers do. Otherwise one lookup would send all
    /// connections to the same server.
    fn next(&self) -> Vec<SocketAddr> {
        let mut addresses = self.addresses.clone();
        let family = addresses.first().map(SocketAddr::is_ipv4);
        let preferred = addresses
            .iter()
            .take_while(|address| Some(address.is_ipv4()) == family)
            .count();
        if let Some(preferred) = addresses.get_mut(..preferred)
            && !preferred.is_empty()
        {
            let used = self.used.fetch_add(1, Ordering::Relaxed);
            preferred.rotate_left(used % preferred.len());
        }
        addresses
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NoAddress;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoAddress>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), NoAddress>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { cache, resolution } = self.clone();
        Box::pin(async move {
            let mut addresses = cache.addresses(name, resolution.by_wildcard).await?;
            let had_some = !addresses.is_empty();
            if !resolution.internal {
                addresses.retain(|address| !is_internal(address.ip()));
            }
            if had_some && addresses.is_empty() {
                return Err(NoAddress::Internal);
            }
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::assert_matches;

    fn cache() -> DnsCache {
        DnsCache::new(Arc::new(|_| {
            Box::pin(async {
                let found = ["[::1]:0", "[::2]:0", "127.0.0.1:0", "127.0.0.2:0"];
                Ok(found.map(|address| address.parse().unwrap()).to_vec())
            })
        }))
    }

    #[tokio::test]
    async fn addresses_of_the_preferred_family_rotate() {
        let cache = cache();
        let mut asked = Vec::new();
        for _ in 0..3 {
            let addresses = cache
                .addresses("a.example".parse().unwrap(), false)
                .await
                .unwrap();
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
    async fn denied_internal_addresses_are_filtered_out() {
        let cache = DnsCache::new(Arc::new(|name| {
            let found: &[_] = match name.as_str() {
                "none.example" => &[],
                "internal.example" => &["127.0.0.1:0", "[fd00:ec2::254]:0"],
                _ => &["127.0.0.1:0", "192.0.66.1:0", "169.254.169.254:0"],
            };
            let found = found.iter().map(|address| address.parse().unwrap());
            let found = Ok(found.collect());
            Box::pin(async { found })
        }));
        let public = Resolution {
            by_wildcard: false,
            internal: false,
        };
        let ask = async |name: &str| {
            let mut resolver = cache.resolver(public);
            let found = resolver.call(name.parse().unwrap()).await;
            found.map(|found| found.map(|address| address.ip().to_string()).collect())
        };
        let found: Vec<String> = ask("both.example").await.unwrap();
        assert_eq!(found, ["192.0.66.1"]);
        let found: Vec<String> = ask("none.example").await.unwrap();
        assert!(found.is_empty());
        let refused: Result<Vec<String>, _> = ask("internal.example").await;
        assert_matches!(refused, Err(NoAddress::Internal));
    }

    #[tokio::test]
    async fn number_of_cached_names_is_limited() {
        let cache = cache();
        for n in 0..3 * MOST_NAMES {
            cache
                .addresses(format!("n{n}.example").parse().unwrap(), true)
                .await
                .unwrap();
            assert!(cache.entries().names.len() <= MOST_NAMES);
        }
    }
}
