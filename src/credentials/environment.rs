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
    // Blank ones are none, for the SDK as well.
    let key = |name| {
        fields
            .environment(name)
            .filter(|field| !field.value.trim().is_empty())
    };
    let access_key = key(ACCESS_KEY);
    let secret_key = key(SECRET_KEY);
    let session_token = key(SESSION_TOKEN);
    Parts {
        access_key: named(ACCESS_KEY, access_key.as_ref()),
        secret_key: named(SECRET_KEY, secret_key.as_ref()),
        session_token: named(SESSION_TOKEN, session_token.as_ref()),
    }
    .join("environment", None)
    .map_err(Error::InvalidConfiguration)
}
