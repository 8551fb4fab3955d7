//! AWS credentials of this process: asked for once for all who use them, renewed before they end, and shown to nobody.
//!
//! The SDK's own cache (`IdentityCache::lazy`) is not used: it forgets credentials that are still good when it cannot renew
//! them, has each of those who waited for a failure ask again, one after the other, and begins anew when the first one who
//! asked has gone.

mod environment;
mod freshness;
#[cfg(test)]
mod tests;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use environment::Environment;
use freshness::{Freshness, Known};
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// How long a source may take. A request waits for credentials no longer than its component gives to connecting, which are
/// 3 s in `dapr_dynamodb.wasm`: it is to hear of the cause before they are over.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// AWS credentials of this process, to [sign with](crate::EgressBuilder::sign) or to
/// [lend](crate::InstanceOptions::lend_credentials).
///
/// Their source is asked when they are first needed, once for all who wait, and again some minutes before they end, while
/// those that are there are still used. They are used to their end where that fails, which a message of `tracing` tells at
/// level WARN. Credentials without an end are asked for anew after 15 minutes. A clone has the same credentials. Printed, it
/// shows none.
#[derive(Clone)]
pub struct AwsCredentials {
    shared: Arc<Shared>,
}

struct Shared {
    source: SharedCredentialsProvider,
    known: Mutex<Known>,
    /// Held by whoever asks the source.
    asking: Arc<tokio::sync::Mutex<()>>,
}

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
        Self {
            shared: Arc::new(Shared {
                source: SharedCredentialsProvider::new(source),
                known: Mutex::default(),
                asking: Arc::default(),
            }),
        }
    }

    /// Those that aws-config finds for this process: of its environment, the shared files, web identity, the container or the
    /// EC2 instance, in this order, looked for anew each time. STS is asked in `region`, over TLS that trusts what the
    /// operating system trusts.
    ///
    /// Profiles of IAM Identity Center and of a `credential_process` need features of aws-config that this crate leaves out: an
    /// embedder that wants them turns them on for its own aws-config and gives the provider to [`new`](Self::new).
    #[must_use]
    pub fn of_environment(region: impl Into<String>) -> Self {
        Self::new(Environment::new(region.into()))
    }

    /// Those that are good now.
    pub(crate) async fn current(&self) -> Result<Credentials, NoCredentials> {
        let known = self.known().at(SystemTime::now());
        match known {
            Freshness::Fresh(credentials) => Ok(credentials),
            Freshness::Old(credentials) => {
                self.renew();
                Ok(credentials)
            }
            Freshness::Refused(reason) => Err(reason),
            Freshness::Unknown => self.wait().await,
        }
    }

    /// Asks without anybody waiting for it, unless somebody asks already.
    fn renew(&self) {
        if let Ok(asking) = Arc::clone(&self.shared.asking).try_lock_owned() {
            tokio::spawn(self.clone().ask(asking));
        }
    }

    /// Waits for whoever asks, or asks, in a task of its own: one who asked may go, and the others profit still.
    async fn wait(&self) -> Result<Credentials, NoCredentials> {
        let asking = Arc::clone(&self.shared.asking).lock_owned().await;
        let known = self.known().at(SystemTime::now());
        match known {
            Freshness::Fresh(credentials) | Freshness::Old(credentials) => Ok(credentials),
            Freshness::Refused(reason) => Err(reason),
            Freshness::Unknown => {
                let asked = tokio::spawn(self.clone().ask(asking));
                asked.await.unwrap_or(Err(NoCredentials::Broken))
            }
        }
    }

    async fn ask(self, _asking: OwnedMutexGuard<()>) -> Result<Credentials, NoCredentials> {
        let asked = timeout(PATIENCE, self.shared.source.provide_credentials()).await;
        let now = SystemTime::now();
        let answer = match asked {
            Ok(Ok(credentials)) => usable(credentials, now),
            Ok(Err(cause)) => {
                tracing::warn!("no AWS credentials: {}", chain(&cause));
                Err(NoCredentials::of(&cause))
            }
            Err(_elapsed) => {
                let kept = self.shared.source.fallback_on_interrupt();
                kept.and_then(|credentials| usable(credentials, now).ok())
                    .ok_or(NoCredentials::Late)
            }
        };
        if let Err(reason @ (NoCredentials::Expired | NoCredentials::Late)) = &answer {
            tracing::warn!("no AWS credentials: {reason}");
        }
        self.known().learn(answer, now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.shared
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
            Self::Broken => "their source is broken",
            Self::Late => "their source did not answer in time",
            Self::Expired => "their source gave some that have expired",
        })
    }
}

fn usable(credentials: Credentials, now: SystemTime) -> Result<Credentials, NoCredentials> {
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
                "no AWS credentials: the {name} holds a space, a line break or something else that none has; look at where it comes from"
            );
            return Err(NoCredentials::Broken);
        }
    }
    Ok(credentials)
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<_> = sources.map(ToString::to_string).collect();
    texts.join(": ")
}
