//! Fuzzes the binding. The first line of the input is the name of an operation, and the rest is its data.
//!
//! - The sent item is what `serde_json` reads in the data, with each number as it is written.
//! - Data that DynamoDB can store is not refused.
//! - A refused call sends nothing.

#![no_main]

use dapr_dynamodb::binding::{OPERATIONS, Response};
use dapr_dynamodb::error::Error;
use dapr_dynamodb::limits::{ATTRIBUTE_NAME_BYTES, NESTING_LEVELS};
use dapr_dynamodb_fuzz::{Made, config, hides_the_secret, run};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::rc::Rc;

/// Panics if `sent`, an attribute value, does not equal `given`.
fn check(sent: &Value, given: &Value, data: &str) {
    let [(kind, sent)] = &sent
        .as_object()
        .expect("an object")
        .iter()
        .collect::<Vec<_>>()[..]
    else {
        panic!("{sent} does not have exactly one type")
    };
    match (kind.as_str(), given) {
        ("S", Value::String(_)) | ("BOOL", Value::Bool(_)) => assert_eq!(*sent, given),
        ("NULL", Value::Null) => assert_eq!(**sent, Value::Bool(true)),
        ("N", Value::Number(given)) => {
            let sent = sent.as_str().expect("a number in a string");
            let (sent_number, given) = (sent.parse::<f64>(), given.as_f64());
            // `serde_json` rounds some numbers to a neighbour of the nearest float.
            let difference = sent_number.unwrap_or(f64::NAN) / given.unwrap_or(f64::NAN) - 1.0;
            let none = sent == "0" && given == Some(0.0);
            assert!(none || difference.abs() < 1e-12, "{sent}");
            assert!(
                sent == "0" || data.contains(sent),
                "{sent} is not as written"
            );
        }
        ("L", Value::Array(given)) => {
            let sent = sent.as_array().expect("a list");
            assert_eq!(sent.len(), given.len());
            let pairs = sent.iter().zip(given);
            pairs.for_each(|(sent, given)| check(sent, given, data));
        }
        ("M", Value::Object(given)) => members(sent, given, data),
        other => panic!("{other:?}"),
    }
}

fn members(sent: &Value, given: &Map<String, Value>, data: &str) {
    let sent = sent.as_object().expect("an object");
    assert_eq!(sent.len(), given.len());
    for (name, given) in given {
        check(&sent[name], given, data);
    }
}

/// Returns true if DynamoDB certainly can store the value.
fn can_be_held(value: &Value, levels: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_i64(),
        Value::Array(values) => levels > 0 && values.iter().all(|v| can_be_held(v, levels - 1)),
        Value::Object(members) => levels > 0 && all_can_be_held(members, levels - 1),
    }
}

fn all_can_be_held(members: &Map<String, Value>, levels: usize) -> bool {
    members.iter().all(|(name, value)| {
        (1..=ATTRIBUTE_NAME_BYTES).contains(&name.len()) && can_be_held(value, levels)
    })
}

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (operation, data) = input.split_at(end.unwrap_or(input.len()));
    let Ok(operation) = std::str::from_utf8(operation) else {
        return;
    };
    let made = Rc::new(Made::new(vec![dapr_dynamodb::http::Response {
        status: 200,
        headers: vec![],
        body: b"{}".to_vec(),
        crc32: None,
    }]));
    let binding = config().binding::<Made>(Rc::clone(&made));
    let answer = run(binding.invoke(operation, data));
    let given = serde_json::from_slice::<Value>(data).ok();
    let sent = made.sent();
    match answer {
        Ok(response) => {
            assert_eq!(response, Response::default());
            let [request] = &sent[..] else {
                panic!("{} requests", sent.len())
            };
            assert_eq!(request.operation, "PutItem");
            assert_eq!(request.body["TableName"], "orders");
            let Some(given) = given else {
                // If a name is repeated, the binding reads only its last value, but `serde_json` reads all of them.
                let skimmed = serde_json::from_slice::<IgnoredAny>(data);
                assert!(skimmed.is_ok() && data.trim_ascii().starts_with(b"{"));
                return;
            };
            let given = given.as_object().expect("an object");
            let data = std::str::from_utf8(data).expect("JSON is text");
            members(&request.body["Item"], given, data);
        }
        Err(error) => {
            assert!(sent.is_empty(), "{error}");
            let sentence = error.clone().redacted().to_string();
            hides_the_secret(&sentence);
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            assert!(sentence.len() < 2_000, "{sentence:?}");
            let known = OPERATIONS.contains(&operation);
            assert_eq!(matches!(error, Error::Unsupported(_)), !known);
            if known && let Some(Value::Object(given)) = given {
                let refused = given.is_empty() || !all_can_be_held(&given, NESTING_LEVELS);
                assert!(refused, "{sentence}");
            }
        }
    }
});
