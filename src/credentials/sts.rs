//! A client of AWS STS, which returns credentials for a role. It uses the query protocol, whose
//! requests are forms and whose responses are XML.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/>. Native tests compare the
//! signature with that of the SDK's own crate.

use super::document::moment;
use super::keys::Parts;
use super::role::Role;
use super::source::{self, Fetched, SourceClient, SourceError, SourceRequest};
use crate::aws::clock_skew::{self, ClockSkew};
use crate::aws::endpoint::{Endpoint, RESERVED};
use crate::aws::retry::RetryKind;
use crate::aws::sign::Signer;
use crate::aws::{Limits, error_code};
use crate::error::Error;
use crate::fields::Fields;
use crate::http::{Files, Headers, Method, Platform, Response};
use crate::text::{first_line, remember};
use aws_credential_types::Credentials;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use percent_encoding::utf8_percent_encode;
use std::rc::Rc;

/// The version of the protocol.
const VERSION: &str = "2011-06-15";

/// The service's name in the credential scope and in the endpoints of AWS.
const SERVICE: &str = "sts";

/// The code for an unreachable issuer of a web identity token. STS asks the issuer for its
/// keys, which may fail temporarily.
const ISSUER_OUT_OF_REACH: &str = "IDPCommunicationError";

/// The codes that mean an invalid configuration, such as a role that is not an ARN.
const MISCONFIGURED: &[&str] = &[
    "InvalidParameterValue",
    "MissingParameter",
    "RegionDisabledException",
    "ValidationError",
];

/// A client of STS for one source of credentials.
pub(super) struct Sts<P> {
    client: SourceClient<P>,
    settings: Settings,
    skew: ClockSkew,
}

impl<P: Platform> Sts<P> {
    /// Creates a client that names `source` in its error sentences.
    pub(super) fn new(platform: Rc<P>, source: &'static str, settings: Settings) -> Self {
        Self {
            client: SourceClient::new(platform, source, settings.limits),
            settings,
            skew: ClockSkew::default(),
        }
    }

    /// Sends AssumeRole, signed with the credentials `by`.
    ///
    /// # Errors
    ///
    /// If STS is unreachable or refuses the request.
    pub(super) async fn assume_role(&self, role: &Role, by: &Credentials) -> Fetched {
        let mut form = form("AssumeRole");
        push(&mut form, "RoleArn", &role.arn);
        push(&mut form, "RoleSessionName", &role.session_name);
        if let Some(external_id) = &role.external_id {
            push(&mut form, "ExternalId", external_id);
        }
        if let Some(duration) = &role.duration {
            push(&mut form, "DurationSeconds", duration);
        }
        let signer = Signer::new(by.clone(), self.settings.region.clone(), SERVICE);
        let asked = self
            .client
            .repeatedly(async || self.ask(&form, Some(&signer), false).await);
        Ok(asked.await?)
    }

    /// Sends AssumeRoleWithWebIdentity. It is not signed, because the token authenticates it.
    ///
    /// # Errors
    ///
    /// If STS is unreachable or refuses the request.
    pub(super) async fn assume_role_with_web_identity(&self, role: &Role, token: &str) -> Fetched {
        remember(token);
        let mut form = form("AssumeRoleWithWebIdentity");
        push(&mut form, "RoleArn", &role.arn);
        push(&mut form, "RoleSessionName", &role.session_name);
        push(&mut form, "WebIdentityToken", token);
        let asked = self
            .client
            .repeatedly(async || self.ask(&form, None, false).await);
        Ok(asked.await?)
    }

    /// Returns the files that the host grants, for the token of a web identity.
    pub(super) fn files(&self) -> &impl Files {
        &*self.client.platform
    }

    /// Sends one attempt. If STS refuses the time of the signature, the request is signed and
    /// sent once more. This does not count as another attempt, because STS did not process the
    /// first request.
    async fn ask(
        &self,
        form: &str,
        signer: Option<&Signer>,
        signed_again: bool,
    ) -> Result<Credentials, SourceError> {
        let endpoint = self.settings.endpoint.as_ref().map_err(|why| {
            SourceError::unsent(Error::InvalidConfiguration(format!(
                "{}: {why}",
                self.client.source
            )))
        })?;
        let content_type = b"application/x-www-form-urlencoded".to_vec();
        let mut headers = Headers::from([
            ("content-type".to_owned(), content_type),
            (
                "content-length".to_owned(),
                form.len().to_string().into_bytes(),
            ),
        ]);
        let platform = &*self.client.platform;
        let sent = platform.now();
        let signed_at = self.skew.correct(sent);
        if let Some(signer) = signer {
            let signed = signer.sign(platform, endpoint, &mut headers, form.as_bytes(), signed_at);
            signed.map_err(|error| {
                SourceError::unsent(Error::Other(format!(
                    "{}: cannot sign the request ({error})",
                    self.client.source
                )))
            })?;
        }
        let ask = SourceRequest {
            method: Method::Post,
            endpoint,
            path: endpoint.path(),
            headers,
            body: form.as_bytes(),
        };
        let (site, answer) = self.client.once(ask).await?;
        let (code, message) = match read_answer(self.client.source, &answer) {
            Answer::Credentials(credentials) => return Ok(credentials),
            Answer::Refusal { code, message } => (code, message),
            Answer::Unreadable(why) => {
                let status = answer.status;
                let again = source::again(status);
                let case = match again {
                    Some(again) => source::case(Some(again)),
                    None => Error::Unavailable,
                };
                let words = source::plain_words(&answer);
                let why = words.unwrap_or_else(|| why.to_owned());
                return Err(SourceError {
                    error: case(format!(
                        "{site}: HTTP {status}, not a valid STS response: {why}"
                    )),
                    again,
                    answered: true,
                });
            }
        };
        let date = answer.header("date");
        if let Some(date) = date {
            self.skew.observe(date, sent, self.client.platform.now());
        }
        if signer.is_some() && !signed_again && clock_skew::explains(&code, date, signed_at) {
            return Box::pin(self.ask(form, signer, true)).await;
        }
        let again = again(&code, &answer);
        let (message, code) = (first_line(&message), first_line(&code));
        let sentence = format!("{site}: {message} ({code}, HTTP {})", answer.status);
        Err(SourceError {
            error: case(&code, again)(sentence),
            again,
            answered: true,
        })
    }
}

