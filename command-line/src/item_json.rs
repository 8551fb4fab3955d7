//! A stored value as a field of a JSON object: `value` where the bytes are JSON on one line,
//! `valueText` where they are other text, `valueBase64` where they are no text. A line for bulk-set
//! says it the same way, and sets the same bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::value::RawValue;

use super::model::{Failure, Item, Response};

/// Bytes as one of three fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bytes {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl Bytes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut fields = Self {
            value: None,
            value_text: None,
            value_base64: None,
        };
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

/// White space around JSON is not part of it, and a line break would end the line.
fn json_in_one_line(text: &str) -> Option<Box<RawValue>> {
    let json: Box<RawValue> = serde_json::from_str(text).ok()?;
    let stays = json.get().len() == text.len() && !text.contains(['\n', '\r']);
    stays.then_some(json)
}

/// An item under its key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemJson<'a> {
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
    pub(super) fn new(key: &'a str, item: &'a Item) -> Self {
        Self {
            key,
            bytes: Bytes::of(&item.value),
            etag: item.etag.as_deref(),
            content_type: item.content_type.as_deref(),
            expires_at: item.expires_at,
        }
    }
}

/// What an operation of a binding answered.
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

/// `{"case": …, "message": …}`
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
