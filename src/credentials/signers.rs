//! The signer of the moment. Credentials that expire are fetched again some time
//! before they do, once for all calls of the instance; as long as the old ones are
//! valid, a fetch that fails fails no call.

use super::failure::into_error;
use super::refresh::{Due, Times};
use super::settings::{Settings, Signing};
use crate::aws::SERVICE;
use crate::aws::sign::Signer;
use crate::error::Error;
use crate::platform::Platform;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
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

/// Who signs for one client.
pub struct Signers<P> {
    guest: Option<Rc<Guest<P>>>,
}

/// The signer of a request.
#[derive(Debug)]
pub struct Given {
    /// None: the host signs.
    pub signer: Option<Rc<Signer>>,
    /// Whether time has passed until it was there.
    pub waited: bool,
}

/// The component signs.
struct Guest<P> {
    platform: Rc<P>,
    provider: Rc<dyn ProvideCredentials>,
    region: String,
    current: RefCell<Option<Current>>,
    fetch: RefCell<Option<Fetch>>,
}

struct Current {
    signer: Rc<Signer>,
    times: Times,
}

impl<P: Platform> Signers<P> {
    /// For requests to `region`. Nothing is fetched before the first call.
    pub fn new(platform: &Rc<P>, signing: Signing, region: String) -> Self {
        let guest = |settings: Box<Settings>| {
            Rc::new(Guest {
                platform: Rc::clone(platform),
                provider: settings.provider(platform),
                region,
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
    /// Where no source gives credentials.
    pub async fn signer(&self, now: SystemTime, deadline: Duration) -> Result<Given, Error> {
        match &self.guest {
            None => Ok(Given {
                signer: None,
                waited: false,
            }),
            Some(guest) => guest.signer(now, deadline).await,
        }
    }

    /// Whether there are other credentials than those of `used`, which DynamoDB
    /// calls expired.
    ///
    /// # Errors
    ///
    /// Where no source gives any.
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
    async fn signer(self: &Rc<Self>, now: SystemTime, deadline: Duration) -> Result<Given, Error> {
        let given = |signer, waited| Given {
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
        let given = self.provider.provide_credentials().await;
        let kept = given
            .map_err(|error| into_error(&error))
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
            same.unwrap_or_else(|| Rc::new(Signer::new(given, self.region.clone(), SERVICE)));
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
