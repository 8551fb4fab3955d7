//! The lines of a file: sets, keys, and operations of a transaction.

use super::{Fault, Line};
use crate::model::{DeleteRequest, Operation, SetRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::time::{SystemTime, UNIX_EPOCH};

/// A line for a set: `{"key", "value" | "valueText" | "valueBase64", "etag", "ttl", …}`.
///
/// `value` is any JSON, stored byte for byte as it is written, as Dapr's HTTP API would. A JSON
/// string keeps its quotes. Dapr's spellings `metadata` (`ttlInSeconds`, `contentType`) and
/// `options` (`concurrency`) are accepted too.
///
/// The output of bulk-get is also accepted, except for lines without an item. Such a line is an
/// error, because skipping it silently would hide the missing item.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetLine {
    key: String,
    #[serde(default, deserialize_with = "present")]
    value: Option<Box<RawValue>>,
    value_text: Option<String>,
    value_base64: Option<String>,
    etag: Option<String>,
    ttl: Option<i64>,
    expires_at: Option<u64>,
    content_type: Option<String>,
    concurrency: Option<Concurrency>,
    #[serde(default)]
    absent: bool,
    error: Option<IgnoredAny>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    options: Options,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Concurrency {
    FirstWrite,
    LastWrite,
}

/// Dapr's `metadata` of a request. Its values are strings.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    ttl_in_seconds: Option<String>,
    content_type: Option<String>,
}

/// Dapr's `options` of a request. A write does not use `consistency`, but Dapr accepts it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    concurrency: Option<Concurrency>,
    #[serde(rename = "consistency")]
    _consistency: Option<String>,
}

/// Keeps `null`. For serde it means no value; for a store it is a value.
fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(json).map(Some)
}

impl Line for SetLine {
    fn read(line: &str) -> Result<Self, Fault> {
        Fault::unless_object(line)?;
        Ok(serde_json::from_str(line)?)
    }
}

impl Line for SetRequest {
    fn read(line: &str) -> Result<Self, Fault> {
        SetLine::read(line)?.request()
    }
}

impl SetLine {
    fn request(self) -> Result<SetRequest, Fault> {
        if self.absent {
            return Err(Fault::no_item("absent: there was no item under the key"));
        }
        if self.error.is_some() {
            return Err(Fault::no_item("error: the item could not be read"));
        }
        let value = match (self.value, self.value_text, self.value_base64) {
            (Some(json), None, None) => json.get().as_bytes().to_vec(),
            (None, Some(text), None) => text.into_bytes(),
            (None, None, Some(encoded)) => STANDARD
                .decode(encoded)
                .map_err(|error| Fault::whole_line(format!("valueBase64: {error}")))?,
            (None, None, None) => {
                return Err(Fault::whole_line(
                    "the value is missing: set value, valueText or valueBase64",
                ));
            }
            _ => {
                return Err(Fault::whole_line(
                    "more than one value: set only one of value, valueText and valueBase64",
                ));
            }
        };
        let ttl = match (self.ttl, self.metadata.ttl_in_seconds, self.expires_at) {
            (None, None, None) => None,
            (Some(ttl), None, None) => Some(ttl),
            (None, Some(text), None) => Some(text.parse().map_err(|_| {
                Fault::whole_line(format!("ttlInSeconds: {text:?} is not a whole number"))
            })?),
            (None, None, Some(expires_at)) => Some(remaining(expires_at, SystemTime::now())?),
            _ => {
                return Err(Fault::whole_line(
                    "more than one expiry: set only one of ttl, ttlInSeconds and expiresAt",
                ));
            }
        };
        let concurrency = self.concurrency.or(self.options.concurrency);
        Ok(SetRequest {
            key: self.key,
            value,
            etag: self.etag,
            first_write: concurrency == Some(Concurrency::FirstWrite),
            ttl,
            content_type: self.content_type.or(self.metadata.content_type),
        })
    }
}

