//! The egress: a plugin reaches the hosts that its embedder named, and nothing else.
//!
//! The modules form layers, and each uses only those after it in this list:
//!
//! - [`outgoing`]: an instance's `wasi:http`. It lets a request pass or refuses it, before any lookup or connection.
//! - With the feature `aws`: `credential_endpoint` answers in place of a container's agent; `signing`, with `signing_style`,
//!   `clock_skew` and `mask_token`, signs requests and keeps the session token out of what comes back; `buffered` counts the
//!   bodies that are kept meanwhile.
//! - [`exchange`]: sends one request on a connection and hands its answer to the plugin.
//! - [`pool`]: connections by host, in use and idle, never more than allowed. Its [`idle_reaper`] closes what is idle or left
//!   unread for too long.
//! - [`connection`]: an HTTP/1.1 connection, and the body of a request.
//! - [`connector`]: opens connections, over [`tls`] or not.
//! - [`failure`]: names what went wrong.
//! - [`dns_cache`]: the addresses of names.
//! - [`allow_list`], [`origin`], [`internal_addresses`]: what a rule, a URL and an address mean.

mod allow_list;
#[cfg(feature = "aws")]
mod buffered;
#[cfg(feature = "aws")]
mod clock_skew;
mod connection;
mod connector;
#[cfg(feature = "aws")]
mod credential_endpoint;
mod dns_cache;
mod exchange;
mod failure;
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
pub use internal_addresses::InternalAddresses;
pub(crate) use outgoing::{Outgoing, add_to_linker};
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

/// How long a resolver that the embedder gives may take for one name. The system's gives up by itself.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(60);

/// Says where plugins may send HTTP requests, and holds the connections that they share to get there.
///
/// HTTP/1.1 with keep-alive, in the clear or over TLS 1.2 and 1.3, whose sessions are resumed. A rule is about what the
/// plugin writes: a name allows no address, and an address no name.
/// [`EgressBuilder::internal_addresses`] says which addresses names may lead to. Redirects are not followed:
/// the plugin sees them. The environment's proxies are not used; [`EgressBuilder::https_proxy`] sets one. The addresses of
/// a name are used for 5 s, and no longer once a connection to them did not come about. A clone has the same rules and the same connections; two that were built
/// apart share nothing.
///
/// A connection is used by the tokio runtime that opened it and by no other; the idle ones of all runtimes together count
/// towards [`EgressBuilder::max_connections_per_host`], and the oldest makes room where another runtime needs it.
#[derive(Clone)]
pub struct Egress {
    allowed: Arc<AllowList>,
    internal_addresses: InternalAddresses,
    pool: Arc<Pool>,
    #[cfg(feature = "aws")]
    signers: Arc<[Arc<Signer>]>,
}

impl Egress {
    /// Nothing is allowed until a rule says so.
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

/// Collects the rules of an [`Egress`]. They are read, and their faults told, by [`EgressBuilder::build`].
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
    /// A label `*` stands for exactly one label of a name: `dynamodb.*.amazonaws.com:443` allows every region, and
    /// neither `dynamodb.amazonaws.com` nor `a.b.dynamodb.eu-west-1.amazonaws.com`. It never stands for an address.
    #[must_use]
    pub fn allow(mut self, authority: impl Into<String>) -> Self {
        self.rules.push(Text::Authority(authority.into()));
        self
    }

    /// Allows the scheme, host and port of an `http` or `https` URL, such as a configured endpoint. Without a port it is
    /// the scheme's own: 80 or 443. A path is ignored.
    #[must_use]
    pub fn allow_url(mut self, url: impl Into<String>) -> Self {
        self.rules.push(Text::Url(url.into()));
        self
    }

