//! AWS STS. It issues credentials of a role to a client that signs with other credentials or has a
//! web identity token. Requests are forms, responses are XML. It is stricter than other servers may
//! be.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/>.

use super::issue::{Issue, expiration};
use super::signature::{Refusal, signed_by};
use super::{Account, Key, Service};
use crate::faults::{Arrived, Reply};
use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};
use http::{Method, StatusCode, header};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The subject of a request for a role with other credentials.
pub const ASSUME_ROLE: &str = "AssumeRole";
/// The subject of a request for a role with a web identity token.
pub const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// The name of STS in a signature's scope.
const SERVICE: &str = "sts";
const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The same for all responses, because nobody looks it up.
const REQUEST_ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

/// The service STS.
pub struct Sts {
    issue: Issue,
    /// The web identity tokens that STS accepts.
    trusted: Mutex<HashSet<String>>,
}

impl Sts {
    /// Returns the STS of this account, which trusts no web identity token yet. Its sessions last
    /// an hour.
    pub fn of(account: &Account) -> Self {
        Self {
            issue: Issue::of(account, "STS"),
            trusted: Mutex::default(),
        }
    }

    /// Sets the lifetime of sessions that are issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.issue.set_lifetime(lifetime);
    }

    /// Trusts only this web identity token from now on.
    pub fn trust(&self, token: &str) {
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        *trusted = HashSet::from([token.to_owned()]);
    }

    fn trusts(&self, token: &str) -> bool {
        let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        trusted.contains(token)
    }

    fn answered(&self, arrived: &Arrived) -> Result<Reply, Box<Reply>> {
        let content_type = arrived.headers.get(header::CONTENT_TYPE);
        let is_form = content_type.is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        if arrived.method != Method::POST || arrived.path != "/" || !is_form {
            return Err(invalid("send a form to / by POST"));
        }
        let form = Form::read(&arrived.body);
        if form.text("Version") != VERSION {
            return Err(invalid("Version is not 2011-06-15"));
        }
        form.check_role().map_err(invalid)?;
        match self.subject(arrived) {
            ASSUME_ROLE => {
                let by = signed_by(arrived, SERVICE, self.issue.account());
                by.map_err(unsigned)?;
                Ok(session(ASSUME_ROLE, &form, &self.issue.session()))
            }
            WITH_WEB_IDENTITY => {
                if arrived.headers.contains_key(header::AUTHORIZATION) {
                    return Err(invalid("this request must not be signed"));
                }
                if !self.trusts(form.text("WebIdentityToken")) {
                    let message =
                        "No OpenIDConnect provider found in your account for https://issuer.test";
                    return Err(bad_request("InvalidIdentityToken", message));
                }
                Ok(session(WITH_WEB_IDENTITY, &form, &self.issue.session()))
            }
            _ => {
                let message = "Could not find operation for version 2011-06-15";
                Err(bad_request("InvalidAction", message))
            }
        }
    }
}

impl Service for Sts {
    fn subject(&self, arrived: &Arrived) -> &'static str {
        let form = Form::read(&arrived.body);
        let mut known = [ASSUME_ROLE, WITH_WEB_IDENTITY].into_iter();
        known
            .find(|action| *action == form.text("Action"))
            .unwrap_or_default()
    }

    fn answer(&self, arrived: &Arrived) -> Reply {
        let reply = self.answered(arrived).unwrap_or_else(|refused| *refused);
        reply.with("date", &self.issue.account().clock().date())
    }
}

fn invalid(message: &str) -> Box<Reply> {
    bad_request("ValidationError", message)
}

fn bad_request(code: &str, message: &str) -> Box<Reply> {
    Box::new(refusal(StatusCode::BAD_REQUEST, code, message))
}

