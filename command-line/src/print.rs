//! The format of results, as plain text and as JSON.

use super::model::{Failure, Features, Item, Operation, Response};
use super::output::Output;
use super::perform::Outcome;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::io;
use std::time::Duration;

/// The result for one key, other than an item.
#[derive(Serialize)]
struct KeyAnswer<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FailureJson<'a>>,
}

impl<'a> KeyAnswer<'a> {
    fn done(key: &'a str, etag: Option<&'a str>) -> Self {
        Self {
            key,
            etag,
            absent: None,
            error: None,
        }
    }

    fn absent(key: &'a str) -> Self {
        Self {
            absent: Some(true),
            ..Self::done(key, None)
        }
    }

    fn failed(key: &'a str, failure: &'a Failure) -> Self {
        Self {
            error: Some(FailureJson::new(failure)),
            ..Self::done(key, None)
        }
    }
}

/// Prints an item. In a pipe, an empty value and an absent item look the same. So an absent item
/// also changes the exit status, and prints `null` in JSON.
pub(super) fn item(key: &str, item: Option<&Item>, output: &mut Output<'_>) -> io::Result<Outcome> {
    match (item, output.is_json()) {
        (Some(item), true) => output.json(&ItemJson::new(key, item))?,
        (Some(item), false) => output.value(&item.value)?,
        (None, json) => {
            if json {
                output.json(&())?;
            }
            output.error_line(format_args!("no item under the key {key:?}"))?;
            return Ok(Outcome::Absent);
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn written(key: &str, etag: &str, output: &mut Output<'_>) -> io::Result<()> {
    match output.is_json() {
        true => output.json(&KeyAnswer::done(key, Some(etag))),
        false => output.line(etag),
    }
}

pub(super) fn deleted(key: &str, output: &mut Output<'_>) -> io::Result<()> {
    match output.is_json() {
        true => output.json(&KeyAnswer::done(key, None)),
        false => Ok(()),
    }
}

/// Prints a JSON line for each key in any format, because the values of many keys need separators.
pub(super) fn bulk_item(
    key: &str,
    answer: Result<Option<Item>, Failure>,
    output: &mut Output<'_>,
) -> io::Result<()> {
    match answer {
        Ok(Some(item)) => output.json(&ItemJson::new(key, &item)),
        Ok(None) => output.json(&KeyAnswer::absent(key)),
        Err(failure) => {
            output.json(&KeyAnswer::failed(key, &failure))?;
            output.error_line(format_args!("{key:?}: {failure}"))
        }
    }
}

pub(super) fn bulk_write(
    key: &str,
    answer: Result<Option<String>, Failure>,
    output: &mut Output<'_>,
) -> io::Result<()> {
    match (answer, output.is_json()) {
        (Ok(etag), true) => output.json(&KeyAnswer::done(key, etag.as_deref())),
        (Ok(_), false) => Ok(()),
        (Err(failure), json) => {
            // Print to standard error first, because standard output may be closed.
            output.error_line(format_args!("{key:?}: {failure}"))?;
            match json {
                true => output.json(&KeyAnswer::failed(key, &failure)),
                false => Ok(()),
            }
        }
    }
}

/// The numbers of requests and failures.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) total: usize,
    pub(super) failed: usize,
}

impl Counts {
    /// Returns a text such as `2 items set, 1 failed`.
    pub(super) fn told(self, what: &str) -> String {
        let done = self.total - self.failed;
        let items = match done {
            1 => "item",
            _ => "items",
        };
        match self.failed {
            0 => format!("{done} {items} {what}"),
            failed => format!("{done} {items} {what}, {failed} failed"),
        }
    }
}

pub(super) fn summary(
    what: &str,
    counts: Counts,
    took: Duration,
    output: &mut Output<'_>,
) -> io::Result<()> {
    match output.is_json() {
        true => Ok(()),
        false => output.line(format_args!("{} in {took:.1?}", counts.told(what))),
    }
}

pub(super) fn transaction(
    operations: &[Operation],
    etags: &[Option<String>],
    output: &mut Output<'_>,
) -> io::Result<()> {
    for (operation, etag) in operations.iter().zip(etags) {
        let key = operation.key();
        match (output.is_json(), etag) {
            (true, etag) => output.json(&KeyAnswer::done(key, etag.as_deref()))?,
            (false, Some(etag)) => output.line(format_args!("set {key} {etag}"))?,
            (false, None) => output.line(format_args!("deleted {key}"))?,
        }
    }
    Ok(())
}

pub(super) fn features(features: Features, output: &mut Output<'_>) -> io::Result<()> {
    let named = [
        ("etag", features.etag),
        ("transactional", features.transactional),
        ("ttl", features.ttl),
    ];
    let names = named.into_iter().filter(|(_, has)| *has);
    if output.is_json() {
        let names: Vec<&str> = names.map(|(name, _)| name).collect();
        let size = features.max_transaction_size;
        return output.json(&json!({ "features": names, "maxTransactionSize": size }));
    }
    for (name, _) in names {
        match name {
            "transactional" => {
                let size = features.max_transaction_size;
                output.line(format_args!("{name} (up to {size} operations)"))?;
            }
            _ => output.line(name)?,
        }
    }
    Ok(())
}

pub(super) fn ping(took: Duration, output: &mut Output<'_>) -> io::Result<()> {
    match output.is_json() {
        true => output.json(&json!({ "ok": true, "milliseconds": took.as_secs_f64() * 1000.0 })),
        false => output.line(format_args!("ok in {took:.1?}")),
    }
}

/// A stored value as a field of a JSON object: `value` if the bytes are JSON on one line,
/// `valueText` if they are other text, `valueBase64` otherwise. A line for bulk-set uses the same
/// fields and sets the same bytes.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bytes {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        let mut fields = Self::default();
        match std::str::from_utf8(bytes) {
            Ok(text) => match json_in_one_line(text) {
                Some(json) => fields.value = Some(json),
                None => fields.value_text = Some(text.to_owned()),
            },
            Err(_) => fields.value_base64 = Some(STANDARD.encode(bytes)),
        }
        fields
    }
}

