//! A line for a set: `{"key", "value" | "valueText" | "valueBase64", "etag", "ttl", …}`.
//!
//! `value` is any JSON, stored byte for byte as it is written, as Dapr's HTTP API would: a JSON
//! string keeps its quotes. Dapr's spellings `metadata` (`ttlInSeconds`, `contentType`) and
//! `options` (`concurrency`) are understood as well, and so is what bulk-get prints; but where it
//! found no item, there is nothing to set, and a line that were left out in silence would be missed.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{Fault, Line, time_to_live};
use crate::model::SetRequest;

/// A set.
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
pub(super) enum Concurrency {
    FirstWrite,
    LastWrite,
}

/// Dapr's `metadata` of a request; its values are strings.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metadata {
    ttl_in_seconds: Option<String>,
    content_type: Option<String>,
}

/// Dapr's `options` of a request. A write has no use for a consistency, but Dapr lets it stand.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    pub(super) concurrency: Option<Concurrency>,
    #[serde(rename = "consistency")]
    _consistency: Option<String>,
}

/// For serde, `null` is no value; for a store it is one.
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
    pub(super) fn request(self) -> Result<SetRequest, Fault> {
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
                    "a value is missing: give value, valueText or valueBase64",
                ));
            }
            _ => {
                return Err(Fault::whole_line(
                    "there are two values: give one of value, valueText and valueBase64",
                ));
            }
        };
        let time_to_live = time_to_live::Given {
            ttl: self.ttl,
            ttl_in_seconds: self.metadata.ttl_in_seconds,
            expires_at: self.expires_at,
        };
        let concurrency = self.concurrency.or(self.options.concurrency);
        Ok(SetRequest {
            key: self.key,
            value,
            etag: self.etag,
            first_write: concurrency == Some(Concurrency::FirstWrite),
            ttl: time_to_live.seconds_from(SystemTime::now())?,
            content_type: self.content_type.or(self.metadata.content_type),
        })
    }
}
