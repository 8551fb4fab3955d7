//! The current signer. Credentials are fetched again some time before they expire, once for all
//! calls of the instance. The time of the fetch is random, so that the instances of a fleet do
//! not all ask at once. While the old credentials are valid, a failed fetch does not fail any
//! call.
//!
//! The refresh windows are those that AWS's SDKs agreed on in 2026: smithy-rs, commit
//! 0e89e4b, `aws/rust-runtime/aws-runtime/src/static_stability.rs`. The jitter is
//! our own.

use super::source::CredentialsSource;
use super::{Settings, Signing};
use crate::aws::retry::share;
use crate::aws::sign::Signer;
use crate::error::Error;
use crate::http::Platform;
use aws_credential_types::Credentials;
use futures_util::future::{Either, FutureExt, LocalBoxFuture, Shared, select};
use std::cell::RefCell;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// A fetch in progress, shared by all calls that wait for it.
type Fetch = Shared<LocalBoxFuture<'static, Result<Rc<Signer>, Error>>>;

/// The maximum time that a call with valid credentials waits for new ones. A slow source must
/// not fail the call, and STS responds within a second.
const LONGEST_EARLY_FETCH: Duration = Duration::from_secs(3);

/// The signers of one client.
pub struct Signers<P> {
    guest: Option<Rc<Guest<P>>>,
}

/// The signer of a request.
#[derive(Debug)]
pub struct ResolvedSigner {
    /// The signer; none if the host signs.
    pub signer: Option<Rc<Signer>>,
    /// True if the call waited for the signer.
    pub waited: bool,
}

/// The state of a component that signs itself.
struct Guest<P> {
    platform: Rc<P>,
    source: Rc<dyn CredentialsSource>,
    region: String,
    service: &'static str,
    current: RefCell<Option<Current>>,
    fetch: RefCell<Option<Fetch>>,
}

struct Current {
    signer: Rc<Signer>,
    times: Times,
}

impl<P: Platform> Signers<P> {
    /// Creates the signers of requests to `service` in `region`. Nothing is fetched before the
    /// first call.
    pub fn new(platform: &Rc<P>, signing: Signing, region: String, service: &'static str) -> Self {
        let guest = |settings: Box<Settings>| {
            Rc::new(Guest {
                platform: Rc::clone(platform),
                source: settings.source(platform),
                region,
                service,
                current: RefCell::default(),
                fetch: RefCell::default(),
            })
        };
        Self {
            guest: match signing {
                Signing::Guest(settings) => Some(guest(settings)),
                Signing::Host => None,
            },
        }
    }
    /// Returns the signer of a request that is sent `now`, by the clock that is used for
    /// signatures. Waits at most until `deadline`.
    ///
    /// # Errors
    ///
    /// If no source provides credentials.
    pub async fn signer(
        &self,
        now: SystemTime,
        deadline: Duration,
    ) -> Result<ResolvedSigner, Error> {
        match &self.guest {
            None => Ok(ResolvedSigner {
                signer: None,
                waited: false,
            }),
            Some(guest) => guest.signer(now, deadline).await,
        }
    }

    /// Returns true if there are newer credentials than those of `used`, which DynamoDB refused
    /// as expired.
    ///
    /// # Errors
    ///
    /// If no source provides credentials.
    pub async fn renewed(
        &self,
        used: &Rc<Signer>,
        now: SystemTime,
        deadline: Duration,
    ) -> Result<bool, Error> {
        match &self.guest {
            None => Ok(false),
            Some(guest) => guest.renewed(used, now, deadline).await,
        }
    }
}

impl<P: Platform> Guest<P> {
    async fn signer(
        self: &Rc<Self>,
        now: SystemTime,
        deadline: Duration,
    ) -> Result<ResolvedSigner, Error> {
        let given = |signer, waited| ResolvedSigner {
            signer: Some(signer),
            waited,
        };
        let due = self
            .current
            .borrow()
            .as_ref()
            .map(|current| (Rc::clone(&current.signer), current.times.due(now)));
        match due {
            Some((signer, Due::Not)) => Ok(given(signer, false)),
            // Another call is already fetching. This one uses the old credentials.
            Some((signer, Due::Soon)) if self.fetch.borrow().is_some() => Ok(given(signer, false)),
            Some((signer, Due::Soon)) => {
                let begin = self.platform.monotonic();
                let longest = (deadline.saturating_sub(begin) / 2).min(LONGEST_EARLY_FETCH);
                let fetched = self.fetched(now, begin.saturating_add(longest)).await;
                Ok(given(
                    fetched.unwrap_or_else(|_| {
                        self.put_off(now);
                        signer
                    }),
                    true,
                ))
            }
            Some((_, Due::Now)) | None => {
                let fetched = self.fetched(now, deadline).await;
                fetched.map(|signer| given(signer, true))
            }
        }
    }

    async fn renewed(
        self: &Rc<Self>,
        used: &Rc<Signer>,
        now: SystemTime,
        deadline: Duration,
    ) -> Result<bool, Error> {
        let is_used = |signer: &Rc<Signer>| Rc::ptr_eq(signer, used);
        if self
            .current_signer()
            .is_some_and(|signer| !is_used(&signer))
        {
            return Ok(true);
        }
        if let Some(current) = &mut *self.current.borrow_mut() {
            current.times.invalidate();
        }
        let signer = self.fetched(now, deadline).await?;
        Ok(!is_used(&signer))
    }

