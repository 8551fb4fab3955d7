//! Static credentials from the environment, under the names that every AWS SDK
//! reads.

use super::{Parts, from_parts};
use crate::config::Fields;
use crate::error::Error;
use aws_credential_types::Credentials;

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// What the environment holds.
pub(super) fn credentials(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let parts = Parts {
        access_key: fields.environment(ACCESS_KEY),
        access_key_name: ACCESS_KEY,
        secret_key: fields.environment(SECRET_KEY),
        secret_key_name: SECRET_KEY,
        session_token: fields.environment(SESSION_TOKEN),
    };
    from_parts("environment", parts)
}
