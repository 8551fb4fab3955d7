//! The arguments of calls: options and requests with at most one condition, and texts that a store
//! must keep unchanged.

use dapr_wasm_host::types::{
    Concurrency, DeleteOptions, DeleteRequest, Operation, SetOptions, SetRequest,
};

/// Set only if the item still has this ETag.
pub fn if_etag(etag: &str) -> Option<SetOptions> {
    Some(SetOptions {
        etag: Some(etag.to_owned()),
        ..SetOptions::default()
    })
}

/// Set only if there is no item.
pub fn first_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    })
}

/// Set, whether or not there is an item.
pub fn last_write() -> Option<SetOptions> {
    Some(SetOptions {
        concurrency: Some(Concurrency::LastWrite),
        ..SetOptions::default()
    })
}

/// Set with a time to live in seconds.
pub fn expiring(seconds: i64) -> Option<SetOptions> {
    Some(SetOptions {
        ttl: Some(seconds),
        ..SetOptions::default()
    })
}

/// Set with a media type.
pub fn content_type(media_type: &str) -> Option<SetOptions> {
    Some(SetOptions {
        content_type: Some(media_type.to_owned()),
        ..SetOptions::default()
    })
}

/// Delete only if the item still has this ETag.
pub fn delete_if_etag(etag: &str) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        etag: Some(etag.to_owned()),
        ..DeleteOptions::default()
    })
}

/// Delete with this concurrency.
pub fn delete_with(concurrency: Concurrency) -> Option<DeleteOptions> {
    Some(DeleteOptions {
        concurrency: Some(concurrency),
        ..DeleteOptions::default()
    })
}

/// Returns a set, for a bulk call or a transaction.
pub fn set_of(name: &str, value: &[u8], options: Option<SetOptions>) -> SetRequest {
    SetRequest {
        key: name.to_owned(),
        value: value.to_vec(),
        options,
    }
}

/// Returns a delete, for a bulk call or a transaction.
pub fn delete_of(name: &str, options: Option<DeleteOptions>) -> DeleteRequest {
    DeleteRequest {
        key: name.to_owned(),
        options,
    }
}

/// Returns a set as a step of a transaction.
pub fn set(name: &str, value: &[u8], options: Option<SetOptions>) -> Operation {
    Operation::Set(set_of(name, value, options))
}

/// Returns a delete as a step of a transaction.
pub fn delete(name: &str, options: Option<DeleteOptions>) -> Operation {
    Operation::Delete(delete_of(name, options))
}

/// Texts that are displayed differently than stored, contain a zero that ends a text in some
/// languages, or have a meaning in paths, URLs, queries and expressions. All are different. They
/// also stay different with the common prefix of the keys of a conformance case.
pub const ODD_TEXTS: &[&str] = &[
    "key",
    "k",
    "K",
    " k",
    "k ",
    "\0",
    "a\0b",
    "a",
    "A",
    " a",
    "a ",
    "a\0",
    "\u{1}\u{7f}\u{9f}",
    "\r\n\t",
    "tab\tnewline\n",
    "a\r\nx-injected: 1",
    "\u{202e}txt.exe\u{202c}",
    "\u{feff}a",
    "\u{fdd0}\u{fffe}\u{10ffff}",
    "e\u{301}",
    "é",
    "schlüssel",
    "schlu\u{308}ssel",
    "ß",
    "👩‍👩‍👧‍👦",
    "⏱️",
    "app||actor||k",
    "a/b?c=d&e",
    "../../a",
    "%00",
    "%",
    "\"quoted\"",
    "'",
    "\\u0000",
    "\"},\"x\":{\"S\":\"",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
    "{}",
    "null",
    "-1",
    "0",
    "NaN",
    "1e999",
    "*",
    "a.b",
    "#k",
    ":etag",
];
