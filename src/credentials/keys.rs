//! Credentials made of texts from outside, each fit for a header field: what is
//! not is refused by its name, never by its content.
//!
//! Static credentials come from the component's metadata or from the environment, there
//! under the names that every AWS SDK reads.

use crate::error::Error;
use crate::fields::{Field, Fields};
use aws_credential_types::Credentials;
use std::time::SystemTime;

/// Longest part of any credentials, in bytes. AWS sets no limit to a session
/// token; hosts do to the head of a request.
pub(super) const LONGEST: usize = 64 * 1_024;

/// The fault of a text as a part of credentials, in words that follow its name.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!(
            "has {} bytes, and no AWS credential more than {LONGEST}",
            text.len()
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(
            "holds a space, a line break or another character that no AWS credential has"
                .to_owned(),
        );
    }
    None
}

/// Parts of credentials under the names that they have where they come from.
pub(super) struct Parts<'a> {
    pub(super) access_key: (&'a str, Option<&'a str>),
    pub(super) secret_key: (&'a str, Option<&'a str>),
    pub(super) session_token: (&'a str, Option<&'a str>),
}

impl Parts<'_> {
    /// Credentials of `source` from its parts; none where it has none of them.
    ///
    /// # Errors
    ///
    /// A sentence that names the part that is missing or no credential.
    pub(super) fn join(
        self,
        source: &'static str,
        expiry: Option<SystemTime>,
    ) -> Result<Option<Credentials>, String> {
        for (name, text) in [self.access_key, self.secret_key, self.session_token] {
            if let Some(fault) = text.and_then(fault) {
                return Err(format!("`{name}` {fault}"));
            }
        }
        let incomplete = |there: &str, missing: &str| {
            Err(format!(
                "`{there}` is given without `{missing}`: give both or neither"
            ))
        };
        match (self.access_key, self.secret_key, self.session_token) {
            ((_, Some(access_key)), (_, Some(secret_key)), (_, session_token)) => {
                Ok(Some(Credentials::new(
                    access_key,
                    secret_key,
                    session_token.map(str::to_owned),
                    expiry,
                    source,
                )))
            }
            ((there, Some(_)), (missing, None), _) | ((missing, None), (there, Some(_)), _) => {
                incomplete(there, missing)
            }
            ((missing, None), (_, None), (there, Some(_))) => incomplete(there, missing),
            ((_, None), (_, None), (_, None)) => Ok(None),
        }
    }
}

/// Static credentials of the metadata.
pub(super) fn of_metadata(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let given = [
        ("accessKey", fields.given(&["accessKey", "awsAccessKey"])),
        ("secretKey", fields.given(&["secretKey", "awsSecretKey"])),
        (
            "sessionToken",
            fields.given(&["sessionToken", "awsSessionToken"]),
        ),
    ];
    joined("metadata", &given)
}

/// Static credentials of the environment.
pub(super) fn of_environment(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let names = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    // Blank ones are none, for the SDK as well.
    let is_there = |field: &Field| !field.value.trim().is_empty();
    let given = names.map(|name| (name, fields.environment(name).filter(is_there)));
    joined("environment", &given)
}

/// Credentials of fields, each under the name that it was given by, or else its own.
fn joined(
    source: &'static str,
    given: &[(&'static str, Option<Field>); 3],
) -> Result<Option<Credentials>, Error> {
    let [access_key, secret_key, session_token] = given.each_ref().map(|(name, field)| {
        field
            .as_ref()
            .map_or((*name, None), |field| (field.name, Some(&*field.value)))
    });
    Parts {
        access_key,
        secret_key,
        session_token,
    }
    .join(source, None)
    .map_err(Error::InvalidConfiguration)
}
