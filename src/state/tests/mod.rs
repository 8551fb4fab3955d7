//! Tests of the store against scripted responses that no real engine sends on demand.
//! They check the outcome of every key, the number and content of the requests, and the
//! waits between them.

mod blind_writes;
mod bulk_progress;
mod bulk_refusals;
mod bulk_sizes;
mod conditions_at_a_retry;
mod repeated_writes;
mod requests_in_order;
mod secrets;
mod server_time;
mod transaction_retries;
mod transactions;
mod unprocessed_reads;
mod unprocessed_writes;

use super::{
    Concurrency, DeleteOptions, DeleteRequest, Item, Operation, SetOptions, SetRequest, StateStore,
};
use crate::error::Error;
use crate::http::{Response, TransportError};
use crate::test_support::{Scene, Scripted, Sent, config, html, json, refusal, refused};
use serde_json::{Value, json};
use std::time::Duration;

/// The random number that makes every wait half of its bound.
const HALF: u64 = 1 << 63;

fn store(platform: Scripted) -> StateStore<Scripted> {
    config().store(platform)
}

/// Returns a store whose requests meet these scenes. Its waits are half of their bound.
fn scripted<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> StateStore<Scripted> {
    store(Scripted::new(scenes).random(HALF))
}

/// Returns a store whose requests meet the scene that `scene` makes from their number, from 1,
/// and their content. Its waits are half of their bound.
fn answering<S: Into<Scene>>(
    mut scene: impl FnMut(usize, &Sent) -> S + 'static,
) -> StateStore<Scripted> {
    let mut number = 0;
    let platform = Scripted::answering(move |sent| {
        number += 1;
        scene(number, sent)
    });
    store(platform.random(HALF))
}

impl StateStore<Scripted> {
    fn requests(&self) -> Vec<Sent> {
        self.client.platform().requests()
    }

    fn operations(&self) -> Vec<String> {
        let requests = self.requests();
        requests
            .iter()
            .map(|sent| sent.operation().to_owned())
            .collect()
    }

    /// Returns the waits in milliseconds.
    fn waits(&self) -> Vec<f64> {
        let waits = self.client.platform().waits();
        waits.iter().map(|wait| wait.as_secs_f64() * 1e3).collect()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("k{n:03}")).collect()
}

fn set(key: &str) -> SetRequest {
    SetRequest {
        key: key.to_owned(),
        value: b"v".to_vec(),
        options: SetOptions::default(),
    }
}

fn first_write(key: &str) -> SetRequest {
    let options = SetOptions {
        concurrency: Some(Concurrency::FirstWrite),
        ..SetOptions::default()
    };
    SetRequest {
        options,
        ..set(key)
    }
}

fn set_if(key: &str, etag: &str) -> SetRequest {
    let options = SetOptions {
        etag: Some(etag.to_owned()),
        ..SetOptions::default()
    };
    SetRequest {
        options,
        ..set(key)
    }
}

fn delete(key: &str) -> DeleteRequest {
    DeleteRequest {
        key: key.to_owned(),
        options: DeleteOptions::default(),
    }
}

fn delete_if(key: &str, etag: &str) -> DeleteRequest {
    DeleteRequest {
        key: key.to_owned(),
        options: DeleteOptions {
            etag: Some(etag.to_owned()),
        },
    }
}

/// Returns an item as DynamoDB stores it under `key`.
fn stored(key: &str) -> Value {
    json!({"pk": {"S": key}, "value": {"S": "v"}, "etag": {"S": "e"}})
}

/// Returns the item of [`stored`] as the store returns it.
fn got() -> Item {
    Item {
        value: b"v".to_vec(),
        etag: Some("e".to_owned()),
        content_type: None,
        expires_at: None,
    }
}

/// Returns the response to a BatchGetItem with the keys that it found and left unprocessed.
fn found<K: AsRef<str>>(found: &[K], left: &[K]) -> Response {
    let items: Vec<_> = found.iter().map(|key| stored(key.as_ref())).collect();
    let keys: Vec<_> = left
        .iter()
        .map(|key| json!({"pk": {"S": key.as_ref()}}))
        .collect();
    let left = match keys.is_empty() {
        true => json!({}),
        false => json!({"orders": {"Keys": keys}}),
    };
    json(&json!({"Responses": {"orders": items}, "UnprocessedKeys": left}))
}

/// Returns the keys that a BatchGetItem requests.
fn asked(sent: &Sent) -> Vec<String> {
    assert_eq!(sent.operation(), "BatchGetItem");
    let keys = sent.json()["RequestItems"]["orders"]["Keys"].clone();
    keys.as_array().unwrap().iter().map(key_of).collect()
}

fn key_of(attributes: &Value) -> String {
    attributes["pk"]["S"].as_str().unwrap().to_owned()
}

/// Returns the writes of a BatchWriteItem by key, with the ETag of a put.
fn written(sent: &Sent) -> Vec<(String, Option<String>)> {
    assert_eq!(sent.operation(), "BatchWriteItem");
    let requests = sent.json()["RequestItems"]["orders"].clone();
    let mut written: Vec<_> = requests.as_array().unwrap().iter().map(write_of).collect();
    written.sort();
    written
}

fn write_of(request: &Value) -> (String, Option<String>) {
    match request.get("PutRequest") {
        Some(put) => (
            key_of(&put["Item"]),
            put["Item"]["etag"]["S"].as_str().map(str::to_owned),
        ),
        None => (key_of(&request["DeleteRequest"]["Key"]), None),
    }
}

/// Returns the keys of a BatchWriteItem.
fn written_keys(sent: &Sent) -> Vec<String> {
    written(sent).into_iter().map(|(key, _)| key).collect()
}

/// Returns a response to this BatchWriteItem that leaves the keys that `left` selects
/// unprocessed.
fn leaving(sent: &Sent, left: impl Fn(&str) -> bool) -> Response {
    let requests = sent.json()["RequestItems"]["orders"].clone();
    let mut requests = requests.as_array().unwrap().clone();
    requests.retain(|request| left(&write_of(request).0));
    match requests.is_empty() {
        true => json(&json!({"UnprocessedItems": {}})),
        false => json(&json!({"UnprocessedItems": {"orders": requests}})),
    }
}

/// Returns the error of a key that DynamoDB left unprocessed in every attempt.
fn left(key: &str) -> Error {
    Error::Throttled(format!(
        "key \"{key}\": DynamoDB left it unprocessed in every attempt: try again later"
    ))
}

/// Returns the response of a transaction that is cancelled for these reasons, each a code and
/// a message.
fn cancelled(reasons: &[(&str, &str)]) -> Response {
    let reasons: Vec<_> = reasons
        .iter()
        .map(|(code, words)| json!({"Code": code, "Message": words}))
        .collect();
    json(&json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled",
        "CancellationReasons": reasons,
    }))
}

fn sets(requests: Vec<SetRequest>) -> Vec<Operation> {
    requests.into_iter().map(Operation::Set).collect()
}

/// Returns failures of attempts that may have been applied although no success came back.
fn lost_answers() -> [Scene; 5] {
    [
        TransportError::Timeout.into(),
        TransportError::Reset("cause".to_owned()).into(),
        TransportError::Damaged("cause".to_owned()).into(),
        refusal(500, "InternalServerError").into(),
        html(502).into(),
    ]
}