    /// Waits for the fetch in progress, or starts one.
    async fn fetched(
        self: &Rc<Self>,
        now: SystemTime,
        deadline: Duration,
    ) -> Result<Rc<Signer>, Error> {
        let fetch = {
            let mut fetch = self.fetch.borrow_mut();
            let begin = || Rc::clone(self).fetch(now).boxed_local().shared();
            fetch.get_or_insert_with(begin).clone()
        };
        let left = deadline.saturating_sub(self.platform.monotonic());
        match select(fetch, pin!(self.platform.sleep(left))).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right(((), fetch)) => {
                // No other call waits for it. The next call starts a new fetch.
                if fetch.strong_count().is_none_or(|count| count <= 2) {
                    self.fetch.take();
                }
                Err(Error::Timeout(
                    "no AWS credentials before the deadline of the call: their source (STS, a container endpoint or instance metadata) does not respond".to_owned(),
                ))
            }
        }
    }

    async fn fetch(self: Rc<Self>, now: SystemTime) -> Result<Rc<Signer>, Error> {
        let given = self.source.credentials().await;
        let kept = given
            .map_err(Error::from)
            .and_then(|given| self.keep(given, now));
        self.fetch.take();
        kept
    }

    /// Stores new credentials and returns their signer.
    fn keep(&self, given: Credentials, now: SystemTime) -> Result<Rc<Signer>, Error> {
        let times = Times::new(now, given.expiry(), self.platform.random());
        // `now` is the server's estimated time. It is wrong if the machine's clock was set since
        // the estimate, until another response corrects it. So the credentials count as expired
        // only if they are expired by both clocks.
        let own = self.platform.now();
        let has_expired = |at: SystemTime| given.expiry().is_some_and(|expiry| at >= expiry);
        if has_expired(now) && has_expired(own) {
            return Err(Error::Unavailable(
                "the source of AWS credentials returned credentials that have already expired: check the source and this machine's clock".to_owned(),
            ));
        }
        let mut current = self.current.borrow_mut();
        let same = current
            .take()
            .map(|current| current.signer)
            .filter(|signer| signer.is_of(&given));
        let signer =
            same.unwrap_or_else(|| Rc::new(Signer::new(given, self.region.clone(), self.service)));
        *current = Some(Current {
            signer: Rc::clone(&signer),
            times,
        });
        Ok(signer)
    }

    /// Postpones the next fetch after a failed one.
    fn put_off(&self, now: SystemTime) {
        if let Some(current) = &mut *self.current.borrow_mut() {
            current.times.put_off(now, self.platform.random());
        }
    }

    fn current_signer(&self) -> Option<Rc<Signer>> {
        let current = self.current.borrow();
        current.as_ref().map(|current| Rc::clone(&current.signer))
    }
}

impl<P> fmt::Debug for Signers<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.guest.is_some() {
            "guest"
        } else {
            "host"
        };
        f.debug_tuple("Signers").field(&who).finish()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// The time for which credentials without an expiry are used. Another tool may have replaced
/// the file that they come from.
///
/// Source: `client/identity/cache/lazy.rs` of aws-smithy-runtime.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(15 * 60);

/// The longest wait after a failed fetch.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// The shortest wait after a failed fetch.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The need to fetch credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The credentials are valid, and no fetch is needed yet.
    Not,
    /// The credentials are valid, but should be replaced.
    Soon,
    /// The credentials are no longer valid.
    Now,
}

/// The times of one set of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    fetch_from: SystemTime,
    /// The expiry; none if they do not expire.
    expiry: Option<SystemTime>,
    invalid: bool,
}

impl Times {
    /// Returns the times of credentials that were fetched `now`. `random` decides the time of the
    /// next fetch within its window.
    pub(super) fn new(now: SystemTime, expiry: Option<SystemTime>, random: u64) -> Self {
        let fetch_from = match expiry {
            None => now.checked_add(WITHOUT_EXPIRY),
            Some(expiry) => {
                let lifetime = expiry.duration_since(now).unwrap_or_default();
                let window = window(lifetime);
                expiry.checked_sub(window.saturating_sub(share(window / 2, random)))
            }
        };
        Self {
            fetch_from: fetch_from.unwrap_or(now),
            expiry,
            invalid: false,
        }
    }

    /// Returns the need to fetch `now`.
    pub(super) fn due(&self, now: SystemTime) -> Due {
        if self.invalid || self.expiry.is_some_and(|expiry| now >= expiry) {
            Due::Now
        } else if now >= self.fetch_from {
            Due::Soon
        } else {
            Due::Not
        }
    }

    /// Marks the credentials as invalid, whatever their expiry is.
    pub(super) fn invalidate(&mut self) {
        self.invalid = true;
    }

    /// Postpones the next fetch after one that failed `now`. The nearer the expiry, the sooner
    /// the next fetch.
    pub(super) fn put_off(&mut self, now: SystemTime, random: u64) {
        let left = self
            .expiry
            .and_then(|expiry| expiry.duration_since(now).ok());
        let longest = left.map_or(LONGEST_WAIT, |left| (left / 2).min(LONGEST_WAIT));
        let wait = longest
            .saturating_sub(share(longest / 2, random))
            .max(SHORTEST_WAIT);
        self.fetch_from = now.checked_add(wait).unwrap_or(now);
    }
}

/// Returns the time before the expiry at which credentials with `lifetime` left are fetched
/// again, before jitter. It is at most half of `lifetime`.
fn window(lifetime: Duration) -> Duration {
    let window = if lifetime <= 20 * MINUTE {
        5 * MINUTE
    } else if lifetime < 90 * MINUTE {
        15 * MINUTE
    } else {
        60 * MINUTE
    };
    window.min(lifetime / 2)
}
