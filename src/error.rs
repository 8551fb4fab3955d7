//! The error type of the core. It has the same cases as the WIT contract, so `component`
//! maps it one to one. Every payload is a sentence for people to read.

use crate::text::{quote, redact};
use std::fmt;

/// The error of a call. See `wit/types.wit` for the promise of each case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No `init` succeeded and the environment names no table.
    NotInitialized,
    /// The configuration is invalid. The sentence names the field.
    InvalidConfiguration(String),
    /// The call is invalid. The sentence names the key or argument.
    InvalidArgument(String),
    /// A condition did not hold. Nothing was written.
    EtagMismatch(String),
    /// DynamoDB or the host denied access.
    AccessDenied(String),
    /// The table does not exist.
    NotFound(String),
    /// DynamoDB throttled the call, even after retries.
    Throttled(String),
    /// Another transaction held the item, even after retries.
    Conflict(String),
    /// The call timed out. A write may have happened.
    Timeout(String),
    /// DynamoDB was unreachable or failed. A write may have happened.
    Unavailable(String),
    /// The item, key or request exceeds a limit of DynamoDB.
    TooLarge(String),
    /// There is no such operation.
    Unsupported(String),
    /// Any other error. Nothing was written.
    Other(String),
}

impl Error {
    /// Returns the same case, with `key` at the start of its sentence.
    #[must_use]
    pub fn of_key(self, key: &str) -> Self {
        self.map(|sentence| format!("key {}: {sentence}", quote(key)))
    }

    /// Returns the error of a write that failed with this error, but may have been applied.
    #[must_use]
    pub fn with_unknown_outcome(self) -> Self {
        match self {
            Self::Timeout(_) | Self::Unavailable(_) => self,
            known => Self::Unavailable(format!(
                "{known}; an attempt whose response was lost may have been applied"
            )),
        }
    }

    /// Returns true if a write with this error may have happened.
    #[must_use]
    pub fn leaves_the_outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Unavailable(_))
    }

    /// Returns the error for an input that the SDK refuses to build, which is a bug in the
    /// component.
    #[must_use]
    pub fn unbuilt(error: impl fmt::Display) -> Self {
        Self::Other(format!("the request could not be built: {error}"))
    }

    /// Returns the name of the case, its constructor, and the sentence.
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

    /// Returns the constructor of the case, or `Other` for the case without a sentence.
    #[must_use]
    pub fn case(&self) -> fn(String) -> Self {
        self.parts().1
    }

    /// Returns the sentence. It is empty for the case without one.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.parts().2
    }

    /// Returns the same case, with the secrets in its sentence redacted.
    #[must_use]
    pub fn redacted(self) -> Self {
        self.map(redact)
    }

    /// Returns the same case, with its sentence rewritten.
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
