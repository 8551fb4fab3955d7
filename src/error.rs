//! The one error of the core. It has the cases of the contract, so that the
//! edge maps it one to one; every payload is a sentence for a person.

use crate::text::{quote, redact};
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

    /// What makes an error of the same case; `Other` for the one without a sentence.
    #[must_use]
    pub fn case(&self) -> fn(String) -> Self {
        match self {
            Self::InvalidConfiguration(_) => Self::InvalidConfiguration,
            Self::InvalidArgument(_) => Self::InvalidArgument,
            Self::EtagMismatch(_) => Self::EtagMismatch,
            Self::AccessDenied(_) => Self::AccessDenied,
            Self::NotFound(_) => Self::NotFound,
            Self::Throttled(_) => Self::Throttled,
            Self::Conflict(_) => Self::Conflict,
            Self::Timeout(_) => Self::Timeout,
            Self::Unavailable(_) => Self::Unavailable,
            Self::TooLarge(_) => Self::TooLarge,
            Self::Unsupported(_) => Self::Unsupported,
            Self::NotInitialized | Self::Other(_) => Self::Other,
        }
    }

    /// The sentence; empty for the one without.
    #[must_use]
    pub fn sentence(&self) -> &str {
        match self {
            Self::NotInitialized => "",
            Self::InvalidConfiguration(s)
            | Self::InvalidArgument(s)
            | Self::EtagMismatch(s)
            | Self::AccessDenied(s)
            | Self::NotFound(s)
            | Self::Throttled(s)
            | Self::Conflict(s)
            | Self::Timeout(s)
            | Self::Unavailable(s)
            | Self::TooLarge(s)
            | Self::Unsupported(s)
            | Self::Other(s) => s,
        }
    }

    /// The same case without any secret in its sentence.
    #[must_use]
    pub fn redacted(self) -> Self {
        self.map(redact)
    }

    /// The same case with its sentence rewritten.
    fn map(self, rewrite: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::NotInitialized => self,
            error => error.case()(rewrite(error.sentence())),
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
