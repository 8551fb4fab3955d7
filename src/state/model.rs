//! What goes in and comes out, as `wit/state.wit` has it.

/// Which writes a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Maybe not the latest ones.
    Eventual,
    /// All that had returned.
    Strong,
}

/// What happens when an item exists and the call names no ETag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// Write only where the item is absent.
    FirstWrite,
    /// Write anyway.
    LastWrite,
}

/// A stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The bytes that were set.
    pub value: Vec<u8>,
    /// Absent where another tool wrote the item without one.
    pub etag: Option<String>,
    /// Absent where none was set.
    pub content_type: Option<String>,
    /// Seconds since the Unix epoch; absent where it never expires.
    pub expires_at: Option<u64>,
}

/// Options of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// Write only where the stored ETag is this one.
    pub etag: Option<String>,
    /// Without an ETag: whether to replace an item.
    pub concurrency: Option<Concurrency>,
    /// Seconds to live.
    pub ttl: Option<i64>,
    /// Media type of the value.
    pub content_type: Option<String>,
}

/// Options of a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Delete only where the stored ETag is this one.
    pub etag: Option<String>,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRequest {
    /// The key.
    pub key: String,
    /// The bytes.
    pub value: Vec<u8>,
    /// How.
    pub options: SetOptions,
}

/// One delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The key.
    pub key: String,
    /// How.
    pub options: DeleteOptions,
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Write an item.
    Set(SetRequest),
    /// Delete an item.
    Delete(DeleteRequest),
}