/// Returns the text as JSON if it is JSON on one line. Surrounding white space is not part of JSON,
/// and a line break would end the line.
fn json_in_one_line(text: &str) -> Option<Box<RawValue>> {
    let json: Box<RawValue> = serde_json::from_str(text).ok()?;
    let stays = json.get().len() == text.len() && !text.contains(['\n', '\r']);
    stays.then_some(json)
}

/// An item with its key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemJson<'a> {
    key: &'a str,
    #[serde(flatten)]
    bytes: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

impl<'a> ItemJson<'a> {
    fn new(key: &'a str, item: &'a Item) -> Self {
        Self {
            key,
            bytes: Bytes::of(&item.value),
            etag: item.etag.as_deref(),
            content_type: item.content_type.as_deref(),
            expires_at: item.expires_at,
        }
    }
}

/// The result of an operation of a binding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseJson<'a> {
    #[serde(flatten)]
    data: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    metadata: serde_json::Map<String, serde_json::Value>,
}

impl<'a> ResponseJson<'a> {
    pub(super) fn new(response: &'a Response) -> Self {
        let metadata = response.metadata.iter();
        Self {
            data: response.data.as_deref().map(Bytes::of),
            content_type: response.content_type.as_deref(),
            metadata: metadata
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect(),
        }
    }
}

/// A failure as `{"case": …, "message": …}`.
#[derive(Serialize)]
pub(super) struct FailureJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> FailureJson<'a> {
    pub(super) fn new(failure: &'a Failure) -> Self {
        Self {
            case: failure.case.as_deref(),
            message: failure.sentence.as_deref(),
        }
    }
}
