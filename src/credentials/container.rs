//! Container credentials, served by an agent at an HTTP endpoint. The agents are ECS, EKS Pod
//! Identity, and hosts that provide their own credentials in the same way. Over plain http, the
//! component sends requests only to addresses that cannot belong to another party.
//!
//! Source: `ecs.rs` of aws-config.

use super::source::{
    self, CredentialsSource, Fetching, NoCredentials, SourceClient, SourceError, SourceRequest,
    absent, misconfigured,
};
use super::{document, keys};
use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::fields::{Field, Fields};
use crate::http::{Headers, Method, Platform};
use crate::text::{quote, remember};
use aws_credential_types::Credentials;
use http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

/// The name of the source in error sentences.
const SOURCE: &str = "container credentials";

const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The address of the ECS agent, which is the base of a relative URI.
const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

/// The addresses of the EKS agent.
const EKS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
const EKS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);

/// The SDK's limits for this source.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(2),
    request_timeout: Duration::from_secs(5),
    max_attempts: 3,
};

/// The environment variables of the source.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    relative_uri: Option<Field>,
    full_uri: Option<Field>,
    token: Option<Field>,
    token_file: Option<Field>,
}

impl Settings {
    pub(super) fn new(fields: &Fields<'_>) -> Self {
        Self {
            relative_uri: fields.environment(RELATIVE_URI),
            full_uri: fields.environment(FULL_URI),
            token: fields.environment(TOKEN),
            token_file: fields.environment(TOKEN_FILE),
        }
    }
}

/// The endpoint of the credentials, and the path with its query.
type Target = (Endpoint, String);

/// The source of container credentials.
pub(super) struct Container<P> {
    settings: Settings,
    client: SourceClient<P>,
}

impl<P: Platform> Container<P> {
    pub(super) fn new(platform: Rc<P>, settings: Settings) -> Self {
        Self {
            settings,
            client: SourceClient::new(platform, SOURCE, LIMITS),
        }
    }

    /// Returns the authorization token. A token file is read again each time, because agents
    /// replace it.
    fn token(&self) -> Result<Option<String>, NoCredentials> {
        let (name, token) = if let Some(file) = &self.settings.token_file {
            let path = &file.value;
            let text = source::text(&*self.client.platform, path, keys::LONGEST as u64);
            let text = text.map_err(|why| {
                misconfigured(format!("`{TOKEN_FILE}` names {}, which {why}", quote(path)))
            })?;
            (TOKEN_FILE, text)
        } else if let Some(token) = &self.settings.token {
            (TOKEN, token.value.clone())
        } else {
            return Ok(None);
        };
        // After a line break, the rest would be a second header.
        if token.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            // A server may echo only the token of `Bearer <token>`.
            token.split(' ').for_each(remember);
            remember(&token);
            Ok(Some(token))
        } else {
            Err(misconfigured(format!(
                "invalid token from `{name}`: it contains a line break or another character that a header cannot have"
            )))
        }
    }

    async fn ask(
        &self,
        (endpoint, path): &Target,
        token: Option<&str>,
    ) -> Result<Credentials, SourceError> {
        let mut headers = Headers::from([("accept".to_owned(), b"application/json".to_vec())]);
        if let Some(token) = token {
            headers.push(("authorization".to_owned(), token.as_bytes().to_vec()));
        }
        let ask = SourceRequest {
            method: Method::Get,
            endpoint,
            path,
            headers,
            body: &[],
        };
        let (site, answer) = self.client.once(ask).await?;
        document::credentials(SOURCE, &site, &answer)
    }
}

impl<P: Platform> CredentialsSource for Container<P> {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            let target = self.settings.target()?;
            let token = self.token()?;
            let lent = self
                .client
                .repeatedly(async || self.ask(&target, token.as_deref()).await);
            Ok(lent.await?)
        })
    }
}

impl Settings {
    /// Returns the URL of the credentials. The relative URI takes precedence over the full one.
    fn target(&self) -> Result<Target, NoCredentials> {
        let (field, url) = match (&self.relative_uri, &self.full_uri) {
            (Some(relative), _) => (relative, format!("http://{ECS}{}", relative.value)),
            (None, Some(full)) => (full, full.value.clone()),
            (None, None) => {
                return Err(absent(format!(
                    "neither {RELATIVE_URI} nor {FULL_URI} is set"
                )));
            }
        };
        parse(&url).map_err(|why| misconfigured(format!("invalid `{}`: {why}", field.name)))
    }
}

/// Parses the URL. Errors do not quote it, because its path may contain a secret.
fn parse(url: &str) -> Result<Target, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL")?;
    let (scheme, authority) = (uri.scheme_str(), uri.authority());
    let site = format!(
        "{}://{}",
        scheme.unwrap_or_default(),
        authority.map_or("", |authority| authority.as_str())
    );
    let endpoint = Endpoint::parse(&site)?;
    if !endpoint.tls() && !authority.is_some_and(|authority| is_own(authority.host())) {
        return Err(
            "over plain http, only loopback addresses, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23] are allowed; use one of them or an https URL",
        );
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((endpoint, path.to_owned()))
}

/// Returns true if the host is this machine or the address of a container agent. A component
/// does not resolve names, but RFC 6761 defines `localhost` as loopback.
fn is_own(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match address.unwrap_or(host).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address == ECS || address == EKS,
        Ok(IpAddr::V6(address)) => address.is_loopback() || address == EKS_V6,
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
