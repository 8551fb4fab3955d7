//! DynamoDB's rule for a BatchGetItem whose items are all in one partition: its answer holds 1 MB of
//! them at most, and the keys of the others come back as unprocessed, though nothing is throttled.
//!
//! "BatchGetItem returns a partial result if […] more than 1MB per partition is requested": BatchGetItem
//! in the DynamoDB API reference. The embedded DynamoDB knows only the 16 MB of a whole answer.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value};

use super::Reply;

/// Largest part of one partition in an answer, in bytes of items.
const MOST: usize = 1024 * 1024;

/// Cuts the upstream's answer to this request to what one partition gives at a time. Anything but the
/// success of a BatchGetItem stays as it is.
pub(super) fn cut(operation: &str, request: &Bytes, answer: Reply) -> Reply {
    if operation != "BatchGetItem" || answer.status != StatusCode::OK {
        return answer;
    }
    let body = serde_json::from_slice(request)
        .ok()
        .zip(serde_json::from_slice(&answer.body).ok())
        .and_then(|(request, answer)| cut_body(&request, answer));
    match body {
        Some(body) => answer.with_body(Bytes::from(body.to_string())),
        None => answer,
    }
}

/// `None` where either is not what DynamoDB takes or sends.
fn cut_body(request: &Value, mut answer: Value) -> Option<Value> {
    let mut left = Map::new();
    let tables = answer.get_mut("Responses")?.as_object_mut()?;
    for (table, items) in tables {
        let asked = request.get("RequestItems")?.get(table)?;
        let keys = asked.get("Keys")?.as_array()?;
        let items = items.as_array_mut()?;
        let mut room = MOST;
        let mut kept = 0;
        for item in &*items {
            match room.checked_sub(size(item)) {
                Some(rest) => room = rest,
                // The first item comes whatever its size is: no answer is without progress.
                None if kept == 0 => room = 0,
                None => break,
            }
            kept += 1;
        }
        let beyond = items.split_off(kept);
        let beyond = beyond.iter().map(|item| key_of(item, keys));
        let beyond = beyond.collect::<Option<Vec<_>>>()?;
        if !beyond.is_empty() {
            let mut given_back = asked.clone();
            *given_back.get_mut("Keys")? = beyond.into();
            left.insert(table.clone(), given_back);
        }
    }
    let unprocessed = answer.get_mut("UnprocessedKeys")?.as_object_mut()?;
    for (table, mut given_back) in left {
        if let Some(also) = unprocessed.get(&table).and_then(|also| also.get("Keys")) {
            let also = also.as_array()?.clone();
            given_back.get_mut("Keys")?.as_array_mut()?.extend(also);
        }
        unprocessed.insert(table, given_back);
    }
    Some(answer)
}

/// The key by which the item was asked for.
fn key_of(item: &Value, keys: &[Value]) -> Option<Value> {
    let is_of = |key: &&Value| {
        let mut attributes = key.as_object().into_iter().flatten();
        attributes.all(|(name, value)| item.get(name) == Some(value))
    };
    keys.iter().find(is_of).cloned()
}

/// About the size that DynamoDB counts: names and values, of which a binary one is written in base64.
fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    let sizes = attributes.map(|(name, value)| {
        let value = match (value["S"].as_str(), value["B"].as_str()) {
            (Some(text), _) => text.len(),
            (None, Some(base64)) => base64.len() / 4 * 3,
            (None, None) => value.to_string().len(),
        };
        name.len() + value
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(key: &str, bytes: usize) -> Value {
        json!({ "key": { "S": key }, "value": { "S": "x".repeat(bytes) } })
    }

    fn keys(names: &[&str]) -> Value {
        names
            .iter()
            .map(|name| json!({ "key": { "S": name } }))
            .collect()
    }

    fn request(names: &[&str]) -> Value {
        json!({ "RequestItems": { "t": { "Keys": keys(names), "ConsistentRead": true } } })
    }

    fn body(reply: &Reply) -> Value {
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn cut_answer(names: &[&str], answer: &Value) -> Value {
        let request = Bytes::from(request(names).to_string());
        body(&cut(
            "BatchGetItem",
            &request,
            Reply::json(StatusCode::OK, answer),
        ))
    }

    #[test]
    fn beyond_1_mb_the_keys_come_back_as_they_were_asked() {
        let items = ["b", "a", "c"].map(|key| item(key, 400_000));
        let answer = json!({ "Responses": { "t": items }, "UnprocessedKeys": {} });
        let cut = cut_answer(&["a", "b", "c", "d"], &answer);
        let read: Vec<_> = cut["Responses"]["t"].as_array().unwrap().iter().collect();
        assert_eq!(read, [&items[0], &items[1]]);
        let left = json!({ "t": { "Keys": keys(&["c"]), "ConsistentRead": true } });
        assert_eq!(cut["UnprocessedKeys"], left);
    }

    #[test]
    fn what_the_upstream_left_itself_comes_back_as_well() {
        let items = ["a", "b"].map(|key| item(key, 800_000));
        let left = json!({ "t": { "Keys": keys(&["c"]) } });
        let answer = json!({ "Responses": { "t": items }, "UnprocessedKeys": left });
        let cut = cut_answer(&["a", "b", "c"], &answer);
        assert_eq!(cut["Responses"]["t"].as_array().unwrap().len(), 1);
        assert_eq!(cut["UnprocessedKeys"]["t"]["Keys"], keys(&["b", "c"]));
    }

    #[test]
    fn every_answer_makes_progress() {
        let answer = json!({ "Responses": { "t": [item("a", 2_000_000)] }, "UnprocessedKeys": {} });
        assert_eq!(cut_answer(&["a"], &answer), answer);
    }

    #[test]
    fn what_is_small_or_no_batch_stays_as_it_is() {
        let small = json!({ "Responses": { "t": [item("a", 7)] }, "UnprocessedKeys": {} });
        assert_eq!(cut_answer(&["a"], &small), small);
        let busy = Reply::json(StatusCode::BAD_REQUEST, &json!({ "__type": "x" }));
        let asked = Bytes::from(request(&["a"]).to_string());
        assert_eq!(cut("BatchGetItem", &asked, busy.clone()), busy);
        let item = Reply::json(StatusCode::OK, &json!({ "Item": item("a", 2_000_000) }));
        assert_eq!(cut("GetItem", &asked, item.clone()), item);
    }
}
