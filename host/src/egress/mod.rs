//! Outgoing HTTP of plugins. A plugin reaches the hosts that its embedder allowed, and nothing else.
//!
//! The modules form layers. Each module uses only modules further down in this list:
//!
//! - [`http_client`]: implements `dapr-wasm:host/http-client` for an instance. It validates whole requests and collects whole
//!   responses.
//! - [`outgoing`]: implements `wasi:http` for an instance. It allows or refuses a request before any lookup or connection.
//! - With the feature `aws`:
//!   - `credential_endpoint` serves lent credentials in place of a container's agent.
//!   - `signing` signs requests, with the help of `signing_style` and `clock_skew`.
//!   - `mask_token` removes the session token from error responses.
//!   - `buffered` reads the bodies that are kept in memory meanwhile.
//! - [`exchange`]: sends one request on a connection and hands the response to the plugin.
//! - [`pool`]: pools connections by host, idle ones and those in use, up to the limits. Its [`idle_reaper`] closes
//!   connections that are idle, or whose response is unread, for too long.
//! - [`connection`]: an HTTP/1.1 connection, and the body of a request.
//! - [`connector`]: opens connections, with or without [`tls`].
//! - [`failure`]: maps errors to the error codes of `wasi:http`.
//! - [`dns_cache`]: caches the addresses of names.
//! - [`allow_list`], [`origin`], [`internal_addresses`]: parse and match rules, URLs and addresses.
//! - [`byte_budget`]: counts the bytes that the host keeps for an instance.

mod allow_list;
#[cfg(feature = "aws")]
mod buffered;
mod byte_budget;
#[cfg(feature = "aws")]
mod clock_skew;
mod connection;
mod connector;
#[cfg(feature = "aws")]
mod credential_endpoint;
mod dns_cache;
mod exchange;
mod failure;
mod http_client;
mod idle_reaper;
mod internal_addresses;
#[cfg(feature = "aws")]
mod mask_token;
mod origin;
mod outgoing;
mod pool;
#[cfg(feature = "aws")]
mod signing;
#[cfg(feature = "aws")]
mod signing_style;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

#[cfg(feature = "aws")]
pub(crate) use credential_endpoint::CredentialEndpoint;
pub(crate) use http_client::add_to_linker as add_http_client_to_linker;
pub use internal_addresses::InternalAddresses;
pub(crate) use outgoing::{Outgoing, add_to_linker, entered};
pub use tls::Tls;

#[cfg(feature = "aws")]
use crate::credentials::AwsCredentials;
use crate::error::HostError;
use allow_list::{AllowList, Rule};
use connector::{Connector, Proxy};
#[cfg(feature = "aws")]
use origin::Origin;
use pool::{Limits, Pool};
#[cfg(feature = "aws")]
use signing::{Signer, Signing};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The time limit of one lookup by a resolver of the embedder. The system's resolver has its own timeout.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(60);

/// An allow-list of hosts for plugins, and the connection pool that reaches them.
///
/// Give it to instances with [`InstanceOptions::egress`](crate::InstanceOptions::egress). All instances that share an
/// `Egress` share its connections, for `wasi:http` and [`dapr-wasm:host`](crate#requests-of-a-component) together. A request
/// that no rule allows fails with wasi:http's `HTTP-request-denied`, before any lookup or connection.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{Egress, InstanceOptions};
///
/// let egress = Egress::builder()
///     .allow("dynamodb.*.amazonaws.com:443") // every region
///     .allow_url("http://127.0.0.1:8000") // a local DynamoDB
///     .build()?;
/// let options = InstanceOptions::new().egress(egress);
/// # Ok(())
/// # }
/// ```
///
/// - **Protocol**: HTTP/1.1 with keep-alive, over plain TCP or over TLS 1.2 or 1.3 with session resumption.
/// - **Redirects** are not followed. The plugin gets the redirect as its response.
/// - **Proxies** of the environment (`HTTPS_PROXY` and others) are ignored. [`EgressBuilder::https_proxy`] sets one.
/// - **Names and addresses**: a rule matches the host that the plugin writes. A rule for a name does not allow the address
///   of that name, and a rule for an address allows no name. [`EgressBuilder::internal_addresses`] limits the addresses
///   that a name may resolve to.
/// - **DNS**: addresses are cached for 5 s, and dropped earlier if a connection to them fails.
/// - **Clones** share the rules and the connections. Two values that were built separately share nothing.
///
/// A connection is used only by the tokio runtime that opened it. Idle connections of all runtimes count towards
/// [`EgressBuilder::max_connections_per_host`]. If another runtime needs a connection at that limit, the oldest idle one is
/// closed.
#[derive(Clone)]
pub struct Egress {
    allowed: Arc<AllowList>,
    internal_addresses: InternalAddresses,
    pool: Arc<Pool>,
    #[cfg(feature = "aws")]
    signers: Arc<[Arc<Signer>]>,
}