/// Returns the kind of the retry of a refused request; none if it is not worth retrying.
fn again(code: &str, answer: &Response) -> Option<RetryKind> {
    if code == ISSUER_OUT_OF_REACH {
        return Some(RetryKind::Transient);
    }
    error_code::retry_kind(Some(code), answer.status).or_else(|| source::again(answer.status))
}

fn case(code: &str, again: Option<RetryKind>) -> fn(String) -> Error {
    match again {
        None if MISCONFIGURED.contains(&code) => Error::InvalidConfiguration,
        again => source::case(again),
    }
}

fn form(action: &str) -> String {
    format!("Action={action}&Version={VERSION}")
}

fn push(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.extend(utf8_percent_encode(value, RESERVED));
}

/// The settings of STS. The endpoint is that of the environment, or AWS's own endpoint of the
/// region by default. A fault of it is reported only when STS is needed.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The endpoint, or the reason that there is none.
    pub(super) endpoint: Result<Endpoint, String>,
    /// The region in the signature.
    pub(super) region: String,
    pub(super) limits: Limits,
}

impl Settings {
    /// Reads the settings for the region of DynamoDB.
    pub(super) fn new(fields: &Fields<'_>, region: &str, limits: Limits) -> Self {
        let given = fields
            .environment("AWS_ENDPOINT_URL_STS")
            .or_else(|| fields.environment("AWS_ENDPOINT_URL"));
        let endpoint = match given {
            Some(url) => Endpoint::parse(&url.value).map_err(|why| {
                format!(
                    "invalid `{}`: {why}; set a URL such as `https://sts.eu-west-1.amazonaws.com`",
                    url.name
                )
            }),
            None => Endpoint::of_region(SERVICE, region).ok_or_else(|| {
                "STS needs an AWS region, and none is configured: set `region`, or AWS_ENDPOINT_URL_STS"
                    .to_owned()
            }),
        };
        Self {
            endpoint,
            region: region.to_owned(),
            limits,
        }
    }
}

/// Texts by the names of their elements.
type Texts = Vec<(String, String)>;

/// A parsed response.
enum Answer {
    Credentials(Credentials),
    Refusal {
        code: String,
        message: String,
    },
    /// A response that is not STS's, with the reason.
    Unreadable(&'static str),
}

/// Parses a response to a request for credentials of `source`.
fn read_answer(source: &'static str, answer: &Response) -> Answer {
    let Ok(text) = std::str::from_utf8(&answer.body) else {
        return Answer::Unreadable("it is not UTF-8 text");
    };
    let found = if answer.status == 200 {
        members(text, "Credentials").map(|members| credentials(source, &members))
    } else {
        members(text, "Error").map(refusal)
    };
    found.unwrap_or(Answer::Unreadable("it has no `Credentials` and no `Error`"))
}

fn refusal(members: Texts) -> Answer {
    match text(&members, "Code") {
        Some(code) => Answer::Refusal {
            code: code.to_owned(),
            message: text(&members, "Message").unwrap_or_default().to_owned(),
        },
        None => Answer::Unreadable("its error has no `Code`"),
    }
}

fn credentials(source: &'static str, members: &Texts) -> Answer {
    let text = |name: &str| text(members, name);
    let Some(expiry) = text("Expiration").and_then(moment) else {
        return Answer::Unreadable("its credentials have no valid `Expiration`");
    };
    let parts = Parts {
        access_key: ("AccessKeyId", text("AccessKeyId")),
        secret_key: ("SecretAccessKey", text("SecretAccessKey")),
        session_token: ("SessionToken", text("SessionToken")),
    };
    match parts.join(source, Some(expiry)) {
        Ok(Some(credentials)) => Answer::Credentials(credentials),
        Ok(None) | Err(_) => Answer::Unreadable("its credentials are incomplete or invalid"),
    }
}

fn text<'a>(members: &'a Texts, name: &str) -> Option<&'a str> {
    let member = members.iter().find(|(member, _)| member == name)?;
    Some(&member.1)
}

/// Returns the texts of the element `name`, by the names of their elements. The element is
/// `Error`, below the root, or `Credentials`, below a result.
fn members(text: &str, name: &str) -> Option<Texts> {
    let mut document = Document::new(text);
    let mut root = document.root_element().ok()?;
    while let Some(mut below) = root.next_tag() {
        if below.start_el().matches(name) {
            return texts(&mut below);
        }
        while let Some(mut inner) = below.next_tag() {
            if inner.start_el().matches(name) {
                return texts(&mut inner);
            }
        }
    }
    None
}

/// Returns the texts of the children of an element; none if one cannot be parsed.
fn texts(element: &mut ScopedDecoder<'_, '_>) -> Option<Texts> {
    let mut texts = Vec::new();
    while let Some(mut member) = element.next_tag() {
        let name = member.start_el().local().to_owned();
        texts.push((name, try_data(&mut member).ok()?.into_owned()));
    }
    Some(texts)
}
