//! AWS credentials of this process: asked for once for all who use them, renewed before they end, and shown to nobody.
//!
//! The SDK's own cache (`IdentityCache::lazy`) is not used: it forgets credentials that are still good when it cannot renew
//! them, has each of those who waited for a failure ask again, one after the other, and begins anew when the first one who
//! asked has gone.

mod default_chain;
mod freshness;
#[cfg(test)]
mod tests;

use crate::background;
use crate::egress::Tls;
use crate::error::{HostError, chain};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use default_chain::DefaultChain;
use freshness::{Cached, Freshness};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a request waits for credentials by default. `dapr_dynamodb.wasm` gives 3 s to connecting, and hears of the cause
/// before that.
const WAIT_TIMEOUT: Duration = Duration::from_millis(2_500);

/// How long one fetch may take. A source that hangs is given up then, and asked again later.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// AWS credentials of this process, to [sign with](crate::EgressBuilder::sign) or to
/// [lend](crate::InstanceOptions::lend_credentials).
///
/// Their source is asked when they are first needed, once for all who wait, and again some minutes before they end, while
/// those that are there are still used. They are used to their end where that fails, which a message of `tracing` tells at
/// level WARN. Credentials without an end are asked for anew after 15 minutes. A clone has the same credentials. Printed, it
/// shows none.
///
/// The source runs on a thread of this crate's own, in a current-thread tokio runtime, so it needs no runtime of the embedder
/// and must not block. A fetch takes up to 60 s, even if nobody waits for it any more; later requests use what it gives. No
/// second fetch starts meanwhile. After an answer the source is left alone for at least 5 s.
///
/// A service may refuse credentials that the host signed with as expired. The host then fetches new ones, see
/// [`EgressBuilder::sign`](crate::EgressBuilder::sign).
#[derive(Clone)]
pub struct AwsCredentials {
    shared: Arc<Shared>,
    wait_timeout: Duration,
}

struct Shared {
    // Neither a `SharedCredentialsProvider` nor an `Arc`, which do not pass `fallback_on_interrupt` on (aws-credential-types 1.3).
    source: Box<dyn ProvideCredentials>,
    fetch_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cached: Cached,
    /// The fetch that is going on.
    fetch: Option<Fetch>,
}

/// A fetch, as those who wait for it see it.
#[derive(Clone)]
struct Fetch {
    /// Closed without an answer if the source panics.
    answer: watch::Receiver<Option<Answer>>,
    /// The process that started it. A fetch does not survive a fork.
    process: u32,
    /// True once somebody gave up waiting, which is logged once.
    is_late: Arc<AtomicBool>,
}

type Answer = Result<Credentials, NoCredentials>;

/// Why there are none, for a component to read: the source's own words are for the log of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoCredentials {
    /// No source applies.
    None,
    /// A source is broken.
    Broken,
    /// A source did not answer in time.
    Late,
    /// A source gave what is over already.
    Expired,
}

impl AwsCredentials {
    /// Those of `source`: any provider of the AWS SDK, such as that of an
    /// [`SdkConfig`](aws_config::SdkConfig::credentials_provider) that this process has in any case.
    pub fn new(source: impl ProvideCredentials + 'static) -> Self {
        Self::with_fetch_timeout(source, FETCH_TIMEOUT)
    }

