//! Static credentials from the environment, under the names that every AWS SDK
//! reads.

use super::keys::Parts;
use super::metadata::named;
use crate::config::Fields;
use crate::error::Error;
use aws_credential_types::Credentials;

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// What the environment holds.
pub(super) fn credentials(fields: &Fields<'_>) -> Result<Option<Credentials>, Error> {
    let access_key = fields.environment(ACCESS_KEY);
    let secret_key = fields.environment(SECRET_KEY);
    let session_token = fields.environment(SESSION_TOKEN);
    Parts {
        access_key: named(ACCESS_KEY, access_key.as_ref()),
        secret_key: named(SECRET_KEY, secret_key.as_ref()),
        session_token: named(SESSION_TOKEN, session_token.as_ref()),
    }
    .join("environment", None)
    .map_err(Error::InvalidConfiguration)
}