fn unsigned(refused: Refusal) -> Box<Reply> {
    let (code, message) = match refused {
        Refusal::Unsigned => (
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Refusal::Incomplete(what) => ("IncompleteSignature", what),
        Refusal::UnknownKey => (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        Refusal::Expired => (
            "ExpiredToken",
            "The security token included in the request is expired",
        ),
        Refusal::Skewed => (
            "SignatureDoesNotMatch",
            "Signature expired: it was made at another time than now",
        ),
        Refusal::WrongService => (
            "SignatureDoesNotMatch",
            "Credential should be scoped to correct service: 'sts'.",
        ),
        Refusal::WrongSignature => (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
    };
    Box::new(refusal(StatusCode::FORBIDDEN, code, message))
}

/// A request to STS: a form with values as the API reference allows them.
#[derive(Clone)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Parses the body of a request.
    pub fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        Self(
            pairs
                .map(|(name, text)| (name.into_owned(), text.into_owned()))
                .collect(),
        )
    }

    /// Returns the value of this name, or an empty text if it is missing.
    pub fn text(&self, name: &str) -> &str {
        let mut texts = self.0.iter().filter(|(known, _)| known == name);
        texts.next().map_or("", |(_, text)| text)
    }

    /// Returns the names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Checks the values that both actions share, and returns the mistake.
    fn check_role(&self) -> Result<(), &'static str> {
        let role = self.text("RoleArn");
        if !(20..=2048).contains(&role.len()) || !role.contains(":role/") {
            return Err("RoleArn is not the ARN of a role");
        }
        let session = self.text("RoleSessionName");
        if !(2..=64).contains(&session.len()) || !session.chars().all(is_of_a_name) {
            return Err("RoleSessionName must have 2 to 64 valid characters");
        }
        let mut names = self.names();
        names.sort_unstable();
        match names
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one == other))
        {
            true => Err("a name occurs twice"),
            false => Ok(()),
        }
    }

    /// Returns the ARN of the session.
    fn session_arn(&self) -> Cow<'_, str> {
        let arn = self.text("RoleArn").replacen(":iam:", ":sts:", 1);
        let arn = arn.replacen(":role/", ":assumed-role/", 1);
        Cow::Owned(format!("{arn}/{}", self.text("RoleSessionName")))
    }
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

/// Returns the response to this action, with the key of a session.
fn session(action: &str, form: &Form, key: &Key) -> Reply {
    let document = document(&format!("{action}Response"), |response| {
        let name = format!("{action}Result");
        let mut result = response.start_el(&name).finish();
        let mut user = result.start_el("AssumedRoleUser").finish();
        text(&mut user, "AssumedRoleId", "AROATESTTESTTESTTEST:session");
        text(&mut user, "Arn", &form.session_arn());
        user.finish();
        let mut credentials = result.start_el("Credentials").finish();
        text(&mut credentials, "AccessKeyId", &key.id);
        text(&mut credentials, "SecretAccessKey", &key.secret);
        let token = key.session_token.as_deref().unwrap_or_default();
        text(&mut credentials, "SessionToken", token);
        text(&mut credentials, "Expiration", &expiration(key));
        credentials.finish();
        result.finish();
        let mut metadata = response.start_el("ResponseMetadata").finish();
        text(&mut metadata, "RequestId", REQUEST_ID);
    });
    Reply::text(StatusCode::OK, "text/xml", &document)
}

/// Returns an error response with this code.
pub fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let document = document("ErrorResponse", |response| {
        let mut error = response.start_el("Error").finish();
        let fault = if status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        text(&mut error, "Type", fault);
        text(&mut error, "Code", code);
        text(&mut error, "Message", message);
        error.finish();
        text(response, "RequestId", REQUEST_ID);
    });
    Reply::text(status, "text/xml", &document)
}

fn document(root: &str, write: impl FnOnce(&mut ScopeWriter<'_, '_>)) -> String {
    let mut document = String::new();
    let mut writer = XmlWriter::new(&mut document);
    let mut scope = writer.start_el(root).write_ns(NAMESPACE, None).finish();
    write(&mut scope);
    scope.finish();
    document
}

fn text(scope: &mut ScopeWriter<'_, '_>, name: &str, data: &str) {
    let mut element = scope.start_el(name).finish();
    element.data(data);
}
