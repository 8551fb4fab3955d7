//! A line for a key: an object with a `key`, a JSON string, or any other text, which is the key. An
//! element of a JSON array is one of the first two.
//!
//! So a file that was written for a set, or by a bulk-get, can be given where keys are asked for:
//! other fields of the object are not looked at, but for the `etag` of a delete.

use serde::Deserialize;

use super::{Fault, Line};
use crate::model::DeleteRequest;

/// A key, and what else the line says that a delete can use.
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

    /// A number or a list among the elements is more likely a mistake than a key.
    fn read_element(json: &str) -> Result<Self, Fault> {
        match json.as_bytes().first() {
            Some(b'{' | b'"') => Self::read(json),
            _ => Err(Fault::whole_line("a JSON object or string is expected")),
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
