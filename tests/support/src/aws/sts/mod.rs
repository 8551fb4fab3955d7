//! AWS STS: credentials of a role for whoever signs with other credentials, or has a web identity token.
//! Requests are forms, answers are XML. What a client could get away with elsewhere is refused here.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/>.

mod answer;
mod form;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode, header};

pub use self::answer::refusal;
pub use self::form::Form;
use super::{
    Account, Service,
    issue::Issue,
    signature::{Refusal, signed_by},
};
use crate::faults::{Arrived, Reply};

/// A role for other credentials.
pub const ASSUME_ROLE: &str = "AssumeRole";
/// A role for a web identity token.
pub const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// What STS is called in a signature's scope.
const SERVICE: &str = "sts";
const VERSION: &str = "2011-06-15";

/// STS.
pub struct Sts {
    issue: Issue,
    /// The web identity tokens that it takes.
    trusted: Mutex<HashSet<String>>,
}

impl Sts {
    /// STS of this account, which trusts no web identity yet. Its sessions live an hour.
    pub fn of(account: &Account) -> Self {
        Self {
            issue: Issue::of(account, "STS"),
            trusted: Mutex::default(),
        }
    }

    /// How long sessions live that are given from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.issue.set_lifetime(lifetime);
    }

    /// Takes this web identity token, and no other from now on.
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
                Ok(answer::session(ASSUME_ROLE, &form, &self.issue.session()))
            }
            WITH_WEB_IDENTITY => {
                if arrived.headers.contains_key(header::AUTHORIZATION) {
                    return Err(invalid("this request is not to be signed"));
                }
                if !self.trusts(form.text("WebIdentityToken")) {
                    let message =
                        "No OpenIDConnect provider found in your account for https://issuer.test";
                    return Err(bad_request("InvalidIdentityToken", message));
                }
                Ok(answer::session(
                    WITH_WEB_IDENTITY,
                    &form,
                    &self.issue.session(),
                ))
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
