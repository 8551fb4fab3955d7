//! Fuzzes the calls of the state store. The first byte of the input chooses the call. Then each line is one response of
//! DynamoDB: a digit for the status, then the body. In the body, `@@` stands for a secret of the request.
//!
//! - A read returns only values that a response contains for that key.
//! - A write succeeds only if a response says so.
//! - No error shows a secret.
//! - Every call ends.

#![no_main]

use dapr_dynamodb::error::Error;
use dapr_dynamodb::http::Response;
use dapr_dynamodb::state::{
    Concurrency, DeleteOptions, DeleteRequest, Item, Operation, SetOptions, SetRequest,
};
use dapr_dynamodb_fuzz::{MARKER, Made, PARTITION_KEY, config, hides_the_secret, run};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::rc::Rc;

/// The maximum number of requests of a call: four attempts for each repetition of unprocessed keys.
const REQUESTS: usize = 40;

/// The placeholder in a body for the secret that the request was signed with.
const ECHO: &[u8] = b"@@";

fn echoing(body: &[u8]) -> Vec<u8> {
    let Some(place) = body.windows(ECHO.len()).position(|part| part == ECHO) else {
        return body.to_vec();
    };
    let (before, after) = body.split_at(place);
    [before, MARKER.as_bytes(), &after[ECHO.len()..]].concat()
}

fn answer(line: &[u8]) -> Response {
    let (status, body) = match line.split_first() {
        Some((b'2', body)) => (200, body),
        Some((b'3', body)) => (302, body),
        Some((b'4', body)) => (400, body),
        Some((b'5', body)) => (500, body),
        _ => (200, line),
    };
    Response {
        status,
        headers: vec![(
            "content-type".to_owned(),
            b"application/x-amz-json-1.0".to_vec(),
        )],
        body: echoing(body),
        crc32: None,
    }
}

fn set(key: &str, options: SetOptions) -> SetRequest {
    SetRequest {
        key: key.to_owned(),
        value: b"v".to_vec(),
        options,
    }
}

fn delete(key: &str, etag: Option<&str>) -> DeleteRequest {
    DeleteRequest {
        key: key.to_owned(),
        options: DeleteOptions {
            etag: etag.map(str::to_owned),
        },
    }
}

fn if_etag() -> SetOptions {
    SetOptions {
        etag: Some("e".to_owned()),
        ..SetOptions::default()
    }
}

fn first_write() -> SetOptions {
    SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    }
}

/// Returns the items in a response to a read.
fn items(body: &Value) -> Vec<&Value> {
    let many = body["Responses"]["orders"].as_array();
    many.into_iter().flatten().chain(body.get("Item")).collect()
}

/// Returns true if a response to a read can mean that an item is absent.
fn is_answer(body: &Value) -> bool {
    let members = ["Item", "Responses", "UnprocessedKeys", "ConsumedCapacity"];
    let known = |body: &Map<String, Value>| members.iter().any(|name| body.contains_key(*name));
    let object = body.as_object();
    object.is_some_and(|body| body.is_empty() || known(body))
}

/// Panics if no response contains the value for this key.
fn check_read(key: &str, found: Result<Option<Item>, Error>, answers: &[Value]) {
    match found {
        Ok(Some(item)) => {
            let mut items = answers.iter().flat_map(items);
            let is_found = items.any(|stored| {
                let text = stored["value"]["S"].as_str();
                let is_value = text.is_none_or(|text| text.as_bytes() == item.value);
                stored[PARTITION_KEY]["S"] == key && is_value
            });
            assert!(is_found, "no response contains {item:?} for {key}");
        }
        Ok(None) => {
            let mut expired = answers.iter().flat_map(items);
            let expired = expired.any(|stored| stored[PARTITION_KEY]["S"] == key);
            assert!(
                expired || answers.iter().any(is_answer),
                "no response means that {key} is absent"
            );
        }
        Err(error) => check_error(&error),
    }
}

fn check_error(error: &Error) {
    let sentence = error.clone().redacted().to_string();
    hides_the_secret(&sentence);
    assert!(!sentence.contains(char::is_control), "{sentence:?}");
}

/// Panics if the write succeeded although no response says so. Also panics if it failed definitely although no response
/// came from DynamoDB.
fn check_write<T>(result: Result<T, Error>, answers: &[Response], successes: &[Value]) {
    match result {
        Ok(_) => {
            let conflict = |answer: &Response| answer.status == 400;
            let any = successes.iter().any(Value::is_object) || answers.iter().any(conflict);
            assert!(any, "the write succeeded, but no response says so");
        }
        Err(error) => {
            check_error(&error);
            let all_are_foreign = answers.iter().all(|answer| {
                let json = serde_json::from_slice::<Value>(&answer.body);
                answer.status == 200 && !json.is_ok_and(|json| json.is_object())
            });
            let unknown = error.leaves_the_outcome_unknown();
            assert!(unknown || !all_are_foreign, "{error}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((call, lines)) = data.split_first() else {
        return;
    };
    let answers: Vec<Response> = lines.split(|byte| *byte == b'\n').map(answer).collect();
    let successes = answers.iter().filter(|answer| answer.status == 200);
    let mut read = Vec::new();
    for answer in successes {
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(body) => read.push(body),
            // Skip bodies that are valid JSON but that `serde_json` cannot read, such as half a surrogate pair.
            Err(_) if serde_json::from_slice::<IgnoredAny>(&answer.body).is_ok() => return,
            Err(_) => {}
        }
    }
    let successes = read;
    let made = Rc::new(Made::new(answers.clone()));
    let store = config().store::<Made>(Rc::clone(&made));
    let write = |result| check_write(result, &answers, &successes);
    let all = |results: Vec<Result<(), Error>>| {
        assert_eq!(results.len(), 2);
        results.into_iter().for_each(write);
    };
    match call {
        b'g' => {
            let found = run(store.get("k".to_owned(), None));
            check_read("k", found, &successes);
        }
        b'b' => {
            let keys = ["k", "l", "k"];
            let found = run(store.bulk_get(keys.map(str::to_owned).to_vec(), None));
            assert!(found.len() == 3 && found[0] == found[2]);
            let each = keys.into_iter().zip(found);
            each.for_each(|(key, found)| check_read(key, found, &successes));
        }
        b's' => write(run(store.set(set("k", SetOptions::default()))).map(drop)),
        b'e' => write(run(store.set(set("k", if_etag()))).map(drop)),
        b'f' => write(run(store.set(set("k", first_write()))).map(drop)),
        b'd' => write(run(store.delete(delete("k", None)))),
        b'x' => write(run(store.delete(delete("k", Some("e"))))),
        b'S' => {
            let sets = ["k", "l"].map(|key| set(key, SetOptions::default()));
            let results = run(store.bulk_set(sets.to_vec()));
            all(results.into_iter().map(|result| result.map(drop)).collect());
        }
        b'D' => all(run(
            store.bulk_delete(vec![delete("k", None), delete("l", None)])
        )),
        b't' => {
            let operations = vec![
                Operation::Set(set("k", if_etag())),
                Operation::Delete(delete("l", Some("e"))),
            ];
            write(run(store.transact(operations)).map(drop));
        }
        _ => {
            if let Err(error) = run(store.ping()) {
                check_error(&error);
            }
        }
    }
    assert!(made.sent().len() <= REQUESTS);
});
