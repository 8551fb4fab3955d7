//! The agents that lend credentials to a container: ECS's agent, which goes by a path that is hard to guess, and
//! EKS's, which wants an authorization token.
//!
//! Sources: "Amazon ECS task IAM role" in the ECS Developer Guide, "EKS Pod Identity" in the EKS User Guide.

use super::issue::{self, Issue};
use super::{Account, Key, Service};
use crate::faults::{Arrived, Reply};
use http::{Method, StatusCode, header};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Credentials, all that it is asked for.
pub const CREDENTIALS: &str = "credentials";

/// An agent.
pub struct Container {
    issue: Issue,
    path: &'static str,
    document: fn(&Key) -> Reply,
    authorization: Mutex<Option<String>>,
}

impl Container {
    /// ECS's agent.
    pub fn ecs(account: &Account) -> Self {
        Self {
            issue: Issue::of(account, "ECS"),
            path: "/v2/credentials/7a1c6c5e?container=1",
            document: issue::of_ecs,
            authorization: Mutex::default(),
        }
    }

    /// EKS's agent, which takes this authorization token.
    pub fn eks(account: &Account, authorization: &str) -> Self {
        Self {
            issue: Issue::of(account, "EKS"),
            path: "/v1/credentials",
            document: issue::of_eks,
            authorization: Mutex::new(Some(authorization.to_owned())),
        }
    }

    /// The path and query that it answers.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// How long sessions live that are given from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.issue.set_lifetime(lifetime);
    }

    /// Takes this authorization token, and no other from now on.
    pub fn set_authorization(&self, token: &str) {
        *self.authorization() = Some(token.to_owned());
    }

    fn authorization(&self) -> MutexGuard<'_, Option<String>> {
        let authorization = self.authorization.lock();
        authorization.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Container {
    fn subject(&self, _: &Arrived) -> &'static str {
        CREDENTIALS
    }

    fn answer(&self, arrived: &Arrived) -> Reply {
        let field = |name| {
            let value = arrived.headers.get(name)?;
            value.to_str().ok()
        };
        if arrived.method != Method::GET || arrived.path != self.path {
            return refusal(StatusCode::NOT_FOUND, "InvalidIdInRequest", "no such path");
        }
        if field(header::ACCEPT) != Some("application/json") {
            return refusal(StatusCode::BAD_REQUEST, "NotAcceptable", "ask for JSON");
        }
        if field(header::AUTHORIZATION) != self.authorization().as_deref() {
            let message = "Service account token cannot be empty or is not known";
            return refusal(StatusCode::BAD_REQUEST, "AccessDeniedException", message);
        }
        (self.document)(&self.issue.session())
    }
}

/// A refusal in words.
pub fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let document = json!({ "code": code, "message": message });
    Reply::text(status, "application/json", &document.to_string())
}