impl Egress {
    /// Returns a builder without rules. Without a rule, every request is refused.
    #[must_use]
    pub fn builder() -> EgressBuilder {
        EgressBuilder::default()
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// A builder of an [`Egress`], made with [`Egress::builder`].
///
/// The methods do not check their arguments. [`build`](Self::build) does, and returns the first error. The documentation of
/// the methods names error codes of `wasi:http`; `http-client` has [corresponding failures](crate#requests-of-a-component).
///
/// | setting | default |
/// |---|---|
/// | rules | none: every request is refused |
/// | [`internal_addresses`](Self::internal_addresses) | [`InternalAddresses::DenyForWildcards`] |
/// | [`resolver`](Self::resolver) | the operating system's |
/// | [`tls`](Self::tls) | the roots that browsers trust, no client certificate |
/// | [`https_proxy`](Self::https_proxy) | unset |
/// | [`idle_timeout`](Self::idle_timeout) | 20 s |
/// | [`unread_timeout`](Self::unread_timeout) | 30 s |
/// | [`max_connections`](Self::max_connections) | 512 |
/// | [`max_connections_per_host`](Self::max_connections_per_host) | 512 |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::Egress;
/// use std::time::Duration;
///
/// let egress = Egress::builder()
///     .allow("dynamodb.eu-west-1.amazonaws.com:443")
///     .idle_timeout(Duration::from_secs(10))
///     .max_connections(100.try_into()?)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct EgressBuilder {
    rules: Vec<Text>,
    internal_addresses: InternalAddresses,
    lookup: Option<dns_cache::Lookup>,
    tls: Tls,
    https_proxy: Option<String>,
    limits: Limits,
    #[cfg(feature = "aws")]
    signing: Vec<Signing>,
}

// A resolver cannot be printed.
impl std::fmt::Debug for EgressBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EgressBuilder")
            .field("rules", &self.rules)
            .field("internal_addresses", &self.internal_addresses)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
enum Text {
    Authority(String),
    Url(String),
}

impl EgressBuilder {
    /// Allows one `host:port`, with and without TLS: `127.0.0.1:8000`, `[::1]:8000`, `dynamodb.eu-west-1.amazonaws.com:443`.
    ///
    /// A label `*` matches exactly one label of a name: `dynamodb.*.amazonaws.com:443` allows every region. It does not allow
    /// `dynamodb.amazonaws.com` or `a.b.dynamodb.eu-west-1.amazonaws.com`. A `*` never matches an address, and a rule
    /// with a `*` within an address is refused.
    #[must_use]
    pub fn allow(mut self, authority: impl Into<String>) -> Self {
        self.rules.push(Text::Authority(authority.into()));
        self
    }

    /// Allows the scheme, host and port of an `http` or `https` URL, such as a configured endpoint.
    ///
    /// Without a port, the default port of the scheme applies: 80 or 443. A path is ignored.
    #[must_use]
    pub fn allow_url(mut self, url: impl Into<String>) -> Self {
        self.rules.push(Text::Url(url.into()));
        self
    }

