//! Requests and results as plain data: the types of the contract (`wit/`) in Rust's own types.

use std::fmt;

/// An item that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The bytes that were set.
    pub value: Vec<u8>,
    /// The version. Absent if another tool wrote the item without one.
    pub etag: Option<String>,
    /// The media type that was set with the value.
    pub content_type: Option<String>,
    /// The time when the item expires, in seconds since the Unix epoch.
    pub expires_at: Option<u64>,
}

/// The writes that a read sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Consistency {
    /// May miss the latest writes
    Eventual,
    /// Sees every write that returned before the read began
    Strong,
}

/// One set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetRequest {
    /// The key to write.
    pub key: String,
    /// The bytes to store.
    pub value: Vec<u8>,
    /// Write only if the stored item has this ETag.
    pub etag: Option<String>,
    /// Write only if the item is absent. Has no effect with an `etag`.
    pub first_write: bool,
    /// Time to live in seconds.
    pub ttl: Option<i64>,
    /// The media type of the value.
    pub content_type: Option<String>,
}

/// One delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The key to delete.
    pub key: String,
    /// Delete only if the stored item has this ETag.
    pub etag: Option<String>,
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Write an item.
    Set(SetRequest),
    /// Delete an item.
    Delete(DeleteRequest),
}

impl Operation {
    /// Returns the key of the operation.
    pub fn key(&self) -> &str {
        match self {
            Self::Set(request) => &request.key,
            Self::Delete(request) => &request.key,
        }
    }
}

/// The features of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Items have ETags.
    pub etag: bool,
    /// Transactions are atomic.
    pub transactional: bool,
    /// A time to live is honoured.
    pub ttl: bool,
    /// The largest number of operations in one transaction.
    pub max_transaction_size: u32,
}

/// The result of an operation of a binding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The payload.
    pub data: Option<Vec<u8>>,
    /// Its media type.
    pub content_type: Option<String>,
    /// Facts about the call.
    pub metadata: Vec<(String, String)>,
}

/// The reason of a failure: a sentence for the user and, if the component reported it, a case for
/// programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The case of the contract's `error`, such as `etag-mismatch`. Absent if the component was
    /// not called or could not respond.
    pub case: Option<String>,
    /// One sentence. Absent for the one case that has none, `not-initialized`.
    pub sentence: Option<String>,
}

impl Failure {
    /// Returns a failure that did not come from the component.
    pub fn here(sentence: impl fmt::Display) -> Self {
        Self {
            case: None,
            sentence: Some(sentence.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.case, &self.sentence) {
            (Some(case), Some(sentence)) => write!(f, "{case}: {sentence}"),
            (Some(only), None) | (None, Some(only)) => f.write_str(only),
            (None, None) => f.write_str("unknown"),
        }
    }
}

impl std::error::Error for Failure {}
