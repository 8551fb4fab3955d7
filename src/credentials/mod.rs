//! Who signs: the first source that has credentials. A source is asked as a
//! whole: a key of one is never paired with a secret of another.
//!
//! Sources so far: the component's metadata, then the environment.

mod environment;
mod metadata;

use crate::config::{Field, Fields};
use crate::error::Error;
use aws_credential_types::Credentials;

/// Longest part of any credentials, in bytes. AWS sets no limit to a session
/// token; hosts do to the head of a request.
const LONGEST: usize = 64 * 1_024;

/// The credentials to sign with.
///
/// # Errors
///
/// `invalid-configuration` where a source is incomplete, or none has any.
pub fn resolve(fields: &Fields<'_>) -> Result<Credentials, Error> {
    if let Some(credentials) = metadata::credentials(fields)? {
        return Ok(credentials);
    }
    if let Some(credentials) = environment::credentials(fields)? {
        return Ok(credentials);
    }
    Err(Error::InvalidConfiguration(
        "no AWS credentials: give `accessKey` and `secretKey`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            .to_owned(),
    ))
}

/// The parts of one source, and the names to tell where one is missing.
struct Parts {
    access_key: Option<Field>,
    access_key_name: &'static str,
    secret_key: Option<Field>,
    secret_key_name: &'static str,
    session_token: Option<Field>,
}

/// Credentials of one source from its parts; none where it has none of them.
fn from_parts(source: &'static str, parts: Parts) -> Result<Option<Credentials>, Error> {
    let incomplete = |there: &Field, missing: &str| {
        Err(Error::InvalidConfiguration(format!(
            "`{}` is given without `{missing}`: give both or neither",
            there.name
        )))
    };
    for field in [&parts.access_key, &parts.secret_key, &parts.session_token]
        .into_iter()
        .flatten()
    {
        if field.value.len() > LONGEST {
            return Err(Error::InvalidConfiguration(format!(
                "`{}` has {} bytes, and no AWS credential more than {LONGEST}",
                field.name,
                field.value.len()
            )));
        }
        if !field.value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::InvalidConfiguration(format!(
                "`{}` holds a space, a line break or another character that no AWS credential has",
                field.name
            )));
        }
    }
    match (parts.access_key, parts.secret_key, parts.session_token) {
        (Some(access_key), Some(secret_key), session_token) => Ok(Some(Credentials::new(
            access_key.value,
            secret_key.value,
            session_token.map(|token| token.value),
            None,
            source,
        ))),
        (Some(access_key), None, _) => incomplete(&access_key, parts.secret_key_name),
        (None, Some(secret_key), _) => incomplete(&secret_key, parts.access_key_name),
        (None, None, Some(session_token)) => incomplete(&session_token, parts.access_key_name),
        (None, None, None) => Ok(None),
    }
}