/// Returns the seconds that are left until `expires_at`, always above 0. A time to live of 0 would
/// mean that the item never expires.
fn remaining(expires_at: u64, now: SystemTime) -> Result<i64, Fault> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match expires_at.checked_sub(now).map(i64::try_from) {
        Some(Ok(seconds)) if seconds > 0 => Ok(seconds),
        Some(Err(_)) => Err(Fault::whole_line(format!(
            "expiresAt: {expires_at} is too far in the future"
        ))),
        _ => Err(Fault::no_item(format!(
            "expiresAt: the item expired at {expires_at}"
        ))),
    }
}

/// A line for a key: an object with a `key`, a JSON string, or any other text, which is the key
/// itself. An element of a JSON array is an object or a string.
///
/// So a file that was written for a set, or by a bulk-get, can also name keys. Other fields of the
/// object are ignored, except the `etag` of a delete.
#[derive(Deserialize, Default)]
pub(crate) struct KeyLine {
    pub(crate) key: String,
    etag: Option<String>,
}

impl Line for KeyLine {
    fn read(line: &str) -> Result<Self, Fault> {
        match line.as_bytes().first() {
            Some(b'{') => Ok(serde_json::from_str(line)?),
            Some(b'"') => Ok(Self {
                key: serde_json::from_str(line)?,
                etag: None,
            }),
            _ => Ok(Self {
                key: line.to_owned(),
                etag: None,
            }),
        }
    }

    /// Refuses a number or a list, which is more likely a mistake than a key.
    fn read_element(json: &str) -> Result<Self, Fault> {
        match json.as_bytes().first() {
            Some(b'{' | b'"') => Self::read(json),
            _ => Err(Fault::whole_line("expected a JSON object or string")),
        }
    }
}

impl From<KeyLine> for DeleteRequest {
    fn from(line: KeyLine) -> Self {
        Self {
            key: line.key,
            etag: line.etag,
        }
    }
}

/// A line for a transaction, in the shape of Dapr's API:
/// `{"operation": "upsert" | "delete", "request": {…}}`.
/// <https://docs.dapr.io/reference/api/state_api/#state-transactions>
pub(crate) struct OperationLine(pub(crate) Operation);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    operation: Kind,
    #[serde(borrow)]
    request: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    // Dapr's name; the contract calls it set.
    #[serde(alias = "set")]
    Upsert,
    Delete,
}

/// The request of a delete. `concurrency` has no effect on a delete, but Dapr accepts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteFields {
    key: String,
    etag: Option<String>,
    #[serde(rename = "concurrency")]
    _concurrency: Option<Concurrency>,
    #[serde(default, rename = "options")]
    _options: Options,
}

impl Line for OperationLine {
    fn read(line: &str) -> Result<Self, Fault> {
        Fault::unless_object(line)?;
        let envelope: Envelope<'_> = serde_json::from_str(line)?;
        // The column is left out: it would count within the request, not within the line.
        let in_request = |fault: Fault| Fault::whole_line(format!("request: {}", fault.sentence));
        let request = envelope.request.get();
        Fault::unless_object(request).map_err(in_request)?;
        Ok(Self(match envelope.operation {
            Kind::Upsert => {
                let line = SetLine::read(request).map_err(in_request)?;
                Operation::Set(line.request().map_err(in_request)?)
            }
            Kind::Delete => {
                let fields: DeleteFields = serde_json::from_str(request)
                    .map_err(|error| in_request(Fault::from(error)))?;
                Operation::Delete(DeleteRequest {
                    key: fields.key,
                    etag: fields.etag,
                })
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn expiry_becomes_seconds_left_or_is_refused() {
        let now = UNIX_EPOCH + Duration::from_millis(1_000_900);
        assert_eq!(remaining(1060, now).unwrap(), 60);
        assert_eq!(remaining(1001, now).unwrap(), 1);
        for passed in [0, 999, 1000] {
            assert_eq!(
                remaining(passed, now).unwrap_err().sentence,
                format!(
                    "expiresAt: the item expired at {passed}; there is nothing to set: remove the line"
                )
            );
        }
        assert!(remaining(u64::MAX, now).is_err());
    }
}
