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

    /// Returns true if a write that failed so may have happened.
    #[must_use]
    pub fn leaves_the_outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Unavailable(_))
    }

    /// The SDK refused to build an input: an error in the component.
    #[must_use]
    pub fn unbuilt(error: impl fmt::Display) -> Self {
        Self::Other(format!("the request could not be built: {error}"))
    }

    /// The name of the case, what makes an error of it, and the sentence.
    fn parts(&self) -> (&'static str, fn(String) -> Self, &str) {
        match self {
            Self::NotInitialized => ("not-initialized", Self::Other, ""),
            Self::InvalidConfiguration(s) => {
                ("invalid-configuration", Self::InvalidConfiguration, s)
            }
            Self::InvalidArgument(s) => ("invalid-argument", Self::InvalidArgument, s),
            Self::EtagMismatch(s) => ("etag-mismatch", Self::EtagMismatch, s),
            Self::AccessDenied(s) => ("access-denied", Self::AccessDenied, s),
            Self::NotFound(s) => ("not-found", Self::NotFound, s),
            Self::Throttled(s) => ("throttled", Self::Throttled, s),
            Self::Conflict(s) => ("conflict", Self::Conflict, s),
            Self::Timeout(s) => ("timeout", Self::Timeout, s),
            Self::Unavailable(s) => ("unavailable", Self::Unavailable, s),
            Self::TooLarge(s) => ("too-large", Self::TooLarge, s),
            Self::Unsupported(s) => ("unsupported", Self::Unsupported, s),
            Self::Other(s) => ("other", Self::Other, s),
        }
    }

    /// Returns what makes an error of the same case; `Other` for the one without a sentence.
    #[must_use]
    pub fn case(&self) -> fn(String) -> Self {
        self.parts().1
    }

    /// The sentence; empty for the one without.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.parts().2
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
        let (case, _, sentence) = self.parts();
        if let Self::NotInitialized = self {
            return f.write_str(case);
        }
        write!(f, "{case}: {sentence}")
    }
}

impl std::error::Error for Error {}