    /// Sets which addresses the names of rules may lead to. By default, a name that only a rule with a `*` allows may not lead to
    /// an internal address ([`InternalAddresses::DenyForWildcards`]): whoever answers for such a name in DNS could otherwise
    /// send a plugin to this machine, to its private network, or to its cloud's metadata service.
    ///
    /// A request to a name that has no other address fails with wasi:http's `destination-IP-prohibited`. Other addresses of
    /// the name are used. If names of AWS lead to your private network, as those of a VPC's interface endpoints do, write
    /// them out in a rule of their own, or choose [`InternalAddresses::Allow`].
    #[must_use]
    pub fn internal_addresses(mut self, internal_addresses: InternalAddresses) -> Self {
        self.internal_addresses = internal_addresses;
        self
    }

    /// Looks names up with `resolver` instead of the operating system's `getaddrinfo`.
    ///
    /// The resolver gets a name in lower case and gives its addresses. An empty list means that the name has none. The
    /// addresses are used for 5 s, so a resolver needs no cache, and a name is looked up once for all who ask for it at the
    /// same time. It may take 60 s for one name. It runs in a tokio runtime of this crate that has one thread for all of them,
    /// so it must not block that thread.
    ///
    /// `getaddrinfo` needs a thread for each lookup, of which there are 32 at a time, 16 of them for names that only a rule
    /// with a `*` allows: a resolver that is asynchronous, such as
    /// [hickory-resolver](https://docs.rs/hickory-resolver), needs none.
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

    /// Sets which servers are trusted, and who this host is to them; without, those that browsers trust. It replaces what was set
    /// before, [`root_certificate`](Self::root_certificate) included. `AwsCredentials::of_environment_with` takes the same value.
    #[must_use]
    pub fn tls(mut self, tls: &Tls) -> Self {
        self.tls = tls.clone();
        self
    }

    /// Trusts a root certificate in addition to the others: one in DER, or any number in PEM. Short for
    /// [`Tls::root_certificate`].
    #[must_use]
    pub fn root_certificate(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.root_certificate(certificate);
        self
    }

    /// Sends what goes to `https` hosts through an HTTP proxy, in tunnels that the proxy opens (`CONNECT`); unset by default.
    /// The variable `HTTPS_PROXY` is not read: pass its value on if you want that.
    ///
    /// `url` has the scheme `http`, and may have a user name and a password: `http://user:password@proxy.example:3128`.
    /// Requests to `http` hosts do not use the proxy. Rules are about the host behind it, as always. The proxy looks that
    /// host's name up, so [`internal_addresses`](Self::internal_addresses) and [`resolver`](Self::resolver) have no effect
    /// on it.
    #[must_use]
    pub fn https_proxy(mut self, url: impl Into<String>) -> Self {
        self.https_proxy = Some(url.into());
        self
    }

