//! The endpoint that a container's agent serves its credentials from: ECS, EKS
//! Pod Identity, and hosts that lend their own in the same way. Over plain http
//! nothing is asked that could be somebody else's machine.
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

/// The source's name in sentences.
const SOURCE: &str = "container credentials";

const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The address of ECS's agent, which a relative URI is relative to.
const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

/// The addresses of EKS's agent.
const EKS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
const EKS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);

/// As the SDK waits for it.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(2),
    request_timeout: Duration::from_secs(5),
    max_attempts: 3,
};

/// The variables of the environment.
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

/// The endpoint that credentials are asked at, and the path with its query.
type Target = (Endpoint, String);

/// Credentials of the container.
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

    /// The authorization that is sent, read anew each time: agents replace it.
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
        // A line break would make a second header field of the rest.
        if token.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            // A server may repeat the token of `Bearer <token>` alone.
            token.split(' ').for_each(remember);
            remember(&token);
            Ok(Some(token))
        } else {
            Err(misconfigured(format!(
                "`{name}` gives a token with a line break or another character that no header field has"
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
    /// The URL to ask; the relative URI goes before the full one.
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
        parse(&url).map_err(|why| misconfigured(format!("`{}` is not usable: {why}", field.name)))
    }
}

/// The URL is not quoted in errors: its path may hold a secret.
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
            "over plain http, credentials are asked for at loopback addresses, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23] alone; give one of them or an https URL",
        );
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((endpoint, path.to_owned()))
}

/// Returns true if the host is this machine or a container agent's address. A component
/// resolves no names; `localhost` is loopback by RFC 6761.
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
