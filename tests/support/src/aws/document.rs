//! The JSON documents in which credentials are given out, each with the members that its service gives.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Key, issue::expiration};
use crate::faults::Reply;

/// That of ECS's agent.
pub(super) fn of_ecs(key: &Key) -> Reply {
    let mut document = credentials(key);
    document["RoleArn"] = "arn:aws:iam::123456789012:role/task".into();
    reply(&document)
}

/// That of EKS's agent.
pub(super) fn of_eks(key: &Key) -> Reply {
    let mut document = credentials(key);
    document["AccountId"] = "123456789012".into();
    reply(&document)
}

/// That of instance metadata.
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
