//! A number keeps every digit that DynamoDB can hold; one that it cannot hold is refused by name.

use crate::binding_create::create;
use crate::fixture::{Table, assert_refused};

#[tokio::test]
async fn every_digit_of_a_number_is_kept() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    for number in [
        "0",
        "-7",
        "9007199254740993",
        "12345678901234567890123456789012345678",
        "-0.12345678901234567890123456789012345678",
        "1234567890123456789.0123456789012345678",
        "3.14159265358979323846264338327950288",
    ] {
        create(&mut binding, &format!(r#"{{"key": "k", "n": {number}}}"#))
            .await
            .unwrap();
        let raw = table.raw("k").await.unwrap();
        assert_eq!(raw["n"]["N"], number);
    }
}

/// The engine may write such a number in another form, as DynamoDB does; its value is what counts.
#[tokio::test]
async fn numbers_with_exponents_keep_their_value() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    for (number, plain) in [
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("25e-1", "2.5"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("100000000000000000000000000000000000000000", "1e41"),
    ] {
        create(&mut binding, &format!(r#"{{"key": "k", "n": {number}}}"#))
            .await
            .unwrap();
        let raw = table.raw("k").await.unwrap();
        let stored = raw["n"]["N"].as_str().unwrap();
        let (stored, plain): (f64, f64) = (stored.parse().unwrap(), plain.parse().unwrap());
        assert!(
            (stored - plain).abs() <= plain.abs() * 1e-15,
            "{number} became {stored}"
        );
    }
}

#[tokio::test]
async fn the_largest_and_the_smallest_numbers_are_taken() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    for number in [
        "9.9999999999999999999999999999999999999E+125",
        "1E-130",
        "-1E-130",
        "1e125",
    ] {
        create(&mut binding, &format!(r#"{{"key": "k", "n": {number}}}"#))
            .await
            .unwrap();
        assert!(table.raw("k").await.unwrap()["n"]["N"].is_string());
    }
}

#[tokio::test]
async fn a_number_of_more_than_38_digits_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    for number in [
        "1234567890123456789012345678901234567890",
        "123456789012345678901234567890123456789",
        "0.1234567890123456789012345678901234567890",
        "1000000000000000000000000000000000000000.1",
    ] {
        let data = format!(r#"{{"key": "k", "amount": {number}}}"#);
        assert_refused(
            create(&mut binding, &data).await,
            "invalid-argument",
            &["amount", "38"],
        );
        let data = format!(r#"{{"key": "k", "list": [{{"amount": {number}}}]}}"#);
        assert_refused(
            create(&mut binding, &data).await,
            "invalid-argument",
            &["amount"],
        );
    }
    assert_eq!(table.raw("k").await, None);
}

#[tokio::test]
async fn a_number_beyond_the_range_is_an_invalid_argument() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    for number in [
        "1e126",
        "-1e126",
        "1e400",
        "1e-131",
        "1e99999999999999999999",
    ] {
        let data = format!(r#"{{"key": "k", "amount": {number}}}"#);
        assert_refused(
            create(&mut binding, &data).await,
            "invalid-argument",
            &["amount"],
        );
    }
    assert_eq!(table.raw("k").await, None);
}

#[tokio::test]
async fn what_json_does_not_call_a_number_is_an_invalid_argument() {
    let mut binding = Table::new().await.settings().await.binding().await;
    for number in [
        "NaN",
        "Infinity",
        "-Infinity",
        "0x1",
        "01",
        "+1",
        ".5",
        "5.",
        "1_000",
        "1e",
        "--1",
    ] {
        let data = format!(r#"{{"key": "k", "n": {number}}}"#);
        assert_refused(
            create(&mut binding, &data).await,
            "invalid-argument",
            &["JSON"],
        );
    }
}

/// The JSON library marks numbers of any precision with a member of this name; a caller's own must stay a member.
#[tokio::test]
async fn an_object_that_looks_like_a_parsers_number_stays_an_object() {
    let table = Table::new().await;
    let mut binding = table.settings().await.binding().await;
    let data = r#"{"key": "k", "odd": {"$serde_json::private::Number": "5"}}"#;
    create(&mut binding, data).await.unwrap();
    let raw = table.raw("k").await.unwrap();
    assert_eq!(raw["odd"]["M"]["$serde_json::private::Number"]["S"], "5");
}
