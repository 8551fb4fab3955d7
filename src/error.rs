//! The one error of the core. It has the cases of the contract, so that the
//! edge maps it one to one; every payload is a sentence for a person.

use crate::state::key::quote;
use std::fmt;

/// Why a call failed. See `wit/types.wit` for what each case promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No `init` succeeded and the environment names no table.
    NotInitialized,
    /// The configuration is unusable; the sentence names the field.
    InvalidConfiguration(String),
    /// The call is wrong; the sentence names the key or argument.
    InvalidArgument(String),
    /// A condition did not hold; nothing was written.
    EtagMismatch(String),
    /// DynamoDB, or the host, refused access.
    AccessDenied(String),
    /// The table does not exist.
    NotFound(String),
    /// DynamoDB refused for load, also after retries.
    Throttled(String),
    /// Another transaction held the item, also after retries.
    Conflict(String),
    /// The time for the call ran out; a write may have happened.
    Timeout(String),
    /// DynamoDB was out of reach or failed; a write may have happened.
    Unavailable(String),
    /// The item, key or request is over a limit of DynamoDB.
    TooLarge(String),
    /// There is no such operation.
    Unsupported(String),
    /// None of the above; nothing was written.
    Other(String),
}

impl Error {
    /// The same case with the key that it is about before its sentence.
    #[must_use]
    pub fn of_key(self, key: &str) -> Self {
        self.map(|sentence| format!("key {}: {sentence}", quote(key)))
    }

    /// The error of a write that may have happened all the same.
    #[must_use]
    pub fn with_unknown_outcome(self) -> Self {
        match self {
            Self::Timeout(_) | Self::Unavailable(_) => self,
            known => Self::Unavailable(format!(
                "{known}; an attempt whose answer was lost may have been applied"
            )),
        }
    }

    /// Whether a write that failed so may have happened.
    #[must_use]
    pub fn leaves_the_outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Unavailable(_))
    }

    /// The SDK refused to build an input: an error in the component.
    #[must_use]
    pub fn unbuilt(error: impl fmt::Display) -> Self {
        Self::Other(format!("the request could not be built: {error}"))
    }

    /// The same case with its sentence rewritten.
    fn map(self, rewrite: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::NotInitialized => Self::NotInitialized,
            Self::InvalidConfiguration(s) => Self::InvalidConfiguration(rewrite(s)),
            Self::InvalidArgument(s) => Self::InvalidArgument(rewrite(s)),
            Self::EtagMismatch(s) => Self::EtagMismatch(rewrite(s)),
            Self::AccessDenied(s) => Self::AccessDenied(rewrite(s)),
            Self::NotFound(s) => Self::NotFound(rewrite(s)),
            Self::Throttled(s) => Self::Throttled(rewrite(s)),
            Self::Conflict(s) => Self::Conflict(rewrite(s)),
            Self::Timeout(s) => Self::Timeout(rewrite(s)),
            Self::Unavailable(s) => Self::Unavailable(rewrite(s)),
            Self::TooLarge(s) => Self::TooLarge(rewrite(s)),
            Self::Unsupported(s) => Self::Unsupported(rewrite(s)),
            Self::Other(s) => Self::Other(rewrite(s)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (case, sentence) = match self {
            Self::NotInitialized => return f.write_str("not-initialized"),
            Self::InvalidConfiguration(s) => ("invalid-configuration", s),
            Self::InvalidArgument(s) => ("invalid-argument", s),
            Self::EtagMismatch(s) => ("etag-mismatch", s),
            Self::AccessDenied(s) => ("access-denied", s),
            Self::NotFound(s) => ("not-found", s),
            Self::Throttled(s) => ("throttled", s),
            Self::Conflict(s) => ("conflict", s),
            Self::Timeout(s) => ("timeout", s),
            Self::Unavailable(s) => ("unavailable", s),
            Self::TooLarge(s) => ("too-large", s),
            Self::Unsupported(s) => ("unsupported", s),
            Self::Other(s) => ("other", s),
        };
        write!(f, "{case}: {sentence}")
    }
}

impl std::error::Error for Error {}
