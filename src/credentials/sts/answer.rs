//! STS's answers.

use crate::aws::message::Response;
use crate::credentials::document::moment;
use crate::credentials::keys::Parts;
use aws_credential_types::Credentials;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

/// Texts by the names of the elements that hold them.
type Texts = Vec<(String, String)>;

/// What an answer says.
pub(super) enum Answer {
    Credentials(Credentials),
    Refusal {
        code: String,
        message: String,
    },
    /// It is not one of STS; why.
    Unreadable(&'static str),
}

/// Reads an answer to a request for credentials of `source`.
pub(super) fn read(source: &'static str, answer: &Response) -> Answer {
    let Ok(text) = std::str::from_utf8(&answer.body) else {
        return Answer::Unreadable("it is no text");
    };
    let found = if answer.status == 200 {
        members(text, "Credentials").map(|members| credentials(source, &members))
    } else {
        members(text, "Error").map(refusal)
    };
    found.unwrap_or(Answer::Unreadable("it has no `Credentials` and no `Error`"))
}

fn refusal(members: Texts) -> Answer {
    match text(&members, "Code") {
        Some(code) => Answer::Refusal {
            code: code.to_owned(),
            message: text(&members, "Message").unwrap_or_default().to_owned(),
        },
        None => Answer::Unreadable("an error without a code"),
    }
}

fn credentials(source: &'static str, members: &Texts) -> Answer {
    let text = |name: &str| text(members, name);
    let Some(expiry) = text("Expiration").and_then(moment) else {
        return Answer::Unreadable("credentials without the moment of their expiration");
    };
    let parts = Parts {
        access_key: ("AccessKeyId", text("AccessKeyId")),
        secret_key: ("SecretAccessKey", text("SecretAccessKey")),
        session_token: ("SessionToken", text("SessionToken")),
    };
    match parts.join(source, Some(expiry)) {
        Ok(Some(credentials)) => Answer::Credentials(credentials),
        Ok(None) | Err(_) => Answer::Unreadable("credentials that are incomplete"),
    }
}

fn text<'a>(members: &'a Texts, name: &str) -> Option<&'a str> {
    let member = members.iter().find(|(member, _)| member == name)?;
    Some(&member.1)
}

/// The texts of the one element that matters, by the names of the elements that
/// hold them: `Error` below the root, `Credentials` below a result.
fn members(text: &str, name: &str) -> Option<Texts> {
    let mut document = Document::new(text);
    let mut root = document.root_element().ok()?;
    while let Some(mut below) = root.next_tag() {
        if below.start_el().matches(name) {
            return texts(&mut below);
        }
        while let Some(mut inner) = below.next_tag() {
            if inner.start_el().matches(name) {
                return texts(&mut inner);
            }
        }
    }
    None
}

/// None where one cannot be read.
fn texts(element: &mut ScopedDecoder<'_, '_>) -> Option<Texts> {
    let mut texts = Vec::new();
    while let Some(mut member) = element.next_tag() {
        let name = member.start_el().local().to_owned();
        texts.push((name, try_data(&mut member).ok()?.into_owned()));
    }
    Some(texts)
}
