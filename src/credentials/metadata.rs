//! Static credentials from the component's metadata.

use super::keys::Parts;
use crate::config::{Field, Fields};
use crate::error::Error;
use aws_credential_types::Credentials;

/// What the metadata holds.
pub(super) fn credentials(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let access_key = fields.given(&["accessKey", "awsAccessKey"]);
    let secret_key = fields.given(&["secretKey", "awsSecretKey"]);
    let session_token = fields.given(&["sessionToken", "awsSessionToken"]);
    Parts {
        access_key: named("accessKey", access_key.as_ref()),
        secret_key: named("secretKey", secret_key.as_ref()),
        session_token: named("sessionToken", session_token.as_ref()),
    }
    .join("metadata", None)
    .map_err(Error::InvalidConfiguration)
}

/// A field under the name that it was given by, or else under its own.
pub(super) fn named<'a>(name: &'a str, field: Option<&'a Field>) -> (&'a str, Option<&'a str>) {
    match field {
        Some(field) => (field.name, Some(&field.value)),
        None => (name, None),
    }
}
