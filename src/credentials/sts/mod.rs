//! AWS STS, which gives credentials for a role: its query protocol, whose
//! requests are forms and whose answers are XML.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/>. Native tests
//! hold the signature against that of the SDK's own crate.

mod answer;
mod settings;

pub(super) use settings::Settings;

use super::http::{self, Ask, Asker, Refused};
use super::role::Role;
use crate::aws::clock_skew::{self, ClockSkew};
use crate::aws::failure::first_line;
use crate::aws::message::{Headers, Method, Response};
use crate::aws::retry::{self, RetryKind};
use crate::aws::sign::Signer;
use crate::error::Error;
use crate::platform::{Files, Platform};
use crate::redact::remember;
use answer::Answer;
use aws_credential_types::Credentials;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use send_wrapper::SendWrapper;
use std::rc::Rc;

/// The version of the protocol.
const VERSION: &str = "2011-06-15";

/// The service's name in the credential scope and in the endpoints of AWS.
const SERVICE: &str = "sts";

/// What a form has in percent-encoding: all but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// STS asks the issuer of a web identity token for its keys, which may fail for
/// a moment.
const ISSUER_OUT_OF_REACH: &str = "IDPCommunicationError";

/// Codes that mean a wrong configuration, such as a role that is no ARN.
const MISCONFIGURED: &[&str] = &[
    "InvalidParameterValue",
    "MissingParameter",
    "RegionDisabledException",
    "ValidationError",
];

/// A client of STS for one source of credentials.
pub(super) struct Sts<P> {
    asker: Asker<P>,
    settings: Settings,
    skew: SendWrapper<ClockSkew>,
}

impl<P: Platform> Sts<P> {
    /// A client that names `source` in its sentences.
    pub(super) fn new(platform: Rc<P>, source: &'static str, settings: Settings) -> Self {
        Self {
            asker: Asker::new(platform, source, settings.patience),
            settings,
            skew: SendWrapper::new(ClockSkew::default()),
        }
    }

    /// AssumeRole, signed with `by`.
    ///
    /// # Errors
    ///
    /// Where STS is out of reach or refuses.
    pub(super) async fn assume_role(
        &self,
        role: &Role,
        by: &Credentials,
    ) -> Result<Credentials, Error> {
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
        self.asker
            .repeatedly(async || self.ask(&form, Some(&signer), false).await)
            .await
            .map_err(|refused| refused.error)
    }

    /// AssumeRoleWithWebIdentity, which the token stands for: it is not signed.
    ///
    /// # Errors
    ///
    /// As above.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        role: &Role,
        token: &str,
    ) -> Result<Credentials, Error> {
        remember(token);
        let mut form = form("AssumeRoleWithWebIdentity");
        push(&mut form, "RoleArn", &role.arn);
        push(&mut form, "RoleSessionName", &role.session_name);
        push(&mut form, "WebIdentityToken", token);
        self.asker
            .repeatedly(async || self.ask(&form, None, false).await)
            .await
            .map_err(|refused| refused.error)
    }

    /// Files that the host lends, for the token of a web identity.
    pub(super) fn files(&self) -> &impl Files {
        &**self.asker.platform
    }

    /// Asks, and once more where the time of the signature is why STS refuses: such a
    /// request was not looked at, so it is no attempt.
    async fn ask(
        &self,
        form: &str,
        signer: Option<&Signer>,
        signed_again: bool,
    ) -> Result<Credentials, Refused> {
        let endpoint = self.settings.endpoint.as_ref().map_err(|why| Refused {
            error: Error::InvalidConfiguration(format!("{}: {why}", self.asker.source)),
            again: None,
            answered: false,
        })?;
        let content_type = b"application/x-www-form-urlencoded".to_vec();
        let mut headers = Headers::from([
            ("content-type".to_owned(), content_type),
            (
                "content-length".to_owned(),
                form.len().to_string().into_bytes(),
            ),
        ]);
        let sent = self.asker.platform.now();
        let signed_at = self.skew.correct(sent);
        if let Some(signer) = signer {
            let signed = signer.sign(endpoint, &mut headers, form.as_bytes(), signed_at);
            signed.map_err(|error| Refused {
                error: Error::Other(format!("{}: cannot sign ({error})", self.asker.source)),
                again: None,
                answered: false,
            })?;
        }
        let ask = Ask {
            method: Method::Post,
            tls: endpoint.tls(),
            authority: endpoint.authority(),
            path: endpoint.path(),
            headers,
            body: form.as_bytes(),
        };
        let site = self.asker.site(&ask);
        let answer = self.asker.once(ask).await?;
        let (code, message) = match answer::read(self.asker.source, &answer) {
            Answer::Credentials(credentials) => return Ok(credentials),
            Answer::Refusal { code, message } => (code, message),
            Answer::Unreadable(why) => {
                let status = answer.status;
                let again = http::again(status);
                let case = match again {
                    Some(again) => http::case(Some(again)),
                    None => Error::Unavailable,
                };
                let words = http::plain_words(&answer);
                let why = words.unwrap_or_else(|| why.to_owned());
                return Err(Refused {
                    error: case(format!(
                        "{site}: HTTP {status}, and the answer is not that of STS: {why}"
                    )),
                    again,
                    answered: true,
                });
            }
        };
        let date = answer.header("date");
        if let Some(date) = date {
            self.skew.observe(date, sent, self.asker.platform.now());
        }
        if signer.is_some() && !signed_again && clock_skew::explains(&code, date, signed_at) {
            return Box::pin(self.ask(form, signer, true)).await;
        }
        let again = again(&code, &answer);
        let (message, code) = (first_line(&message), first_line(&code));
        let sentence = format!("{site}: {message} ({code}, HTTP {})", answer.status);
        Err(Refused {
            error: case(&code, again)(sentence),
            again,
            answered: true,
        })
    }
}

/// What makes a refused request worth repeating.
fn again(code: &str, answer: &Response) -> Option<RetryKind> {
    if code == ISSUER_OUT_OF_REACH {
        return Some(RetryKind::Transient);
    }
    retry::classify(Some(code), answer.status).or_else(|| http::again(answer.status))
}

fn case(code: &str, again: Option<RetryKind>) -> fn(String) -> Error {
    match again {
        None if MISCONFIGURED.contains(&code) => Error::InvalidConfiguration,
        again => http::case(again),
    }
}

fn form(action: &str) -> String {
    format!("Action={action}&Version={VERSION}")
}

fn push(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.extend(utf8_percent_encode(value, ENCODED));
}