    /// How long an idle connection may be kept; 20 s by default. It should be shorter than what the server keeps. Zero
    /// keeps none.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.limits.idle_timeout = idle_timeout;
        self
    }

    /// Sets how long a plugin may leave an answer unread before its connection is closed; 30 s by default. The plugin then gets
    /// wasi:http's `HTTP-response-timeout` for it.
    ///
    /// This is about a plugin that does not look at an answer that it was given, also between calls. For one that waits for
    /// bytes, its own between-bytes timeout counts, where that is longer. A plugin cannot choose a timeout of more than ten minutes.
    #[must_use]
    pub fn unread_timeout(mut self, unread_timeout: Duration) -> Self {
        self.limits.unread_timeout = unread_timeout;
        self
    }

    /// Limits the connections to all hosts together, in use and idle; 512 by default.
    ///
    /// A connection to another host takes the place of the one that has been idle for the longest. Where none is idle,
    /// requests wait as they do for [`max_connections_per_host`](Self::max_connections_per_host).
    #[must_use]
    pub fn max_connections(mut self, connections: NonZeroUsize) -> Self {
        self.limits.most = connections;
        self
    }

    /// How many connections there may be to one host and port, in use and idle together; 512 by default.
    ///
    /// Requests beyond that wait, the first come first, within the time that the plugin gives to connecting; then they
    /// fail with wasi:http's `connection-timeout`. HTTP/1.1 answers one request at a time on a connection, so this is also
    /// how many requests a host is sent at a time.
    #[must_use]
    pub fn max_connections_per_host(mut self, connections: NonZeroUsize) -> Self {
        self.limits.most_per_host = connections;
        self
    }

    /// Signs, with Signature Version 4, what plugins send unsigned to the scheme, host and port of this URL, so that they need
    /// no key and never have one: `dapr_dynamodb.wasm` with `signing` = `host`. Of several rules for one address the last counts.
    ///
    /// `region` and `service` are those of the signature, such as `eu-west-1` and `dynamodb`. The address must be
    /// [allowed](Self::allow_url) as well. Whoever may send there may do there what these credentials may: let no two plugins
    /// that are to have different rights share an [`Egress`].
    ///
    /// A request with an `authorization`, or with a signature in its query, passes as it is. A body is held until it is complete: one
    /// of more than 32 MiB fails with wasi:http's `HTTP-request-body-size`, and the bodies of one instance wait for one another
    /// where they are more than 128 MiB together; one without a `content-length` counts as 32 MiB until it is complete. Waiting
    /// for a body and for credentials takes no longer than the plugin gives to
    /// connecting. Where there are no credentials, nothing is sent: the plugin gets the answer HTTP 400 with the code
    /// `UnrecognizedClientException`, as from DynamoDB. Each attempt of a plugin is signed anew, at the time of this machine or,
    /// once the server has refused something and its clock is more than four minutes off, of the server.
    ///
    /// Amazon S3 is signed by its own rules where `service` is `s3`, `s3-outposts` or `s3-object-lambda`: with the digest of the
    /// body in `x-amz-content-sha256`, and the path as it is, except that its characters are percent-encoded as S3 wants them,
    /// also on the wire: `/a$b//..` goes out as `/a%24b//..`. A digest of the plugin, or `UNSIGNED-PAYLOAD`, is replaced. A body
    /// with an unsigned trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`, as AWS SDKs send checksums) goes out as it is, and only
    /// TLS protects it. A body in signed chunks (`STREAMING-AWS4-…`) is not sent: the plugin gets the answer HTTP 501. Without
    /// credentials it gets HTTP 403 with the code `InvalidAccessKeyId`. Directory buckets (`s3express`) and Signature Version 4A
    /// (a region with `*`, or several) are refused by [`build`](Self::build).
    ///
    /// A request that is refused because the session token has expired (`ExpiredTokenException`, `ExpiredToken`) is signed again
    /// with newer credentials and sent once more. All who hear of it share one fetch. The plugin gets the refusal if the source
    /// fails, gives the same credentials again, answered less than 5 s ago, or takes longer than requests
    /// [wait](AwsCredentials::wait_timeout); and if the second attempt is refused as well.
    ///
    /// A service that refuses a signature may repeat what was signed, the session token with it. The plugin is not shown that:
    /// the answer to a request that was signed with one is held where its status is one of 400 to 499, and `***` stands in the
    /// place of the token. One of more than 8 MiB fails with wasi:http's `HTTP-response-body-size`. What is compressed cannot be
    /// searched, so `accept-encoding` does not go out with such a request. Until the plugin has read or dropped such an answer,
    /// it counts as a request [under way](crate::InstanceOptions::max_requests), and towards the 128 MiB of the instance: with
    /// its `content-length`, or with 8 MiB until it is complete. It waits for that room no longer than the plugin gives to the
    /// time between bytes, and then fails with `HTTP-response-timeout`. Under such pressure no request is sent a second time.
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

    /// Reads the rules and the certificates. Opens no connection.
    ///
    /// Errors: [`HostError::EgressRule`], [`HostError::RootCertificate`], [`HostError::NativeRoots`],
    /// [`HostError::ClientCertificate`], [`HostError::Tls`].
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
    /// The signer of requests to `origin`.
    fn signer(&self, origin: &Origin) -> Option<Arc<Signer>> {
        let mut last_first = self.signers.iter().rev();
        last_first.find(|signer| signer.origin == *origin).cloned()
    }
}