    /// Sets which names may resolve to internal addresses; [`InternalAddresses::DenyForWildcards`] by default.
    ///
    /// By default, a name that only a rule with a `*` allows must not resolve to an internal address. Otherwise, the owner of
    /// such a name could send a plugin to this machine, to its private network, or to its cloud's metadata service.
    ///
    /// Denied addresses of a name are skipped. If the name has no other address, the request fails with wasi:http's
    /// `destination-IP-prohibited`.
    ///
    /// AWS names may resolve to addresses of your private network, for example those of a VPC's interface endpoints. In that
    /// case, add a rule that writes the name out, or choose [`InternalAddresses::Allow`].
    #[must_use]
    pub fn internal_addresses(mut self, internal_addresses: InternalAddresses) -> Self {
        self.internal_addresses = internal_addresses;
        self
    }

    /// Resolves names with `resolver` instead of the operating system's `getaddrinfo`.
    ///
    /// The resolver gets a name in lower case and returns its addresses. An empty list means that the name has no address. An
    /// error fails the request with wasi:http's `DNS-error`.
    ///
    /// - Addresses are cached for 5 s, so a resolver needs no cache. Concurrent requests for a name share one lookup.
    /// - A lookup may take 60 s.
    /// - At most 32 lookups run at a time, and at most 16 of them for names that only a rule with a `*` allows.
    /// - The resolver runs in a tokio runtime of this crate. One thread serves all resolvers, so it must not block.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use dapr_wasm_host::Egress;
    /// use std::net::Ipv4Addr;
    ///
    /// let egress = Egress::builder()
    ///     .allow("store.example:8000")
    ///     .resolver(|_name| async { Ok(vec![Ipv4Addr::LOCALHOST.into()]) })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `getaddrinfo` takes a thread for each lookup. An asynchronous resolver such as
    /// [hickory-resolver](https://docs.rs/hickory-resolver) does not:
    ///
    /// ```ignore
    /// // With hickory-resolver 0.25.
    /// let hickory = hickory_resolver::TokioResolver::builder_tokio()?.build();
    /// let egress = Egress::builder()
    ///     .allow("dynamodb.*.amazonaws.com:443")
    ///     .resolver(move |name| {
    ///         let hickory = hickory.clone();
    ///         async move {
    ///             let found = hickory.lookup_ip(name).await.map_err(std::io::Error::other)?;
    ///             Ok(found.iter().collect())
    ///         }
    ///     })
    ///     .build()?;
    /// ```
    #[must_use]
    pub fn resolver<F>(mut self, resolver: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.lookup = Some(Arc::new(move |name| {
            let looking = resolver(name.as_str().to_owned());
            Box::pin(async move {
                let found = timeout(LOOKUP_TIMEOUT, looking).await??;
                Ok(found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
            })
        }));
        self
    }

    /// Sets the trusted root certificates and the client certificate; by default, the roots that browsers trust and no client
    /// certificate.
    ///
    /// It replaces earlier TLS settings, including those of [`root_certificate`](Self::root_certificate).
    /// `AwsCredentials::of_environment_with` takes the same value.
    #[must_use]
    pub fn tls(mut self, tls: &Tls) -> Self {
        self.tls = tls.clone();
        self
    }

    /// Trusts a root certificate in addition to the others: one certificate in DER, or any number in PEM.
    ///
    /// This is a shortcut for [`Tls::root_certificate`].
    #[must_use]
    pub fn root_certificate(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.root_certificate(certificate);
        self
    }

    /// Sends requests to `https` hosts through an HTTP proxy, in tunnels (`CONNECT`); unset by default.
    ///
    /// `url` has the scheme `http`, and may have a user name and a password: `http://user:password@proxy.example:3128`. The
    /// variable `HTTPS_PROXY` is not read. Pass its value to this method to use it.
    ///
    /// Requests to `http` hosts do not use the proxy. Rules apply to the host behind the proxy. The proxy resolves the name of
    /// that host, so [`internal_addresses`](Self::internal_addresses) and [`resolver`](Self::resolver) do not affect it.
    #[must_use]
    pub fn https_proxy(mut self, url: impl Into<String>) -> Self {
        self.https_proxy = Some(url.into());
        self
    }

    /// Sets how long an idle connection is kept; 20 s by default. Zero keeps no connection.
    ///
    /// Choose a time that is shorter than the idle timeout of the server.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.limits.idle_timeout = idle_timeout;
        self
    }

