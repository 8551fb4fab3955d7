//! Options and requests, one condition each.

use dapr_wasm_host::types::{
    Concurrency, DeleteOptions, DeleteRequest, Operation, SetOptions, SetRequest,
};

pub(super) fn if_etag(etag: &str) -> Option<SetOptions> {
    Some(SetOptions {
        etag: Some(etag.to_owned()),
        ..SetOptions::default()
    })
}

pub(super) fn first_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    })
}

pub(super) fn last_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::LastWrite),
        ..SetOptions::default()
    })
}

pub(super) fn expiring(seconds: i64) -> Option<SetOptions> {
    Some(SetOptions {
        ttl: Some(seconds),
        ..SetOptions::default()
    })
}

pub(super) fn content_type(media_type: &str) -> Option<SetOptions> {
    Some(SetOptions {
        content_type: Some(media_type.to_owned()),
        ..SetOptions::default()
    })
}

pub(super) fn delete_if_etag(etag: &str) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        etag: Some(etag.to_owned()),
        ..DeleteOptions::default()
    })
}

pub(super) fn delete_with(concurrency: Concurrency) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        concurrency: Some(concurrency),
        ..DeleteOptions::default()
    })
}

pub(super) fn set_of(name: &str, value: &[u8], options: Option<SetOptions>) -> SetRequest {
    SetRequest {
        key: name.to_owned(),
        value: value.to_vec(),
        options,
    }
}

pub(super) fn delete_of(name: &str, options: Option<DeleteOptions>) -> DeleteRequest {
    DeleteRequest {
        key: name.to_owned(),
        options,
    }
}

/// A step of a transaction.
pub(super) fn set(name: &str, value: &[u8], options: Option<SetOptions>) -> Operation {
    Operation::Set(set_of(name, value, options))
}

/// A step of a transaction.
pub(super) fn delete(name: &str, options: Option<DeleteOptions>) -> Operation {
    Operation::Delete(delete_of(name, options))
}
