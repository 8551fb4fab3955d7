//! Fuzzes the bodies of responses to reads.
//!
//! - The one-pass decoder and the SDK read the same output.
//! - Every body that is read is valid JSON.
//! - The decoded item contains exactly what is stored.

#![no_main]

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::AttributeValue;
use dapr_dynamodb::dynamodb::Client;
use dapr_dynamodb::dynamodb::codec::{BatchGetItem, Codecs, GetItem, Operation};
use dapr_dynamodb::error::Error;
use dapr_dynamodb::http::Response;
use dapr_dynamodb::state::item::{Attributes, CONTENT_TYPE, ETAG, VALUE, decode};
use dapr_dynamodb_fuzz::{EXPIRES, Made, config, read_answer, read_plainly, run, table};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use std::fmt::Debug;
use std::rc::Rc;

/// Seconds since the Unix epoch.
const NOW: u64 = 1_700_000_000;

/// Reads a body with all decoders and checks that they agree. Returns `None` if the body is not a valid response.
fn read<O: Operation<Output: Debug + PartialEq>>(
    body: &[u8],
    input: O::Input,
) -> Option<O::Output> {
    let codecs = Codecs::default();
    let plain = read_plainly::<O>(&codecs, body);
    let sdks = read_answer::<O>(&codecs, body);
    if plain.is_some() {
        assert_eq!(plain, sdks);
    }
    let made = Rc::new(Made::new(vec![Response {
        status: 200,
        headers: vec![],
        body: body.to_vec(),
        crc32: None,
    }]));
    let client = Client::<Made>::new(Rc::clone(&made), config().client);
    let read = run(client.call::<O>(input)).ok()?;
    assert_eq!(Some(&read), sdks.as_ref());
    let json = serde_json::from_slice::<IgnoredAny>(body);
    assert!(json.is_ok(), "a body that is not valid JSON was read");
    Some(read)
}

/// Returns true if this attribute has the wrong type. For the value, also returns true if it is missing.
fn is_foreign(stored: &Attributes, name: &str) -> bool {
    match (name, stored.get(name)) {
        (_, None) => name == VALUE,
        (VALUE, Some(value)) => !(value.is_s() || value.is_b()),
        (ETAG, Some(etag)) => !etag.is_s(),
        (_, Some(expires)) => !expires.as_n().is_ok_and(|n| is_decimal(n)),
    }
}

fn is_decimal(number: &str) -> bool {
    let magnitude = number.strip_prefix('-').unwrap_or(number);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    magnitude.splitn(2, '.').all(is_digits)
}

fn check(stored: &Attributes) {
    match decode(&table(), "the-key", stored.clone(), NOW) {
        Ok(Some(item)) => {
            let bytes = match &stored[VALUE] {
                AttributeValue::S(text) => text.as_bytes(),
                AttributeValue::B(bytes) => bytes.as_ref(),
                other => panic!("{other:?} is not a value"),
            };
            assert_eq!(item.value, bytes);
            let text = |name| stored.get(name).and_then(|value| value.as_s().ok());
            assert_eq!(
                item.etag.as_ref(),
                text(ETAG).filter(|etag| !etag.is_empty())
            );
            assert_eq!(item.content_type.as_ref(), text(CONTENT_TYPE));
            // An expiry within the current second is rounded down to that second.
            assert!(item.expires_at.is_none_or(|at| at >= NOW));
            assert_eq!(item.expires_at.is_some(), stored.contains_key(EXPIRES));
        }
        Ok(None) => {
            let expires = stored[EXPIRES].as_n().expect("a number");
            let whole = expires.split('.').next().unwrap_or_default();
            let seconds = whole.parse::<i128>();
            assert!(seconds.map_or(expires.starts_with('-'), |at| at <= i128::from(NOW)));
        }
        Err(Error::Other(sentence)) => {
            assert!(sentence.contains("\"the-key\"") && sentence.contains("`orders`"));
            let named = |name: &&str| sentence.contains(&format!("`{name}`"));
            let named = [EXPIRES, VALUE, ETAG].into_iter().find(named);
            assert!(
                is_foreign(stored, named.expect("an attribute")),
                "{sentence}"
            );
        }
        Err(error) => panic!("{error}"),
    }
}

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((b'g', body)) => {
            let input = GetItemInput::builder().build().expect("an input");
            let output = read::<GetItem>(body, input);
            output.and_then(|output| output.item).iter().for_each(check);
        }
        Some((_, body)) => {
            let input = BatchGetItemInput::builder().build().expect("an input");
            let output = read::<BatchGetItem>(body, input);
            let responses = output.and_then(|output| output.responses);
            let tables = responses.unwrap_or_default().into_values();
            tables.flatten().for_each(|item| check(&item));
        }
        None => {}
    }
});