    /// Sets how long a plugin may leave a response unread before its connection is closed; 30 s by default.
    ///
    /// The plugin then gets wasi:http's `HTTP-response-timeout` for that response.
    ///
    /// This limit applies to a plugin that does not poll its response, also between calls. While a plugin waits for bytes, its
    /// own between-bytes timeout applies if it is longer. A plugin cannot choose a timeout of more than ten minutes.
    #[must_use]
    pub fn unread_timeout(mut self, unread_timeout: Duration) -> Self {
        self.limits.unread_timeout = unread_timeout;
        self
    }

    /// Limits the connections to all hosts together, in use and idle; 512 by default.
    ///
    /// At the limit, a new connection replaces the one that has been idle for the longest. If none is idle, requests wait as
    /// they do for [`max_connections_per_host`](Self::max_connections_per_host).
    #[must_use]
    pub fn max_connections(mut self, connections: NonZeroUsize) -> Self {
        self.limits.most = connections;
        self
    }

    /// Limits the connections to one host and port, in use and idle together; 512 by default.
    ///
    /// Further requests wait in the order in which they came. A request that waits longer than the plugin's connect timeout
    /// (30 s unless the plugin sets one) fails with wasi:http's `connection-timeout`. HTTP/1.1 serves one request at a time on
    /// a connection, so this is also the limit of concurrent requests to a host.
    #[must_use]
    pub fn max_connections_per_host(mut self, connections: NonZeroUsize) -> Self {
        self.limits.most_per_host = connections;
        self
    }

    /// Signs unsigned requests to the scheme, host and port of `url` with AWS Signature Version 4.
    ///
    /// Plugins then need no keys, and never see any: use `dapr_dynamodb.wasm` with `signing` = `host`. `region` and `service`
    /// are those of the signature, such as `eu-west-1` and `dynamodb`. This method does not allow the address:
    /// [`allow_url`](Self::allow_url) does. If several calls name the same address, the last one applies.
    ///
    /// Every plugin that may send to the address has the rights of these credentials. Give plugins with different rights
    /// separate [`Egress`] values.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use dapr_wasm_host::{AwsCredentials, Egress};
    ///
    /// let endpoint = "https://dynamodb.eu-west-1.amazonaws.com";
    /// let credentials = AwsCredentials::of_environment("eu-west-1");
    /// let egress = Egress::builder()
    ///     .allow_url(endpoint)
    ///     .sign(endpoint, "eu-west-1", "dynamodb", &credentials)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Requests
    ///
    /// - A request that has an `authorization` header, or a signature in its query, is sent unchanged.
    /// - Each attempt of a plugin gets a new signature, with the time of this machine. If the server refuses a request and its
    ///   clock differs by more than four minutes, later signatures use the time of the server.
    /// - Without credentials, nothing is sent. The plugin gets a response of status 400 with the code
    ///   `UnrecognizedClientException`, as from DynamoDB.
    ///
    /// The host buffers a request body until it is complete. A body of more than 32 MiB fails with wasi:http's
    /// `HTTP-request-body-size`. All bodies of one instance together may have 128 MiB, and further bodies wait. A body without a
    /// `content-length` counts as 32 MiB until it is complete. Waiting for bodies and credentials takes at most the connect
    /// timeout of the plugin.
    ///
    /// # Expired credentials
    ///
    /// If the service refuses the session token as expired (`ExpiredTokenException`, `ExpiredToken`), the host fetches newer
    /// credentials, signs the request again and sends it once more. Concurrent requests share one fetch. The plugin gets the
    /// refusal of the service in these cases:
    ///
    /// - The source fails or returns the same credentials again.
    /// - The source returned a result less than 5 s ago.
    /// - The source takes longer than requests [wait](AwsCredentials::wait_timeout).
    /// - The service refuses the second attempt as well.
    ///
    /// # Session tokens in error responses
    ///
    /// A service that refuses a signature may repeat the signed text, including the session token. The host hides the token from
    /// the plugin. If a request was signed with a session token, the host buffers a response of status 400 to 499 and replaces
    /// the token with `***`.
    ///
    /// - A response of more than 8 MiB fails with wasi:http's `HTTP-response-body-size`.
    /// - The host removes `accept-encoding` from such requests, because it cannot search a compressed response.
    /// - Until the plugin has read or dropped the response, it counts as a request
    ///   [in flight](crate::InstanceOptions::max_requests) and towards the 128 MiB of the instance. It counts with its
    ///   `content-length`, or with 8 MiB until it is complete.
    /// - A response waits for that room at most for the between-bytes timeout of the plugin. Then it fails with
    ///   `HTTP-response-timeout`. If there is no room at once, the host does not send a request a second time.
    ///
    /// # Amazon S3
    ///
    /// The services `s3`, `s3-outposts` and `s3-object-lambda` are signed by the rules of Amazon S3:
    ///
    /// - The digest of the body is sent in `x-amz-content-sha256`. It replaces a digest, or `UNSIGNED-PAYLOAD`, of the plugin.
    /// - The path is not normalized. Its characters are percent-encoded as S3 requires, also in the request that is sent:
    ///   `/a$b//..` becomes `/a%24b//..`.
    /// - A body with an unsigned trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`, as AWS SDKs send checksums) is sent unchanged.
    ///   Only TLS protects it.
    /// - A body in signed chunks (`STREAMING-AWS4-…`) is not sent. The plugin gets a response of status 501.
    /// - Without credentials, the plugin gets a response of status 403 with the code `InvalidAccessKeyId`.
    ///
    /// [`build`](Self::build) refuses directory buckets (`s3express`) and Signature Version 4A (a region with `*`, or several
    /// regions).
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn sign(
        mut self,
        url: impl Into<String>,
        region: impl Into<String>,
        service: impl Into<String>,
        credentials: &AwsCredentials,
    ) -> Self {
        self.signing.push(Signing {
            url: url.into(),
            region: region.into(),
            service: service.into(),
            credentials: credentials.clone(),
        });
        self
    }