    fn with_fetch_timeout(
        source: impl ProvideCredentials + 'static,
        fetch_timeout: Duration,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                source: Box::new(source),
                fetch_timeout,
                state: Mutex::default(),
            }),
            wait_timeout: WAIT_TIMEOUT,
        }
    }

    /// Those that aws-config finds for this process: of its environment, the shared files, web identity, the container or the
    /// EC2 instance, in this order, looked for anew each time. STS is asked in `region`, over TLS that trusts what the
    /// operating system trusts, without a proxy.
    ///
    /// Profiles of IAM Identity Center and of a `credential_process` need features of aws-config that this crate leaves out: an
    /// embedder that wants them turns them on for its own aws-config and gives the provider to [`new`](Self::new).
    #[must_use]
    pub fn of_environment(region: impl Into<String>) -> Self {
        Self::new(DefaultChain::new(region.into(), Tls::new().native_roots()))
    }

    /// As [`of_environment`](Self::of_environment), over TLS that trusts what `tls` says, for STS and for a container's agent. It
    /// can be the one of an [`Egress`](crate::EgressBuilder::tls).
    ///
    /// Errors: [`HostError::RootCertificate`], [`HostError::NativeRoots`], [`HostError::ClientCertificate`], [`HostError::Tls`].
    pub fn of_environment_with(region: impl Into<String>, tls: &Tls) -> Result<Self, HostError> {
        tls.config()?;
        Ok(Self::new(DefaultChain::new(region.into(), tls.clone())))
    }

    /// Sets how long a request waits for the source, if there are no credentials yet; 2.5 s by default.
    ///
    /// A request that has waited this long fails as one without credentials; the fetch goes on. Keep it below the time that
    /// the component gives to connecting (3 s in `dapr_dynamodb.wasm`, by default), or the component sees a connection
    /// timeout and not the cause. It applies to this value and to clones made of it afterwards.
    #[must_use]
    pub fn wait_timeout(mut self, wait_timeout: Duration) -> Self {
        self.wait_timeout = wait_timeout;
        self
    }

    /// As if the source had given `credentials` at `then`.
    #[cfg(test)]
    pub(crate) fn given(self, credentials: Credentials, then: SystemTime) -> Self {
        let _ = self.state().cached.learn(Ok(credentials), then);
        self
    }

    /// Those that are good now.
    pub(crate) async fn current(&self) -> Answer {
        let fetch = {
            let mut state = self.state();
            match state.cached.at(SystemTime::now()) {
                Freshness::Fresh(credentials) => return Ok(credentials),
                Freshness::Old(credentials) => {
                    // Without a thread to fetch on, those that are there are used to their end.
                    let _ = self.fetch(&mut state);
                    return Ok(credentials);
                }
                Freshness::Refused(reason) => return Err(reason),
                Freshness::Unknown => self.fetch(&mut state)?,
            }
        };
        self.answer_of(fetch).await
    }

    /// Others in the place of those that a service refused as expired, or nothing where there are none: the source fails,
    /// gives the same ones again, or answered less than 5 s ago.
    pub(crate) async fn instead_of(&self, refused: &Credentials) -> Option<Credentials> {
        let is_other = |credentials: &Credentials| !is_same(credentials, refused);
        let fetch = {
            let mut state = self.state();
            let now = SystemTime::now();
            state.cached.invalidate(refused, now);
            match state.cached.at(now) {
                Freshness::Fresh(credentials) => return Some(credentials).filter(is_other),
                Freshness::Old(credentials) if is_other(&credentials) => return Some(credentials),
                Freshness::Refused(_) => return None,
                Freshness::Old(_) | Freshness::Unknown => self.fetch(&mut state).ok()?,
            }
        };
        self.answer_of(fetch).await.ok().filter(is_other)
    }

    /// Has the source asked again when credentials are needed next, because a service refused these as expired.
    pub(crate) fn invalidate(&self, refused: &Credentials) {
        self.state().cached.invalidate(refused, SystemTime::now());
    }

    /// Joins the fetch that is going on, or starts one, on a thread that no runtime of the embedder can hold up.
    fn fetch(&self, state: &mut State) -> Result<Fetch, NoCredentials> {
        let process = std::process::id();
        if let Some(fetch) = &state.fetch
            && fetch.process == process
            && fetch.answer.has_changed().is_ok()
        {
            return Ok(fetch.clone());
        }
        let (sender, answer) = watch::channel(None);
        let shared = Arc::clone(&self.shared);
        let fetching = background::spawn(async move {
            let fetched = shared.ask().await;
            let mut state = shared.state();
            let answer = state.cached.learn(fetched, SystemTime::now());
            state.fetch = None;
            drop(state);
            sender.send_replace(Some(answer));
        });
        if let Err(cause) = fetching {
            tracing::warn!(
                "no AWS credentials: cannot start the thread that fetches them: {cause}"
            );
            return Err(NoCredentials::Broken);
        }
        let fetch = Fetch {
            answer,
            process,
            is_late: Arc::default(),
        };
        state.fetch = Some(fetch.clone());
        Ok(fetch)
    }

    /// Waits for the answer of a fetch, within this value's bound.
    async fn answer_of(&self, mut fetch: Fetch) -> Answer {
        let answer = fetch.answer.wait_for(Option::is_some);
        match timeout(self.wait_timeout, answer).await {
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(NoCredentials::Broken)),
            Ok(Err(_panicked)) => Err(NoCredentials::Broken),
            Err(_elapsed) => {
                if !fetch.is_late.swap(true, Ordering::Relaxed) {
                    let waited = self.wait_timeout;
                    tracing::warn!(
                        "AWS credentials: no answer from the source within {waited:?}; the fetch continues"
                    );
                }
                self.shared.interrupted()
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    async fn ask(&self) -> Answer {
        let asked = timeout(self.fetch_timeout, self.source.provide_credentials()).await;
        let answer = match asked {
            Ok(Ok(credentials)) => usable(credentials, SystemTime::now()),
            Ok(Err(cause)) => {
                tracing::warn!("no AWS credentials: {}", chain(&cause));
                Err(NoCredentials::of(&cause))
            }
            Err(_elapsed) => self.interrupted(),
        };
        if let Err(reason @ (NoCredentials::Expired | NoCredentials::Late)) = &answer {
            tracing::warn!("no AWS credentials: {reason}");
        }
        answer
    }

    /// The credentials that the source has for somebody who waits no longer.
    fn interrupted(&self) -> Answer {
        let kept = self.source.fallback_on_interrupt();
        kept.and_then(|credentials| usable(credentials, SystemTime::now()).ok())
            .ok_or(NoCredentials::Late)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").finish_non_exhaustive()
    }
}

impl NoCredentials {
    fn of(cause: &CredentialsError) -> Self {
        match cause {
            CredentialsError::CredentialsNotLoaded(_) => Self::None,
            CredentialsError::ProviderTimedOut(_) => Self::Late,
            _ => Self::Broken,
        }
    }
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no source has any",
            Self::Broken => "their source failed",
            Self::Late => "their source did not answer in time",
            Self::Expired => "their source returned expired ones",
        })
    }
}

fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id() && one.session_token() == other.session_token()
}

fn usable(credentials: Credentials, now: SystemTime) -> Answer {
    if freshness::is_over(&credentials, now) {
        return Err(NoCredentials::Expired);
    }
    let parts = [
        ("access key id", Some(credentials.access_key_id())),
        ("secret access key", Some(credentials.secret_access_key())),
        ("session token", credentials.session_token()),
    ];
    for (name, part) in parts {
        // aws-sigv4 1.6 panics where what it signs with does not fit into a header.
        if part.is_some_and(|part| !part.bytes().all(|byte| byte.is_ascii_graphic())) {
            tracing::warn!(
                "no AWS credentials: the {name} contains a space, a line break or another invalid character; check its source"
            );
            return Err(NoCredentials::Broken);
        }
    }
    Ok(credentials)
}
