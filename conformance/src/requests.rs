//! Options and requests, one condition each.

use dapr_wasm_host::types::{
    Concurrency, DeleteOptions, DeleteRequest, Operation, SetOptions, SetRequest,
};

/// Only where the item still has this ETag.
pub fn if_etag(etag: &str) -> Option<SetOptions> {
    Some(SetOptions {
        etag: Some(etag.to_owned()),
        ..SetOptions::default()
    })
}

/// Only where there is no item.
pub fn first_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    })
}

/// Whatever is there.
pub fn last_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::LastWrite),
        ..SetOptions::default()
    })
}

/// With a time to live, in seconds.
pub fn expiring(seconds: i64) -> Option<SetOptions> {
    Some(SetOptions {
        ttl: Some(seconds),
        ..SetOptions::default()
    })
}

/// With a media type.
pub fn content_type(media_type: &str) -> Option<SetOptions> {
    Some(SetOptions {
        content_type: Some(media_type.to_owned()),
        ..SetOptions::default()
    })
}

/// Only where the item still has this ETag.
pub fn delete_if_etag(etag: &str) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        etag: Some(etag.to_owned()),
        ..DeleteOptions::default()
    })
}

/// By this rule.
pub fn delete_with(concurrency: Concurrency) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        concurrency: Some(concurrency),
        ..DeleteOptions::default()
    })
}

/// A set, also as one of a bulk call.
pub fn set_of(name: &str, value: &[u8], options: Option<SetOptions>) -> SetRequest {
    SetRequest {
        key: name.to_owned(),
        value: value.to_vec(),
        options,
    }
}

/// A delete, also as one of a bulk call.
pub fn delete_of(name: &str, options: Option<DeleteOptions>) -> DeleteRequest {
    DeleteRequest {
        key: name.to_owned(),
        options,
    }
}

/// A step of a transaction.
pub fn set(name: &str, value: &[u8], options: Option<SetOptions>) -> Operation {
    Operation::Set(set_of(name, value, options))
}

/// A step of a transaction.
pub fn delete(name: &str, options: Option<DeleteOptions>) -> Operation {
    Operation::Delete(delete_of(name, options))
}
