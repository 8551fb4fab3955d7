//! How a source says that it gives no credentials: it is `absent`, and the next
//! one is asked; or it is `broken`, and the call fails with its words.

use crate::error::Error;
use aws_credential_types::provider::error::CredentialsError;
use std::error::Error as _;

/// The source does not apply here; why not, for who finds no credentials at all.
#[cold]
#[inline(never)]
pub(super) fn absent(why: impl Into<String>) -> CredentialsError {
    CredentialsError::not_loaded(why.into())
}

/// The source is configured and does not work. The sentence names it.
#[cold]
#[inline(never)]
pub(super) fn broken(error: Error) -> CredentialsError {
    CredentialsError::provider_error(error)
}

/// A wrong configuration of the source.
#[cold]
#[inline(never)]
pub(super) fn misconfigured(sentence: impl Into<String>) -> CredentialsError {
    broken(Error::InvalidConfiguration(sentence.into()))
}

/// Why the source does not apply; none where it is broken.
pub(super) fn absence(error: &CredentialsError) -> Option<String> {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => error.source().map(ToString::to_string),
        _ => None,
    }
}

/// The error of the call that needed credentials.
pub(super) fn into_error(error: &CredentialsError) -> Error {
    let source = error.source();
    match source.and_then(|source| source.downcast_ref::<Error>()) {
        Some(own) => own.clone(),
        None => Error::InvalidConfiguration(match source {
            Some(source) => source.to_string(),
            None => error.to_string(),
        }),
    }
}
