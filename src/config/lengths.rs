//! A value is taken whole up to a length and refused by the name of its field
//! beyond, and is quoted with an end.

use super::Config;
use crate::error::Error;
use crate::test_support::Folder;

/// A configuration whose one field is as long as that.
fn with(field: &str, length: usize) -> Result<Config, Error> {
    let given = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let metadata = [
        given("table", "orders"),
        given("endpoint", "http://localhost:8000"),
        given("accessKey", "AKID"),
        given("secretKey", "secret"),
        given(field, &"9".repeat(length)),
    ];
    Config::parse(&metadata, &|_| None, &Folder::default())
}

#[test]
fn a_value_of_any_length_is_taken_whole_or_refused_by_the_name_of_its_field() {
    for (field, longest) in [
        ("table", 1_024),
        ("region", 255),
        ("accessKey", 65_536),
        ("secretKey", 65_536),
        ("sessionToken", 65_536),
        ("partitionKey", 255),
        ("ttlAttributeName", 255),
    ] {
        assert!(with(field, longest).is_ok(), "{field}");
        for length in [longest + 1, 1_000_000] {
            let Err(Error::InvalidConfiguration(sentence)) = with(field, length) else {
                panic!("{field} of {length}");
            };
            assert!(sentence.contains(field), "{sentence}");
            assert!(sentence.len() < 400, "{} bytes", sentence.len());
        }
    }
}

#[test]
fn what_is_parsed_is_quoted_with_an_end() {
    for field in [
        "endpoint",
        "consistency",
        "maxAttempts",
        "connectTimeout",
        "requestTimeout",
    ] {
        let error = with(field, 1_000_000).unwrap_err().to_string();
        assert!(error.contains(field) && error.len() < 400, "{field}");
    }
}
