//! The SDK's own `Client` on the same script. The test controls its time and its waits.

use super::call::Site;
use crate::http::{Response, TransportError};
use crate::test_support::{Scene, Script, Sent, start};
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    AsyncSleep, BehaviorVersion, Region, Sleep, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetrySpec;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A platform for the SDK's client. It plays a script, and records requests and waits.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<Sent>>>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Stage {
    pub(crate) fn new<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> Self {
        Self {
            script: Arc::new(Mutex::new(Script::new(scenes))),
            requests: Arc::default(),
            waits: Arc::default(),
        }
    }

    /// Returns all requests so far.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the number of requests so far.
    pub(crate) fn attempts(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Returns all waits so far.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }

    /// Returns the SDK's client on this stage. It has Retry Behavior 2.1 as
    /// `From<&SdkConfig>` in its `config.rs` sets it. It has its own retry quota, because the
    /// whole process shares the SDK's default quota.
    pub(crate) fn client(&self, site: Site, max_attempts: u32) -> Client {
        self.client_over(self.clone(), site, max_attempts)
    }

    /// Returns the same client with another HTTP client. Its waits are still on this stage.
    pub(super) fn client_over(
        &self,
        http: impl HttpClient + 'static,
        site: Site,
        max_attempts: u32,
    ) -> Client {
        let spec = RetrySpec::v2_1().with_non_throttling_initial_backoff(Duration::from_millis(25));
        let quota = TokenBucket::builder()
            .retry_cost(14)
            .throttling_retry_cost(5)
            .timeout_retry_cost(14)
            .build();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(site.region))
            .credentials_provider(site.credentials())
            .http_client(http)
            .time_source(StaticTimeSource::new(start()))
            .sleep_impl(self.clone())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(max_attempts)
                    .with_retry_spec(spec),
            )
            .retry_partition(RetryPartition::custom("parity").token_bucket(quota).build());
        if let Some(endpoint) = site.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

impl HttpClient for Stage {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Stage {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.requests.lock().unwrap().push(Sent {
            method: request.method().to_owned(),
            url: request.uri().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: request.body().bytes().expect("a body in memory").to_vec(),
        });
        let scene = self.script.lock().unwrap().next();
        HttpConnectorFuture::ready(match scene.result {
            Ok(response) => Ok(http_response(response)),
            Err(error) => Err(connector_error(error)),
        })
    }
}

impl AsyncSleep for Stage {
    /// Records the wait only once the sleep is polled, because the SDK also creates sleeps
    /// for timeouts.
    fn sleep(&self, duration: Duration) -> Sleep {
        let waits = Arc::clone(&self.waits);
        Sleep::new(async move { waits.lock().unwrap().push(duration) })
    }
}

/// Converts a response to the form in which the SDK gets it from a connector.
pub(crate) fn http_response(response: Response) -> HttpResponse {
    let status = response.status.try_into().expect("an HTTP status");
    let mut http = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        let value = String::from_utf8(value).expect("a field of text");
        http.headers_mut().append(name, value);
    }
    http
}

/// Classifies a failure as the SDK's connector does. The tests of `connector` compare it
/// with the SDK's own connector.
fn connector_error(error: TransportError) -> ConnectorError {
    let text = error.to_string().into();
    match error {
        TransportError::Dns(_)
        | TransportError::Refused(_)
        | TransportError::Tls(_)
        | TransportError::Certificate(_)
        | TransportError::Reset(_)
        | TransportError::Damaged(_) => ConnectorError::io(text),
        TransportError::ConnectTimeout | TransportError::Timeout => ConnectorError::timeout(text),
        TransportError::Denied(_) | TransportError::Malformed(_) => ConnectorError::user(text),
    }
}
