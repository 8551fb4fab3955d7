//! EC2 instance metadata, version 2. It takes three requests: for a token, for the name of the
//! instance's role, and for the role's credentials.
//!
//! This source needs no configuration. If nothing answers, it does not apply, and a laptop
//! finds that out after two short attempts.
//!
//! Source: `imds/` of aws-config.

use super::document;
use super::source::{
    self, CredentialsSource, Fetching, NoCredentials, SourceClient, SourceError, SourceRequest,
    absent, misconfigured,
};
use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::aws::retry::{self, RetryKind};
use crate::error::Error;
use crate::fields::{Field, Fields};
use crate::http::{Headers, Method, Platform, Response};
use crate::text::{quote, remember};
use aws_credential_types::Credentials;
use std::rc::Rc;
use std::time::Duration;

/// The name of the source in error sentences.
const SOURCE: &str = "EC2 instance metadata";

/// The requested lifetime of a token in seconds, which is the maximum.
const TOKEN_LIFETIME: &str = "21600";

/// The path of the role's name, and the parent of the path of its credentials.
const ROLE: &str = "latest/meta-data/iam/security-credentials/";

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(1),
    request_timeout: Duration::from_secs(1),
    max_attempts: 2,
};

/// The maximum time for which credentials are used if instance metadata returns them after
/// their expiry. Its service may renew credentials late, and AWS still accepts the old ones.
/// The actual time is random, and up to a third shorter, so that the instances of a fleet do
/// not all ask at once.
///
/// Source: "static stability" of `imds/credentials.rs`.
const EXTENSION: Duration = Duration::from_secs(15 * 60);

/// The source of credentials of the instance's role.
pub(super) struct InstanceMetadata<P> {
    settings: Settings,
    client: SourceClient<P>,
}

impl<P: Platform> InstanceMetadata<P> {
    pub(super) fn new(platform: Rc<P>, settings: Settings) -> Self {
        Self {
            settings,
            client: SourceClient::new(platform, SOURCE, LIMITS),
        }
    }

    /// Sends all three requests. Returns none if the instance has no role. A retry starts with
    /// the first request again, because another token may succeed.
    async fn ask(&self, endpoint: &Endpoint) -> Result<Option<Credentials>, SourceError> {
        let ttl = (
            "x-aws-ec2-metadata-token-ttl-seconds".to_owned(),
            TOKEN_LIFETIME.into(),
        );
        let (site, answer) = self
            .send(Method::Put, endpoint, "latest/api/token", ttl)
            .await?;
        let token = text(&site, &answer, b"")?;
        remember(token);
        let field = || {
            (
                "x-aws-ec2-metadata-token".to_owned(),
                token.as_bytes().to_vec(),
            )
        };
        // The service returned a token, so it exists.
        let there = |refused| SourceError {
            answered: true,
            ..refused
        };
        let role = self.send(Method::Get, endpoint, ROLE, field());
        let (site, answer) = role.await.map_err(there)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let path = format!("{ROLE}{}", text(&site, &answer, b"/?#%")?);
        let credentials = self.send(Method::Get, endpoint, &path, field());
        let (site, answer) = credentials.await.map_err(there)?;
        if answer.status == 401 {
            return Err(refused(&site, &answer));
        }
        document::credentials(SOURCE, &site, &answer).map(Some)
    }

    /// Sends one of the requests, and retries it if that may help.
    async fn send(
        &self,
        method: Method,
        endpoint: &Endpoint,
        path: &str,
        field: (String, Vec<u8>),
    ) -> Result<(String, Response), SourceError> {
        let mut headers = Headers::from([field]);
        if method == Method::Put {
            headers.push(("content-length".to_owned(), b"0".to_vec()));
        }
        let path = format!("{}{path}", endpoint.path());
        let attempt = async || {
            let ask = SourceRequest {
                method,
                endpoint,
                path: &path,
                headers: headers.clone(),
                body: &[],
            };
            let (site, answer) = self.client.once(ask).await?;
            match source::again(answer.status) {
                Some(_) => Err(refused(&site, &answer)),
                None => Ok((site, answer)),
            }
        };
        self.client.repeatedly(attempt).await
    }

