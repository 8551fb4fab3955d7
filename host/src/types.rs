//! The types of the contract, as Rust values.
//!
//! Their meaning is that of the WIT files, field by field; what Rust adds is [`Default`] for the records of options (every
//! field absent) and a [`Display`](std::fmt::Display) for [`Error`].

use std::fmt;
use wasmtime::component::{ComponentType, Lift, Lower};

pub use crate::contract::binding::Response;
pub use crate::contract::state::{
    Concurrency, Consistency, DeleteOptions, DeleteRequest, FeatureSet, GetOptions, Item,
    Operation, SetOptions, SetRequest,
};

/// The configuration of a component, or the parameters of a binding's operation: names and values.
///
/// Names compare ASCII case-insensitively; the last of equal names counts; an empty value counts as absent.
pub type Metadata = Vec<(String, String)>;

/// Names and values in whatever strings the embedder has.
pub(crate) fn metadata<N, V>(fields: impl IntoIterator<Item = (N, V)>) -> Metadata
where
    N: Into<String>,
    V: Into<String>,
{
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// Why the component refused or failed a call.
///
/// A program branches on the case; the payload is one English sentence for a person. After [`Error::Timeout`] and
/// [`Error::Unavailable`] of a write its outcome is unknown; after every other case nothing was written.
#[derive(ComponentType, Lift, Lower, Clone, Debug, PartialEq, Eq)]
#[component(variant)]
pub enum Error {
    /// `init` was not called, or never with success, and the environment names no store.
    #[component(name = "not-initialized")]
    NotInitialized,
    /// The configuration is unusable, and stays so until it changes.
    #[component(name = "invalid-configuration")]
    InvalidConfiguration(String),
    /// The call itself is wrong: its key, value, option, count or payload.
    #[component(name = "invalid-argument")]
    InvalidArgument(String),
    /// A condition did not hold: the ETag differs, or the item exists although the call wanted to be the first write.
    #[component(name = "etag-mismatch")]
    EtagMismatch(String),
    /// The credentials are missing, refused, expired or not sufficient.
    #[component(name = "access-denied")]
    AccessDenied(String),
    /// The table, bucket or database does not exist. Never used for an absent key.
    #[component(name = "not-found")]
    NotFound(String),
    /// The store refused for load, also after the component's own retries.
    #[component(name = "throttled")]
    Throttled(String),
    /// Another transaction held the item, also after the component's own retries.
    #[component(name = "conflict")]
    Conflict(String),
    /// The time allowed for the call ran out.
    #[component(name = "timeout")]
    Timeout(String),
    /// The store could not be reached, or failed within.
    #[component(name = "unavailable")]
    Unavailable(String),
    /// The key, the item or the request exceeds a limit of the store.
    #[component(name = "too-large")]
    TooLarge(String),
    /// The component does not offer what was asked for.
    #[component(name = "unsupported")]
    Unsupported(String),
    /// None of the above.
    #[component(name = "other")]
    Other(String),
}

impl Error {
    /// The name of the case as the WIT spells it, such as `etag-mismatch`.
    #[must_use]
    pub fn case(&self) -> &'static str {
        self.parts().0
    }

    /// The sentence for a person; `None` for [`Error::NotInitialized`], which has none.
    #[must_use]
    pub fn sentence(&self) -> Option<&str> {
        self.parts().1
    }

    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::NotInitialized => ("not-initialized", None),
            Self::InvalidConfiguration(s) => ("invalid-configuration", Some(s)),
            Self::InvalidArgument(s) => ("invalid-argument", Some(s)),
            Self::EtagMismatch(s) => ("etag-mismatch", Some(s)),
            Self::AccessDenied(s) => ("access-denied", Some(s)),
            Self::NotFound(s) => ("not-found", Some(s)),
            Self::Throttled(s) => ("throttled", Some(s)),
            Self::Conflict(s) => ("conflict", Some(s)),
            Self::Timeout(s) => ("timeout", Some(s)),
            Self::Unavailable(s) => ("unavailable", Some(s)),
            Self::TooLarge(s) => ("too-large", Some(s)),
            Self::Unsupported(s) => ("unsupported", Some(s)),
            Self::Other(s) => ("other", Some(s)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (case, Some(sentence)) => write!(f, "{case}: {sentence}"),
            (case, None) => f.write_str(case),
        }
    }
}

impl std::error::Error for Error {}

// The records are generated, with the derives that fit every type of the contract; `Default` fits these alone.
#[allow(clippy::derivable_impls, reason = "the types are generated elsewhere")]
impl Default for GetOptions {
    fn default() -> Self {
        Self { consistency: None }
    }
}

#[allow(clippy::derivable_impls, reason = "the types are generated elsewhere")]
impl Default for SetOptions {
    fn default() -> Self {
        Self {
            etag: None,
            concurrency: None,
            ttl: None,
            content_type: None,
        }
    }
}

#[allow(clippy::derivable_impls, reason = "the types are generated elsewhere")]
impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            etag: None,
            concurrency: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_its_case_and_its_sentence() {
        let error = Error::EtagMismatch("key \"a\" has another ETag".into());
        assert_eq!(error.case(), "etag-mismatch");
        assert_eq!(error.sentence(), Some("key \"a\" has another ETag"));
        assert_eq!(
            error.to_string(),
            "etag-mismatch: key \"a\" has another ETag"
        );
    }

    #[test]
    fn an_error_without_a_sentence_prints_its_case_alone() {
        assert_eq!(Error::NotInitialized.sentence(), None);
        assert_eq!(Error::NotInitialized.to_string(), "not-initialized");
    }
}
