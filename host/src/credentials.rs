//! AWS credentials of this process. They are fetched once for all users, renewed before they expire, and never printed.
//!
//! The SDK's own cache (`IdentityCache::lazy`) is not used, for these reasons:
//!
//! - It drops credentials that are still valid when it cannot renew them.
//! - After a failure, each of the waiting callers asks the source again, one after the other.
//! - It restarts the fetch when its first caller gives up.

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

/// The default of [`AwsCredentials::wait_timeout`]. `dapr_dynamodb.wasm` has a connect timeout of 3 s, and should get the cause
/// before that.
const WAIT_TIMEOUT: Duration = Duration::from_millis(2_500);

/// The time limit of one fetch. Then a source that hangs is abandoned, and asked again later.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// AWS credentials of this process, with which the host [signs requests](crate::EgressBuilder::sign) or which it
/// [lends](crate::InstanceOptions::lend_credentials) to instances. Needs the feature `aws`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{AwsCredentials, Egress, InstanceOptions};
///
/// let endpoint = "https://dynamodb.eu-west-1.amazonaws.com";
/// let credentials = AwsCredentials::of_environment("eu-west-1");
///
/// // The host signs; the plugin never sees a key.
/// let egress = Egress::builder()
///     .allow_url(endpoint)
///     .sign(endpoint, "eu-west-1", "dynamodb", &credentials)
///     .build()?;
/// let signing = InstanceOptions::new().egress(egress);
///
/// // Or the plugin signs, with keys that the host lends.
/// let egress = Egress::builder().allow_url(endpoint).build()?;
/// let lending = InstanceOptions::new().egress(egress).lend_credentials(&credentials);
/// # Ok(())
/// # }
/// ```
///
/// - **First use**: the source is asked when credentials are first needed. All callers share one fetch.
/// - **Renewal**: the source is asked again 90 to 180 s before the credentials expire, or in the second half of a shorter
///   lifetime. The current credentials are used meanwhile. Credentials without an expiry are fetched again after 15 minutes.
/// - **Failed renewal**: the current credentials are used until they expire. A `tracing` event at level WARN reports the
///   failure.
/// - **Limits**: a fetch takes at most 60 s. It continues if its callers give up, and later requests use its result. No second
///   fetch runs at the same time. After a result, the source is not asked for at least 5 s.
/// - **Refused credentials**: if a service refuses credentials as expired, the host fetches new ones. See
///   [`EgressBuilder::sign`](crate::EgressBuilder::sign).
/// - **Runtime**: the source runs on a thread of this crate, in a current-thread tokio runtime. It needs no runtime of the
///   embedder, and must not block.
///
/// Clones share the credentials. `Debug` prints none.
#[derive(Clone)]
pub struct AwsCredentials {
    shared: Arc<Shared>,
    wait_timeout: Duration,
}

struct Shared {
    // A `Box`, because `SharedCredentialsProvider` and `Arc` do not forward `fallback_on_interrupt` (aws-credential-types 1.3).
    source: Box<dyn ProvideCredentials>,
    fetch_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cached: Cached,
    /// The running fetch.
    fetch: Option<Fetch>,
}

/// A running fetch, for the callers that wait for it.
#[derive(Clone)]
struct Fetch {
    /// The channel for the answer. It is closed without an answer if the source panics.
    answer: watch::Receiver<Option<Answer>>,
    /// The process that started it. A fetch does not survive a fork.
    process: u32,
    /// True once a caller gave up waiting. This is logged only once.
    is_late: Arc<AtomicBool>,
}

type Answer = Result<Credentials, NoCredentials>;

/// The reason why there are no credentials, as a component sees it. Only the host's log has the source's own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoCredentials {
    /// No source applies.
    None,
    /// A source failed.
    Broken,
    /// A source did not answer in time.
    Late,
    /// A source returned credentials that have expired.
    Expired,
}

impl AwsCredentials {
    /// Returns the credentials of `source`: any provider of the AWS SDK, such as that of an existing
    /// [`SdkConfig`](aws_config::SdkConfig::credentials_provider). The source is not asked yet.
    ///
    /// ```
    /// # fn example(config: &aws_config::SdkConfig) -> Option<()> {
    /// use dapr_wasm_host::AwsCredentials;
    ///
    /// let provider = config.credentials_provider()?;
    /// let credentials = AwsCredentials::new(provider);
    /// # Some(())
    /// # }
    /// ```
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