    /// Extends credentials that have already expired.
    fn extended(&self, credentials: Credentials) -> Credentials {
        let now = self.client.platform.now();
        if credentials.expiry().is_none_or(|expiry| now < expiry) {
            return credentials;
        }
        let left_out = retry::share(EXTENSION / 3, self.client.platform.random());
        let mut extended = credentials;
        *extended.expiry_mut() = now.checked_add(EXTENSION.saturating_sub(left_out));
        extended
    }
}

impl<P: Platform> CredentialsSource for InstanceMetadata<P> {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(async move {
            self.settings.check_enabled()?;
            let endpoint = self.settings.endpoint()?;
            let lent = self.client.repeatedly(async || self.ask(&endpoint).await);
            match lent.await {
                Ok(Some(credentials)) => Ok(self.extended(credentials)),
                Ok(None) => Err(absent("the instance has no role")),
                // Nothing answered, and no endpoint is configured: the source does not apply.
                Err(refused) if !refused.answered && !self.settings.is_named() => {
                    Err(absent(refused.error.sentence()))
                }
                Err(refused) => Err(refused.into()),
            }
        })
    }
}

/// Returns the text of a response, which is a token or the name of a role. A token goes into a
/// header. A name goes into a path and must not contain bytes of `reserved`.
fn text<'a>(site: &str, answer: &'a Response, reserved: &[u8]) -> Result<&'a str, SourceError> {
    let text = std::str::from_utf8(&answer.body).unwrap_or_default().trim();
    let is_sound = |byte: u8| byte.is_ascii_graphic() && !reserved.contains(&byte);
    if answer.status == 200 && !text.is_empty() && text.bytes().all(is_sound) {
        Ok(text)
    } else {
        Err(refused(site, answer))
    }
}

/// Returns the error for a response that cannot be used. A refused token is worth a retry,
/// because the service may have replaced it.
fn refused(site: &str, answer: &Response) -> SourceError {
    let status = answer.status;
    let again = match source::again(status) {
        None if status == 401 => Some(RetryKind::Transient),
        again => again,
    };
    let case = if status == 200 {
        Error::Unavailable
    } else {
        source::case(again)
    };
    let words = source::plain_words(answer)
        .unwrap_or_else(|| "not a valid response of instance metadata".to_owned());
    SourceError {
        error: case(format!("{site}: HTTP {status}, {words}")),
        again,
        answered: true,
    }
}

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ENDPOINT_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

/// The address of instance metadata on every instance.
const AWS: &str = "http://169.254.169.254";
const AWS_V6: &str = "http://[fd00:ec2::254]";

/// The environment variables of the source.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    endpoint: Option<Field>,
    mode: Option<Field>,
    disabled: Option<Field>,
}

impl Settings {
    pub(super) fn new(fields: &Fields<'_>) -> Self {
        Self {
            endpoint: fields.environment(ENDPOINT),
            mode: fields.environment(ENDPOINT_MODE),
            disabled: fields.environment(DISABLED),
        }
    }

    /// Returns the endpoint of instance metadata.
    pub(super) fn endpoint(&self) -> Result<Endpoint, NoCredentials> {
        let is_v6 = match &self.mode {
            None => false,
            Some(mode) if mode.value.eq_ignore_ascii_case("ipv4") => false,
            Some(mode) if mode.value.eq_ignore_ascii_case("ipv6") => true,
            Some(mode) => {
                return Err(misconfigured(format!(
                    "invalid `{ENDPOINT_MODE}` {}: must be `IPv4` or `IPv6`",
                    quote(&mode.value)
                )));
            }
        };
        let url = match &self.endpoint {
            Some(given) => &given.value,
            None if is_v6 => AWS_V6,
            None => AWS,
        };
        Endpoint::parse(url).map_err(|why| {
            misconfigured(format!(
                "invalid `{ENDPOINT}`: {why}; set a URL such as `{AWS}`"
            ))
        })
    }

    /// Returns true if the environment sets the endpoint.
    pub(super) fn is_named(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Checks that the source is enabled.
    ///
    /// # Errors
    ///
    /// Absent if the environment disables it.
    pub(super) fn check_enabled(&self) -> Result<(), NoCredentials> {
        let disabled = self.disabled.as_ref();
        match disabled.is_some_and(|field| field.value.eq_ignore_ascii_case("true")) {
            true => Err(absent(format!("{DISABLED} is set"))),
            false => Ok(()),
        }
    }
}
