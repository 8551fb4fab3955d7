//! The types of the contract, as Rust values: options, requests, items, and [`Error`].
//!
//! The docs of each field are those of the WIT files. In addition, the option records implement [`Default`], with every field
//! absent, and [`Error`] implements [`Display`](std::fmt::Display).
//!
//! | type | for |
//! |---|---|
//! | [`GetOptions`] | [`State::get`](crate::State::get) and [`State::bulk_get`](crate::State::bulk_get): which writes a read sees |
//! | [`SetOptions`] | [`State::set`](crate::State::set) and [`SetRequest`]: ETag, first write, time to live, media type |
//! | [`DeleteOptions`] | [`State::delete`](crate::State::delete) and [`DeleteRequest`]: ETag |
//! | [`SetRequest`], [`DeleteRequest`] | one request of a bulk call or transaction |
//! | [`Operation`] | one step of [`State::transact`](crate::State::transact) |
//! | [`Item`], [`FeatureSet`], [`Response`] | results |
//!
//! # Options
//!
//! Name the fields that you need and take the rest from `default()`:
//!
//! ```
//! use dapr_wasm_host::types::{Concurrency, Consistency, DeleteOptions, GetOptions, SetOptions};
//!
//! // Write only if the key is absent. The item expires in an hour.
//! let create = SetOptions {
//!     concurrency: Some(Concurrency::FirstWrite),
//!     ttl: Some(3_600),
//!     content_type: Some("application/json".into()),
//!     ..SetOptions::default()
//! };
//! // Write only if the item still has this ETag.
//! let replace = SetOptions { etag: Some("5".into()), ..SetOptions::default() };
//! let delete = DeleteOptions { etag: Some("5".into()), ..DeleteOptions::default() };
//! let read = GetOptions { consistency: Some(Consistency::Strong) };
//! # let _ = (create, replace, delete, read);
//! ```
//!
//! # Bulk calls and transactions
//!
//! A bulk call returns one result for each request, in the order of the requests. A transaction applies all its operations
//! or none:
//!
//! ```no_run
//! # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::types::{DeleteRequest, Operation, SetRequest};
//!
//! let set = |key: &str| SetRequest { key: key.into(), value: b"new".to_vec(), options: None };
//! let mut store = instance.state()?;
//!
//! for (number, result) in store.bulk_set(&[set("order-1"), set("order-2")]).await?.into_iter().enumerate() {
//!     match result {
//!         Ok(etag) => println!("request {number} is written, with the ETag {etag}"),
//!         Err(error) => println!("request {number} failed: {error}"),
//!     }
//! }
//!
//! let delete = DeleteRequest { key: "order-1".into(), options: None };
//! store.transact(&[Operation::Set(set("order-3")), Operation::Delete(delete)]).await?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use wasmtime::component::{ComponentType, Lift, Lower};

pub use crate::contract::binding::Response;
pub use crate::contract::state::{
    Concurrency, Consistency, DeleteOptions, DeleteRequest, FeatureSet, GetOptions, Item,
    Operation, SetOptions, SetRequest,
};

/// The configuration of a component, or the parameters of a binding's operation, as pairs of name and value.
///
/// Names compare ASCII case-insensitively. The last of equal names counts. An empty value counts as absent.
///
/// ```
/// use dapr_wasm_host::types::Metadata;
///
/// let metadata: Metadata = vec![("table".into(), "orders".into()), ("region".into(), "eu-west-1".into())];
/// # let _ = metadata;
/// ```
pub type Metadata = Vec<(String, String)>;

/// Makes metadata of the strings that the embedder has.
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

/// The error that a component returned for a call. The instance stays usable.
///
/// Match on the case. Its payload is one English sentence for people, which names the key or field at fault.
///
/// After [`Error::Timeout`] or [`Error::Unavailable`], the outcome of a write is unknown. After every other case nothing was
/// written.
///
/// ```
/// use dapr_wasm_host::types::Error;
///
/// let error = Error::EtagMismatch("key \"order-1\" has another ETag".into());
/// assert_eq!(error.case(), "etag-mismatch");
/// assert_eq!(error.to_string(), "etag-mismatch: key \"order-1\" has another ETag");
/// ```
#[derive(ComponentType, Lift, Lower, Clone, Debug, PartialEq, Eq)]
#[component(variant)]
pub enum Error {
    /// No call of `init` has succeeded yet, and the environment does not name a store.
    #[component(name = "not-initialized")]
    NotInitialized,
    /// The configuration is invalid. Calling again does not help before it changes.
    #[component(name = "invalid-configuration")]
    InvalidConfiguration(String),
    /// The call itself is invalid: its key, value, option, count or payload.
    #[component(name = "invalid-argument")]
    InvalidArgument(String),
    /// A condition did not hold: the ETag differs, or the item exists although the call asked for a first write.
    #[component(name = "etag-mismatch")]
    EtagMismatch(String),
    /// The credentials are missing, refused, expired or insufficient, or the host does not let the component reach the store.
    #[component(name = "access-denied")]
    AccessDenied(String),
    /// The table, bucket or database does not exist. An absent key is not an error.
    #[component(name = "not-found")]
    NotFound(String),
    /// The store refused the call because of load, even after the component's own retries.
    #[component(name = "throttled")]
    Throttled(String),
    /// Another transaction held the item, even after the component's own retries.
    #[component(name = "conflict")]
    Conflict(String),
    /// The time allowed for the call ran out. The outcome of a write is unknown.
    #[component(name = "timeout")]
    Timeout(String),
    /// The store could not be reached, or had an internal failure. The outcome of a write is unknown.
    #[component(name = "unavailable")]
    Unavailable(String),
    /// The key, the item or the request exceeds a limit of the store.
    #[component(name = "too-large")]
    TooLarge(String),
    /// The component does not support the call or one of its options.
    #[component(name = "unsupported")]
    Unsupported(String),
    /// Any other error.
    #[component(name = "other")]
    Other(String),
}

impl Error {
    /// Returns the name of the case as the WIT spells it, such as `etag-mismatch`.
    #[must_use]
    pub fn case(&self) -> &'static str {
        self.parts().0
    }

    /// Returns the sentence for people, or `None` for [`Error::NotInitialized`], which has no sentence.
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

// The generated records derive only traits that fit every type of the contract. `Default` fits these alone.
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
    fn error_prints_its_case_and_sentence() {
        let error = Error::EtagMismatch("key \"a\" has another ETag".into());
        assert_eq!(error.case(), "etag-mismatch");
        assert_eq!(error.sentence(), Some("key \"a\" has another ETag"));
        assert_eq!(
            error.to_string(),
            "etag-mismatch: key \"a\" has another ETag"
        );
    }

    #[test]
    fn error_without_a_sentence_prints_only_its_case() {
        assert_eq!(Error::NotInitialized.sentence(), None);
        assert_eq!(Error::NotInitialized.to_string(), "not-initialized");
    }
}
