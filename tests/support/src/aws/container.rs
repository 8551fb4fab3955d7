//! The agents that issue credentials to a container. ECS's agent uses a path that is hard to guess.
//! EKS's agent requires an authorization token.
//!
//! Sources: "Amazon ECS task IAM role" in the ECS Developer Guide, "EKS Pod Identity" in the EKS
//! User Guide.

use super::issue::{self, Issue};
use super::{Account, Key, Service};
use crate::faults::{Arrived, Reply};
use http::{Method, StatusCode, header};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The subject of a request for credentials, the only kind of request.
pub const CREDENTIALS: &str = "credentials";

/// An agent.
pub struct Container {
    issue: Issue,
    path: &'static str,
    document: fn(&Key) -> Reply,
    authorization: Mutex<Option<String>>,
}

impl Container {
    /// Returns ECS's agent.
    pub fn ecs(account: &Account) -> Self {
        Self {
            issue: Issue::of(account, "ECS"),
            path: "/v2/credentials/7a1c6c5e?container=1",
            document: issue::of_ecs,
            authorization: Mutex::default(),
        }
    }

    /// Returns EKS's agent, which accepts this authorization token.
    pub fn eks(account: &Account, authorization: &str) -> Self {
        Self {
            issue: Issue::of(account, "EKS"),
            path: "/v1/credentials",
            document: issue::of_eks,
            authorization: Mutex::new(Some(authorization.to_owned())),
        }
    }

    /// Returns the path and query to which the agent responds.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Sets the lifetime of sessions that are issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.issue.set_lifetime(lifetime);
    }

    /// Accepts only this authorization token from now on.
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
            return refusal(
                StatusCode::BAD_REQUEST,
                "NotAcceptable",
                "the Accept header must be application/json",
            );
        }
        if field(header::AUTHORIZATION) != self.authorization().as_deref() {
            let message = "Service account token cannot be empty or is not known";
            return refusal(StatusCode::BAD_REQUEST, "AccessDeniedException", message);
        }
        (self.document)(&self.issue.session())
    }
}

/// Returns an error response with this code and message.
pub fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let document = json!({ "code": code, "message": message });
    Reply::text(status, "application/json", &document.to_string())
}
