//! Fuzzes keys.
//!
//! - A key is sent unchanged, or refused before anything is sent.
//! - Error messages quote it, with a length limit and without control characters.

#![no_main]

use dapr_dynamodb::error::Error;
use dapr_dynamodb::http::Response;
use dapr_dynamodb::limits::PARTITION_KEY_BYTES;
use dapr_dynamodb::state::item::check_key;
use dapr_dynamodb::text::quote;
use dapr_dynamodb_fuzz::{Made, PARTITION_KEY, config, run};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use std::rc::Rc;

/// Returns true for characters that change how a terminal shows the following text.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fuzz_target!(|key: &str| {
    let quoted = quote(key);
    assert!(!quoted.contains(is_obeyed), "{quoted:?}");
    assert!(quoted.len() < 1_000);
    let absent = Response {
        status: 200,
        headers: vec![],
        body: b"{}".to_vec(),
        crc32: None,
    };
    let made = Rc::new(Made::new(vec![absent]));
    let store = config().store::<Made>(Rc::clone(&made));
    let answer = run(store.get(key.to_owned(), None));
    let sent = made.sent();
    if (1..=PARTITION_KEY_BYTES).contains(&key.len()) {
        assert_eq!((check_key(key), answer), (Ok(()), Ok(None)));
        assert_eq!(sent[0].body["Key"], json!({ PARTITION_KEY: { "S": key } }));
    } else {
        let Err(Error::InvalidArgument(sentence)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (check_key(key), sent.len()),
            (Err(Error::InvalidArgument(sentence.clone())), 0)
        );
        assert!(key.is_empty() || sentence.contains(&quoted), "{sentence}");
    }
});