    /// Checks the rules and the certificates, and returns the [`Egress`]. Opens no connection.
    ///
    /// # Errors
    ///
    /// - [`HostError::EgressRule`]: a rule is invalid, or the URL of [`https_proxy`](Self::https_proxy), or the URL, region or
    ///   service of `sign`.
    /// - [`HostError::RootCertificate`]: a root certificate is invalid, or no root is trusted.
    /// - [`HostError::NativeRoots`]: the operating system has no usable root certificates.
    /// - [`HostError::ClientCertificate`]: the client certificate or its key is invalid.
    /// - [`HostError::Tls`]: the TLS library refused its configuration.
    ///
    /// ```
    /// use dapr_wasm_host::Egress;
    ///
    /// let error = Egress::builder().allow("dynamodb.eu-west-1.amazonaws.com").build().unwrap_err();
    /// assert!(error.to_string().contains("has no port"));
    /// ```
    pub fn build(self) -> Result<Egress, HostError> {
        let rules = self.rules.iter().map(|rule| match rule {
            Text::Authority(authority) => Rule::from_authority(authority),
            Text::Url(url) => Rule::from_url(url),
        });
        let allowed = AllowList::new(rules.collect::<Result<_, _>>()?);
        let lookup = self.lookup.unwrap_or_else(dns_cache::system);
        let proxy = self.https_proxy.as_deref().map(Proxy::new).transpose()?;
        let connector = Connector::new(lookup, self.tls.config()?, proxy);
        #[cfg(feature = "aws")]
        let signers = self.signing.into_iter().map(Signing::signer);
        Ok(Egress {
            allowed: Arc::new(allowed),
            internal_addresses: self.internal_addresses,
            pool: Pool::new(connector, self.limits),
            #[cfg(feature = "aws")]
            signers: signers.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(feature = "aws")]
impl Egress {
    /// Returns the signer of requests to `origin`, if there is one. The last rule for an origin applies.
    fn signer(&self, origin: &Origin) -> Option<Arc<Signer>> {
        let mut last_first = self.signers.iter().rev();
        last_first.find(|signer| signer.origin == *origin).cloned()
    }
}
