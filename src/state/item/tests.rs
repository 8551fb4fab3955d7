//! Tests of the layout of an item.

use super::*;
use crate::limits::{ITEM_BYTES, item_size};
use crate::test_support::assert_tells;

fn table() -> Table {
    Table {
        name: "orders".to_owned(),
        partition_key: "pk".to_owned(),
        ttl_attribute: Some("expires".to_owned()),
    }
}

fn new_item(value: &[u8]) -> NewItem {
    NewItem {
        value: value.to_vec(),
        etag: new_etag(0xab),
        content_type: Some("text/plain".to_owned()),
        ttl: Some(1_000),
    }
}

/// Returns the attributes of [`new_item`], written at 1,000, so that it expires at 2,000.
fn attributes(key: &str, value: &[u8]) -> Attributes {
    let encoded = encode(&table(), key, new_item(value)).unwrap();
    encoded.into_attributes(&table(), 1_000)
}

#[test]
fn encoded_item_decodes_to_the_same_bytes() {
    for (bytes, text) in [(&b"hello"[..], true), (b"", true), (&[0xff, 0xfe], false)] {
        let attributes = attributes("k", bytes);
        assert_eq!(attributes["value"].is_s(), text);
        assert_eq!(attributes["expires"], AttributeValue::N("2000".into()));
        let item = decode(&table(), "k", attributes, 1_999).unwrap().unwrap();
        assert_eq!(item.value, bytes);
        assert_eq!(item.etag.as_deref(), Some("00000000000000ab"));
        assert_eq!(item.content_type.as_deref(), Some("text/plain"));
        assert_eq!(item.expires_at, Some(2_000));
    }
}

#[test]
fn item_is_absent_from_the_second_of_its_expiry() {
    let attributes = attributes("k", b"v");
    assert_eq!(decode(&table(), "k", attributes, 2_000), Ok(None));
}

#[test]
fn expiry_out_of_range_is_clamped() {
    let largest = format!("9{}", "0".repeat(125));
    for (number, at) in [
        ("-1", None),
        ("-99999999999999999999999999999999999999999", None),
        ("0", None),
        ("18446744073709551616", Some(u64::MAX)),
        (&largest, Some(u64::MAX)),
    ] {
        let mut attributes = attributes("k", b"v");
        attributes.insert("expires".to_owned(), AttributeValue::N(number.to_owned()));
        let item = decode(&table(), "k", attributes, 1_999).unwrap();
        assert_eq!(item.map(|item| item.expires_at), at.map(Some), "{number}");
    }
}

fn at(number: &str, now: u64) -> Option<Option<u64>> {
    let mut attributes = attributes("k", b"v");
    attributes.insert("expires".to_owned(), AttributeValue::N(number.to_owned()));
    let item = decode(&table(), "k", attributes, now).unwrap();
    item.map(|item| item.expires_at)
}

#[test]
fn expiry_with_a_fraction_is_rounded_down() {
    for (number, second) in [
        ("2000.5", 2_000),
        ("2000.999999999999999999999999999999999", 2_000),
        ("2000.0", 2_000),
        ("1700000000.123456", 1_700_000_000),
    ] {
        assert_eq!(at(number, 1_999), Some(Some(second)), "{number}");
    }
    for number in ["0.5", "-0.5", "-2000.5"] {
        assert_eq!(at(number, 1), None, "{number}");
    }
}

/// DynamoDB compares the number with its fraction in `#t <= :now`. A read must not miss an
/// item that prevents a first write.
#[test]
fn reads_and_conditions_agree_on_fractional_expiry() {
    for (number, now, is_there) in [
        ("2000.5", 1_999, true),
        ("2000.5", 2_000, true),
        ("2000.5", 2_001, false),
        ("2000.0", 2_000, false),
        ("2000", 2_000, false),
    ] {
        assert_eq!(at(number, now).is_some(), is_there, "{number} at {now}");
    }
}

#[test]
fn item_matches_only_its_own_key() {
    let item = attributes("k", b"v");
    assert!(is_of_key(&table(), "k", &item));
    assert!(!is_of_key(&table(), "l", &item));
    assert!(!is_of_key(&table(), "k", &Attributes::new()));
    let number = HashMap::from([("pk".to_owned(), AttributeValue::N("1".into()))]);
    assert!(!is_of_key(&table(), "1", &number));
}

#[test]
fn item_over_400_kb_is_too_large() {
    let overhead = item_size(&attributes("k", b""));
    let most = vec![b'x'; ITEM_BYTES - overhead];
    assert!(encode(&table(), "k", new_item(&most)).is_ok());
    let more = vec![b'x'; ITEM_BYTES - overhead + 1];
    let error = encode(&table(), "k", new_item(&more)).unwrap_err();
    assert!(
        matches!(&error, Error::TooLarge(s) if s.contains("\"k\"")),
        "{error}"
    );
}

#[test]
fn content_type_of_another_type_is_ignored() {
    let mut attributes = attributes("k", b"v");
    attributes.insert(CONTENT_TYPE.to_owned(), AttributeValue::N("7".into()));
    let item = decode(&table(), "k", attributes, 0).unwrap().unwrap();
    assert_eq!(item.content_type, None);
    assert_eq!(item.value, b"v");
}

#[test]
fn attribute_of_a_wrong_type_is_named_with_the_key() {
    for (name, value) in [
        ("value", AttributeValue::M(HashMap::new())),
        ("etag", AttributeValue::N("1".into())),
        ("expires", AttributeValue::S("2000".into())),
        ("expires", AttributeValue::N("1.".into())),
        ("expires", AttributeValue::N(".5".into())),
        ("expires", AttributeValue::N("1.5.5".into())),
        ("expires", AttributeValue::N("1.-5".into())),
        ("expires", AttributeValue::N("1E+20".into())),
        ("expires", AttributeValue::N("+1".into())),
        ("expires", AttributeValue::N("-".into())),
        ("expires", AttributeValue::N(String::new())),
    ] {
        let mut attributes = attributes("the-key", b"v");
        attributes.insert(name.to_owned(), value);
        let error = decode(&table(), "the-key", attributes, 0)
            .unwrap_err()
            .to_string();
        assert_tells(&error, &[&*format!("`{name}`"), "the-key"]);
    }
}

#[test]
fn key_has_from_1_to_2048_bytes() {
    assert!(matches!(check_key(""), Err(Error::InvalidArgument(_))));
    assert_eq!(check_key(&"k".repeat(2_048)), Ok(()));
    let long = check_key(&"é".repeat(1_025)).unwrap_err().to_string();
    assert!(long.contains("2050 bytes"), "{long}");
    assert!(long.chars().count() < 200, "{long}");
}
