//! Builds credentials from external text. Each part must be valid in a header. The error for
//! an invalid part names the part and never shows its content.
//!
//! Static credentials come from the component's metadata, or from the environment variables
//! that every AWS SDK reads.

use crate::error::Error;
use crate::fields::{Field, Fields};
use aws_credential_types::Credentials;
use std::time::SystemTime;

/// The longest part of any credentials, in bytes. AWS sets no limit for a session token, but
/// hosts limit the size of the request headers.
pub(super) const LONGEST: usize = 64 * 1_024;

/// Returns the fault of a part of credentials; none if it is valid. In an error sentence, the
/// fault follows the name of the part.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!("has {} bytes: the limit is {LONGEST}", text.len()));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(
            "contains a space, a line break or another character that AWS credentials cannot have; check its source for a copied line break"
                .to_owned(),
        );
    }
    None
}

/// The parts of credentials, each with the name that it has in its source.
pub(super) struct Parts<'a> {
    pub(super) access_key: (&'a str, Option<&'a str>),
    pub(super) secret_key: (&'a str, Option<&'a str>),
    pub(super) session_token: (&'a str, Option<&'a str>),
}

impl Parts<'_> {
    /// Returns the credentials of `source`; none if all parts are absent.
    ///
    /// # Errors
    ///
    /// A sentence that names the missing or invalid part.
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
                "`{there}` is set without `{missing}`: set both or neither"
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

/// Reads static credentials from the metadata.
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

/// Reads static credentials from the environment.
pub(super) fn of_environment(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let names = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    // The SDK treats blank variables as unset too.
    let is_there = |field: &Field| !field.value.trim().is_empty();
    let given = names.map(|name| (name, fields.environment(name).filter(is_there)));
    joined("environment", &given)
}

/// Builds credentials from fields. Errors name a part by the field or variable that sets it. An
/// absent part has the name in `given`.
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
