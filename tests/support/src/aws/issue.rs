//! The credentials that a stand-in issues: their lifetime, and the JSON documents with the members
//! of each service.

use super::{Account, Key};
use crate::faults::Reply;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// AWS's default lifetime of credentials.
const HOUR: Duration = Duration::from_secs(3600);

/// Issues sessions of an account.
pub(super) struct Issue {
    account: Account,
    label: &'static str,
    seconds: AtomicU64,
}

impl Issue {
    /// Returns an issuer of keys with this label in their IDs.
    pub(super) fn of(account: &Account, label: &'static str) -> Self {
        Self {
            account: account.clone(),
            label,
            seconds: AtomicU64::new(HOUR.as_secs()),
        }
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.seconds.store(lifetime.as_secs(), Ordering::SeqCst);
    }

    pub(super) fn session(&self) -> Key {
        let seconds = self.seconds.load(Ordering::SeqCst);
        self.account
            .session(self.label, Duration::from_secs(seconds))
    }
}

/// Returns the expiry of the key in AWS's format: `2009-11-23T00:00:00Z`.
pub(super) fn expiration(key: &Key) -> String {
    key.expiry.map_or_else(String::new, |expiry| {
        humantime::format_rfc3339_seconds(expiry).to_string()
    })
}

/// Returns the document of ECS's agent.
pub(super) fn of_ecs(key: &Key) -> Reply {
    let mut document = credentials(key);
    document["RoleArn"] = "arn:aws:iam::123456789012:role/task".into();
    reply(&document)
}

/// Returns the document of EKS's agent.
pub(super) fn of_eks(key: &Key) -> Reply {
    let mut document = credentials(key);
    document["AccountId"] = "123456789012".into();
    reply(&document)
}

/// Returns the document of instance metadata.
pub(super) fn of_instance_metadata(key: &Key) -> Reply {
    let mut document = credentials(key);
    document["Code"] = "Success".into();
    document["Type"] = "AWS-HMAC".into();
    document["LastUpdated"] = "2026-01-01T00:00:00Z".into();
    reply(&document)
}

fn credentials(key: &Key) -> Value {
    json!({
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "Token": key.session_token,
        "Expiration": expiration(key),
    })
}

fn reply(document: &Value) -> Reply {
    Reply::text(StatusCode::OK, "application/json", &document.to_string())
}
