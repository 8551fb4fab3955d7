//! Fuzzes the round trip of an item: encoded, written by the SDK, returned by DynamoDB, read by each decoder, and decoded.
//! The result equals the original item.

#![no_main]

use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use dapr_dynamodb::dynamodb::codec::{Codecs, GetItem, PutItem};
use dapr_dynamodb::error::Error;
use dapr_dynamodb::limits::ITEM_BYTES;
use dapr_dynamodb::state::Item;
use dapr_dynamodb::state::item::{NewItem, decode, encode, has_etag, new_etag};
use dapr_dynamodb_fuzz::{PARTITION_KEY, read_answer, read_plainly, table, written};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[derive(arbitrary::Arbitrary, Debug)]
struct Stored {
    key: String,
    content_type: Option<String>,
    random: u64,
    /// In seconds. The item is written at the Unix epoch, so this is also the expiry time.
    ttl: Option<u32>,
    now: u64,
    filling: u32,
    value: Vec<u8>,
}

fuzz_target!(|stored: Stored| {
    let table = table();
    let mut value = stored.value;
    // A few values are about as large as the largest item.
    if stored.filling % 128 == 1 {
        let room = stored.filling as usize / 128 % (ITEM_BYTES + 1_000);
        value.resize(value.len() + room, b'x');
    }
    let etag = new_etag(stored.random);
    let new = NewItem {
        value: value.clone(),
        etag: etag.clone(),
        content_type: stored.content_type.clone(),
        ttl: stored.ttl.map(u64::from),
    };
    let attributes = match encode(&table, &stored.key, new) {
        Ok(encoded) => encoded.into_attributes(&table, 0),
        Err(Error::TooLarge(_)) => {
            let content_type = stored.content_type.map_or(0, |text| text.len());
            let names = "pk value etag contentType expires".len();
            let most = value.len() + stored.key.len() + content_type + etag.len() + names + 20;
            assert!(most > ITEM_BYTES);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(has_etag(&attributes, &etag));
    let codecs = Codecs::default();
    let input = PutItemInput::builder()
        .table_name(&table.name)
        .set_item(Some(attributes.clone()))
        .build()
        .expect("an input");
    let body = written::<PutItem>(&codecs, input);
    assert_eq!(body["Item"][PARTITION_KEY], json!({ "S": stored.key }));
    let answer = json!({ "Item": body["Item"] }).to_string();
    let plain = read_plainly::<GetItem>(&codecs, answer.as_bytes()).expect("a plain answer");
    let sdks = read_answer::<GetItem>(&codecs, answer.as_bytes()).expect("an answer");
    assert_eq!(plain, sdks);
    let read = plain.item.expect("an item");
    assert_eq!(read, attributes);
    let expires_at = stored.ttl.map(u64::from);
    let expired = expires_at.is_some_and(|at| at <= stored.now);
    let item = Item {
        value,
        etag: Some(etag),
        content_type: stored.content_type,
        expires_at,
    };
    let decoded = decode(&table, &stored.key, read, stored.now);
    assert_eq!(decoded, Ok(Some(item).filter(|_| !expired)));
});
