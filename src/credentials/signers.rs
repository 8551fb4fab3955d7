//! The signer of the moment. Credentials that expire are fetched again some time before
//! they do, once for all calls of the instance, at a moment drawn at random so that a
//! fleet does not ask at once. As long as the old ones are valid, a fetch that fails
//! fails no call.
//!
//! The windows are those that AWS's SDKs agreed on in 2026: smithy-rs, commit
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

/// A fetch under way, for all who wait for it.
type Fetch = Shared<LocalBoxFuture<'static, Result<Rc<Signer>, Error>>>;

/// Longest that a call waits for other credentials while it has good ones: a source
/// that is slow may fail no call, and STS answers within a second.
const LONGEST_EARLY_FETCH: Duration = Duration::from_secs(3);

/// The signers of one client.
pub struct Signers<P> {
    guest: Option<Rc<Guest<P>>>,
}

/// The signer of a request.
#[derive(Debug)]
pub struct ResolvedSigner {
    /// None: the host signs.
    pub signer: Option<Rc<Signer>>,
    /// True if time has passed until it was there.
    pub waited: bool,
}

/// The component signs.
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
    /// For requests to `service` in `region`. Nothing is fetched before the first call.
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
    /// The signer of a request that is sent `now`, by the clock that it is signed
    /// by. Waits until `deadline` at most.
    ///
    /// # Errors
    ///
    /// If no source gives credentials.
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

    /// Returns true if there are other credentials than those of `used`, which DynamoDB
    /// calls expired.
    ///
    /// # Errors
    ///
    /// If no source gives any.
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
            // Who finds it due first fetches; the others go on with what there is.
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

    /// Joins the fetch that is under way, or begins one.
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
                // Nobody else waits for it: who comes later begins anew.
                if fetch.strong_count().is_none_or(|count| count <= 2) {
                    self.fetch.take();
                }
                Err(Error::Timeout(
                    "no AWS credentials within the time of the call: their source (STS, a container's endpoint or instance metadata) does not answer".to_owned(),
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

    /// The signer of credentials that were just given.
    fn keep(&self, given: Credentials, now: SystemTime) -> Result<Rc<Signer>, Error> {
        let times = Times::new(now, given.expiry(), self.platform.random());
        // `now` is the server's time as far as it is known. Where the machine's clock was set since,
        // that is wrong until another answer tells it: so they are tried where one of both is for it.
        let own = self.platform.now();
        let has_expired = |at: SystemTime| given.expiry().is_some_and(|expiry| at >= expiry);
        if has_expired(now) && has_expired(own) {
            return Err(Error::Unavailable(
                "the source of AWS credentials gives some that have expired already: check it, and this machine's clock".to_owned(),
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

    /// After a fetch that failed.
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

/// How long credentials without an expiry are used: whoever wrote the file that
/// they are in may have replaced them.
///
/// Source: `client/identity/cache/lazy.rs` of aws-smithy-runtime.
const WITHOUT_EXPIRY: Duration = Duration::from_secs(15 * 60);

/// Longest wait after a fetch that failed.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// Shortest wait after a fetch that failed.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The need to fetch credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// They are good for a while.
    Not,
    /// They are good, and others should be fetched.
    Soon,
    /// They are good no more.
    Now,
}

/// The moments of one set of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    fetch_from: SystemTime,
    /// None: they do not expire.
    expiry: Option<SystemTime>,
    invalid: bool,
}

impl Times {
    /// The times of credentials that were fetched `now`; `random` draws the moment.
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

    /// The need to fetch `now`.
    pub(super) fn due(&self, now: SystemTime) -> Due {
        if self.invalid || self.expiry.is_some_and(|expiry| now >= expiry) {
            Due::Now
        } else if now >= self.fetch_from {
            Due::Soon
        } else {
            Due::Not
        }
    }

    /// They are good no more, whatever their expiry is.
    pub(super) fn invalidate(&mut self) {
        self.invalid = true;
    }

    /// After a fetch that failed `now`: the nearer the expiry, the sooner again.
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

/// How long before their expiry credentials that have `lifetime` left are fetched
/// again, before jitter: never more than half of it.
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
