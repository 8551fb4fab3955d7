//! Reads secrets from a local JSON file, by the rules of Dapr's local file secret store, and never
//! prints them.
//!
//! Nested names are joined with a colon: `{"aws": {"secretKey": "…"}}` holds `aws:secretKey`. A
//! reference by `name` alone (or with a `key` that repeats it) means that joined name, as with
//! Dapr's `multiValued: false`. A reference with a `key` means `name:key`, as with
//! `multiValued: true`.
//!
//! A secret must be a JSON string. Dapr turns a number, a boolean or `null` into text such as
//! `%!s(float64=5)` (`visitProperty` in components-contrib, secretstores/local/file/filestore.go).
//! Nobody wants that value, so it is refused here.
//!
//! <https://docs.dapr.io/reference/components-reference/supported-secret-stores/file-secret-store/>

use crate::command_line::Failure;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fmt, fs};

/// Dapr's default for `nestedSeparator`.
const SEPARATOR: char = ':';

/// The secrets of a file.
#[derive(Clone)]
pub struct Secrets {
    file: String,
    values: BTreeMap<String, Value>,
}

impl Secrets {
    /// Reads a secrets file.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::here(format_args!("the secrets file {file}: {error}")))?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a secrets file. `file` is for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        // Editors on some systems begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let json: Value = serde_json::from_str(text).map_err(|error| {
            // The parser's own message is left out, because it may quote a secret.
            let problem = match error.is_eof() {
                true => "it ends too early",
                false => "invalid syntax",
            };
            let line = error.line();
            Failure::here(format_args!(
                "the secrets file {file}:{line}: not valid JSON: {problem}"
            ))
        })?;
        if !json.is_object() {
            return Err(Failure::here(format_args!(
                "the secrets file {file}: not a JSON object: write an object of names and secrets"
            )));
        }
        let mut values = BTreeMap::new();
        flatten("", json, &mut values);
        Ok(Self {
            file: file.to_owned(),
            values,
        })
    }

    /// Returns the value of a secret, or of one key of it.
    pub fn get(&self, name: &str, key: Option<&str>) -> Result<&str, Failure> {
        let secret = match key {
            Some(key) if key != name => format!("{name}{SEPARATOR}{key}"),
            _ => name.to_owned(),
        };
        let kind = match self.values.get(&secret) {
            Some(Value::String(text)) => return Ok(text),
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number",
            // The values of a list or an object are stored under the names of its parts.
            Some(Value::Array(_) | Value::Object(_)) | None => return Err(self.absent(&secret)),
        };
        let file = &self.file;
        Err(Failure::here(format_args!(
            "the secret {secret:?} in {file} is {kind}: write a string, in quotes"
        )))
    }

    fn absent(&self, secret: &str) -> Failure {
        let held = match self.values.is_empty() {
            true => "none".to_owned(),
            false => self.values.keys().cloned().collect::<Vec<_>>().join(", "),
        };
        let file = &self.file;
        Failure::here(format_args!(
            "there is no secret {secret:?} in {file}, which holds {held}: add it there"
        ))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Secrets({}: {} values, ***)",
            self.file,
            self.values.len()
        )
    }
}

fn flatten(name: &str, json: Value, values: &mut BTreeMap<String, Value>) {
    let nested = |part: &str| match name {
        "" => part.to_owned(),
        _ => format!("{name}{SEPARATOR}{part}"),
    };
    match json {
        Value::Object(parts) => {
            for (part, json) in parts {
                flatten(&nested(&part), json, values);
            }
        }
        Value::Array(parts) => {
            for (index, json) in parts.into_iter().enumerate() {
                flatten(&nested(&index.to_string()), json, values);
            }
        }
        value => {
            values.insert(name.to_owned(), value);
        }
    }
}
