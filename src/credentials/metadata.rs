//! Static credentials from the component's metadata.

use super::{Parts, from_parts};
use crate::config::Fields;
use crate::error::Error;
use aws_credential_types::Credentials;

/// What the metadata holds.
pub(super) fn credentials(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let parts = Parts {
        access_key: fields.given(&["accessKey", "awsAccessKey"]),
        access_key_name: "accessKey",
        secret_key: fields.given(&["secretKey", "awsSecretKey"]),
        secret_key_name: "secretKey",
        session_token: fields.given(&["sessionToken", "awsSessionToken"]),
    };
    from_parts("metadata", parts)
}
