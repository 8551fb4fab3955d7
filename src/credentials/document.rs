//! Parses the JSON document in which container endpoints and instance metadata return
//! credentials. The names of its members match in any case, as in the SDK.

use super::keys::Parts;
use super::source::{self, SourceError};
use crate::aws::retry::RetryKind;
use crate::http::Response;
use crate::text::first_line;
use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::time::SystemTime;

/// Parses the credentials in a response of `source`, which is at `site`.
///
/// # Errors
///
/// If the response is a refusal or not a valid credentials document.
pub(super) fn credentials(
    source: &'static str,
    site: &str,
    answer: &Response,
) -> Result<Credentials, SourceError> {
    let status = answer.status;
    let mut again = source::again(status);
    let why = match read(source, &answer.body) {
        Ok(Document::Credentials(credentials)) if status == 200 => return Ok(credentials),
        Ok(Document::Refusal { code, message }) => first_line(&format!("{message} ({code})")),
        Ok(Document::Credentials(_)) => "credentials with an error status".to_owned(),
        Err(_) if status != 200 => {
            source::plain_words(answer).unwrap_or_else(|| "no reason given".to_owned())
        }
        Err(why) => {
            // A truncated or half-written document may be complete a moment later.
            again = Some(RetryKind::Transient);
            format!("not a valid credentials document: {why}")
        }
    };
    let sentence = format!("{site}: HTTP {status}, {why}");
    Err(SourceError {
        error: source::case(again)(sentence),
        again,
        answered: true,
    })
}

/// A parsed document.
enum Document {
    Credentials(Credentials),
    Refusal { code: String, message: String },
}

/// Parses a document.
///
/// # Errors
///
/// The fault of the document, without its content.
fn read(source: &'static str, bytes: &[u8]) -> Result<Document, String> {
    let Members(members) =
        serde_json::from_slice(bytes).map_err(|_| "it is not a JSON object".to_owned())?;
    let text = |names: &[&str]| text(&members, names);
    let code = text(&["Code"]);
    if let Some(code) = code.filter(|code| code != "Success") {
        let message = text(&["Message"]).unwrap_or_default();
        return Ok(Document::Refusal { code, message });
    }
    let expiry = match text(&["Expiration"]) {
        Some(text) => Some(moment(&text).ok_or("`Expiration` is not a valid time")?),
        None => None,
    };
    let access_key = text(&["AccessKeyId"]);
    let secret_key = text(&["SecretAccessKey"]);
    let session_token = text(&["Token", "SessionToken"]);
    let parts = Parts {
        access_key: ("AccessKeyId", access_key.as_deref()),
        secret_key: ("SecretAccessKey", secret_key.as_deref()),
        session_token: ("Token", session_token.as_deref()),
    };
    match parts.join(source, expiry)? {
        Some(credentials) => Ok(Document::Credentials(credentials)),
        None => Err("it has no `AccessKeyId`".to_owned()),
    }
}

/// Returns the text of the last member that has one of these names.
#[inline(never)]
fn text(members: &[(String, &RawValue)], names: &[&str]) -> Option<String> {
    let is_asked = |name: &str| names.iter().any(|asked| name.eq_ignore_ascii_case(asked));
    let mut last_first = members.iter().rev();
    let (_, value) = last_first.find(|(name, _)| is_asked(name))?;
    serde_json::from_str(value.get()).ok()
}

/// Parses a time as AWS writes it: `2009-11-23T00:00:00Z`.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let moment = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
    SystemTime::try_from(moment).ok()
}

/// The members of an object in order. Their values are not parsed, so they can be of any type.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyMembers)
    }
}

struct AnyMembers;

impl<'a> Visitor<'a> for AnyMembers {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<Members<'a>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
