//! aws-config's default chain, and its HTTP client for STS, a container's agent and instance metadata.
//!
//! A new chain is built for each fetch. A chain that is reused never reads the shared files again. After a failure to read them,
//! it returns "initialization error already taken" forever. The client uses the connections of this crate, so it has the same
//! TLS settings as an [`Egress`].

use crate::egress::{Egress, Outgoing, Tls};
use crate::error::HostError;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::Authority;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The credential sources that aws-config finds for this process.
pub(super) struct DefaultChain {
    region: Region,
    /// Reused, because it owns the connections and the certificates.
    http: SharedHttpClient,
}

impl DefaultChain {
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

impl ProvideCredentials for DefaultChain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}

impl fmt::Debug for DefaultChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultChain").finish_non_exhaustive()
    }
}

/// The largest response, in bytes. Credentials and error messages have a few KiB.
const LARGEST: usize = 1 << 20;

type Cause = Box<dyn StdError + Send + Sync>;

/// An HTTP client for the hosts that this process's environment names.
#[derive(Clone)]
struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    tls: Tls,
    /// An [`Egress`] for each process id and for each scheme, host and port. A forked process must not use or close the
    /// connections of its parent.
    known: Mutex<HashMap<(u32, String), Egress>>,
}

impl Client {
    fn new(tls: Tls) -> Self {
        let known = Mutex::default();
        let shared = Arc::new(Shared { tls, known });
        Self { shared }
    }

    fn egress(&self, uri: &Uri) -> Result<Egress, HostError> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", Authority::as_str);
        let url = format!("{scheme}://{authority}/");
        let known = &self.shared.known;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::process::id(), url);
        let (_, url) = &key;
        if let Some(egress) = known.get(&key) {
            return Ok(egress.clone());
        }
        let egress = Egress::builder().allow_url(url).tls(&self.shared.tls);
        let egress = egress.build()?;
        known.insert(key, egress.clone());
        Ok(egress)
    }

    async fn call(
        self,
        request: HttpRequest,
        options: RequestOptions,
    ) -> Result<HttpResponse, ConnectorError> {
        let request = translate(&request).map_err(ConnectorError::user)?;
        let egress = self.egress(request.uri());
        let egress = egress.map_err(|cause| ConnectorError::user(cause.into()))?;
        let mut outgoing = Outgoing::new(Some(egress), NonZeroUsize::MIN, None);
        let sending = outgoing.send_request(request, Some(options), Box::new(async { Ok(()) }));
        let (answer, _) = Pin::from(sending).await.map_err(failed)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(ConnectorError::io)?.to_bytes();
        let mut answer = HttpResponse::new(head.status.into(), SdkBody::from(body));
        for (name, value) in &head.headers {
            let value = value
                .to_str()
                .map_err(|cause| ConnectorError::io(cause.into()))?;
            let headers = answer.headers_mut();
            let added = headers.try_append(name.as_str().to_owned(), value.to_owned());
            added.map_err(|cause| ConnectorError::io(cause.into()))?;
        }
        Ok(answer)
    }
}

fn translate(request: &HttpRequest) -> Result<Request<WasiBody>, Cause> {
    let uri: Uri = request.uri().parse()?;
    let authority = uri.authority().ok_or("the URL has no host")?.as_str();
    // The SDK signs the host without the default port.
    let default_port = match uri.scheme_str() {
        Some("https") => ":443",
        _ => ":80",
    };
    let host = authority.strip_suffix(default_port).unwrap_or(authority);
    let host = HeaderValue::from_str(host)?;
    let body = request.body().bytes().ok_or("the body is not in memory")?;
    let body = Full::new(Bytes::copy_from_slice(body)).map_err(|never| match never {});
    let mut translated = Request::builder().method(request.method()).uri(uri);
    for (name, value) in request.headers() {
        translated = translated.header(name, value);
    }
    let mut translated = translated.body(body.boxed_unsync())?;
    translated.headers_mut().insert(HOST, host);
    Ok(translated)
}

fn failed(cause: Error) -> ConnectorError {
    match cause {
        Error::ConnectionTimeout | Error::ConnectionReadTimeout => {
            ConnectorError::timeout(cause.into())
        }
        cause => ConnectorError::io(cause.into()),
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            client: self.clone(),
            options: RequestOptions {
                connect_timeout: settings.connect_timeout(),
                first_byte_timeout: settings.read_timeout(),
                between_bytes_timeout: settings.read_timeout(),
            },
        })
    }
}

struct Connector {
    client: Client,
    options: RequestOptions,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.client.clone().call(request, self.options);
        HttpConnectorFuture::new(answer)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
