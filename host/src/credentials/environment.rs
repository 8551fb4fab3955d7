//! aws-config's own chain, built anew each time it is asked: one that is kept never reads the shared files again, and after
//! a failure to read them answers "initialization error already taken" for ever.

use super::http::Client;
use crate::egress::Tls;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::fmt;

/// What this process finds around it.
pub(super) struct Environment {
    region: Region,
    /// Kept, for it has the connections and the certificates.
    http: SharedHttpClient,
}

impl Environment {
    pub(super) fn new(region: String, tls: Tls) -> Self {
        Self {
            region: Region::new(region),
            http: SharedHttpClient::new(Client::new(tls)),
        }
    }

    async fn ask(&self) -> provider::Result {
        let surroundings = ProviderConfig::without_region().with_http_client(self.http.clone());
        let chain = DefaultCredentialsChain::builder()
            .configure(surroundings)
            .region(self.region.clone());
        chain.build().await.provide_credentials().await
    }
}

impl ProvideCredentials for Environment {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