    /// Returns the credentials that aws-config finds for this process.
    ///
    /// It searches the environment, the shared files, web identity, the container and the EC2 instance, in this order. Each
    /// fetch searches again.
    ///
    /// STS is asked in `region`. TLS trusts the roots of the operating system, and no proxy is used.
    ///
    /// Profiles of IAM Identity Center and of a `credential_process` need features of aws-config that this crate does not
    /// enable. To use them, enable them for your own aws-config and pass its provider to [`new`](Self::new).
    #[must_use]
    pub fn of_environment(region: impl Into<String>) -> Self {
        Self::new(DefaultChain::new(region.into(), Tls::new().native_roots()))
    }

    /// Like [`of_environment`](Self::of_environment), with `tls` for the connections to STS and to a container's agent. The same
    /// value can be used for an [`Egress`](crate::EgressBuilder::tls).
    ///
    /// # Errors
    ///
    /// The errors of an invalid `tls`: [`HostError::RootCertificate`], [`HostError::NativeRoots`],
    /// [`HostError::ClientCertificate`], [`HostError::Tls`].
    ///
    /// ```
    /// # fn main() -> Result<(), dapr_wasm_host::HostError> {
    /// use dapr_wasm_host::{AwsCredentials, Tls};
    ///
    /// let credentials = AwsCredentials::of_environment_with("eu-west-1", &Tls::new())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn of_environment_with(region: impl Into<String>, tls: &Tls) -> Result<Self, HostError> {
        tls.config()?;
        Ok(Self::new(DefaultChain::new(region.into(), tls.clone())))
    }

    /// Sets how long a request waits for the source, if there are no credentials yet; 2.5 s by default.
    ///
    /// After that time, the request fails as one without credentials, and the fetch continues. Choose a time below the
    /// component's connect timeout (3 s in `dapr_dynamodb.wasm` by default). Otherwise the component gets a connection timeout
    /// instead of the cause. The setting applies to this value and to clones made of it afterwards.
    #[must_use]
    pub fn wait_timeout(mut self, wait_timeout: Duration) -> Self {
        self.wait_timeout = wait_timeout;
        self
    }

    /// Sets the cache as if the source had returned `credentials` at `then`.
    #[cfg(test)]
    pub(crate) fn given(self, credentials: Credentials, then: SystemTime) -> Self {
        let _ = self.state().cached.learn(Ok(credentials), then);
        self
    }

    /// Returns credentials that are valid now. Fetches them if there are none.
    pub(crate) async fn current(&self) -> Answer {
        let fetch = {
            let mut state = self.state();
            match state.cached.at(SystemTime::now()) {
                Freshness::Fresh(credentials) => return Ok(credentials),
                Freshness::Old(credentials) => {
                    // If the fetch cannot start, the current credentials are used until they expire.
                    let _ = self.fetch(&mut state);
                    return Ok(credentials);
                }
                Freshness::Refused(reason) => return Err(reason),
                Freshness::Unknown => self.fetch(&mut state)?,
            }
        };
        self.answer_of(fetch).await
    }

    /// Returns new credentials to replace those that a service refused as expired.
    ///
    /// Returns `None` if the source fails, returns the same credentials again, or answered less than 5 s ago.
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

    /// Marks credentials as refused by a service, so that the source is asked again at the next use.
    pub(crate) fn invalidate(&self, refused: &Credentials) {
        self.state().cached.invalidate(refused, SystemTime::now());
    }

    /// Joins the running fetch, or starts one on a thread that no runtime of the embedder can block.
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

    /// Waits for the answer of a fetch, at most for this value's `wait_timeout`.
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

    /// Returns the source's fallback credentials for a caller that gives up.
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
        // aws-sigv4 1.6 panics if the credentials contain a character that is not valid in a header.
        if part.is_some_and(|part| !part.bytes().all(|byte| byte.is_ascii_graphic())) {
            tracing::warn!(
                "no AWS credentials: the {name} contains a space, a line break or another invalid character; check its source"
            );
            return Err(NoCredentials::Broken);
        }
    }
    Ok(credentials)
}
