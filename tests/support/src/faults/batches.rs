//! Batches that DynamoDB processes only in part. It returns the rest as unprocessed, because it is
//! busy, or because a response contains at most 1 MB of one partition.
//!
//! "BatchGetItem returns a partial result if […] more than 1MB per partition is requested":
//! BatchGetItem in the DynamoDB API reference. The embedded DynamoDB has only the limit of 16 MB
//! for the whole response.

use super::Reply;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// A batch, split in two.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    /// The request with the entries that are passed on, or `None` if there are none.
    pub(super) passed_on: Option<Bytes>,
    /// The entries (requests or keys) that are returned as unprocessed, by table.
    left: Map<String, Value>,
    /// The member of the response that contains them.
    member: &'static str,
    /// The response if nothing is passed on.
    empty: Value,
}

/// Splits the body of a batch after this many entries. Returns `None` if it is not a batch.
pub(super) fn split(operation: &str, body: &Bytes, first: usize) -> Option<Split> {
    let (member, empty) = match operation {
        "BatchWriteItem" => ("UnprocessedItems", json!({})),
        "BatchGetItem" => ("UnprocessedKeys", json!({ "Responses": {} })),
        _ => return None,
    };
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let tables = request.get_mut("RequestItems")?.as_object_mut()?;
    let mut left = Map::new();
    let mut room = first;
    for (table, asked) in tables.iter_mut() {
        let list = list_of(asked)?;
        let rest = list.split_off(room.min(list.len()));
        room -= list.len();
        if !rest.is_empty() {
            let mut given_back = asked.clone();
            *list_of(&mut given_back)? = rest;
            left.insert(table.clone(), given_back);
        }
    }
    tables.retain(|_, asked| list_of(asked).is_some_and(|list| !list.is_empty()));
    let passed_on = (!tables.is_empty()).then(|| Bytes::from(request.to_string()));
    Some(Split {
        passed_on,
        left,
        member,
        empty,
    })
}

/// Returns the requests of a table in BatchWriteItem, or its keys in BatchGetItem.
fn list_of(asked: &mut Value) -> Option<&mut Vec<Value>> {
    match asked {
        Value::Array(requests) => Some(requests),
        asked => asked.get_mut("Keys")?.as_array_mut(),
    }
}

impl Split {
    /// Returns the upstream's response with the unprocessed entries added. An error response stays
    /// unchanged.
    pub(super) fn joined(self, answer: Option<Reply>) -> Reply {
        let answer = answer.unwrap_or_else(|| Reply::json(StatusCode::OK, &self.empty));
        let body = serde_json::from_slice::<Map<String, Value>>(&answer.body);
        let (StatusCode::OK, Ok(mut body)) = (answer.status, body) else {
            return answer;
        };
        let of_upstream = body.remove(self.member);
        let mut left = self.left;
        if let Some(Value::Object(tables)) = of_upstream {
            for (table, mut more) in tables {
                match left.get_mut(&table).and_then(list_of) {
                    Some(list) => list.append(list_of(&mut more).unwrap_or(&mut Vec::new())),
                    None => drop(left.insert(table, more)),
                }
            }
        }
        body.insert(self.member.to_owned(), left.into());
        answer.with_body(Bytes::from(Value::Object(body).to_string()))
    }
}

/// The maximum size of the items of one partition in a response, in bytes.
const PARTITION: usize = 1024 * 1024;

/// Cuts the upstream's response to the amount that one partition returns at a time. Everything
/// except a successful BatchGetItem stays unchanged.
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

/// Returns `None` if the request or the response does not have DynamoDB's shape.
fn cut_body(request: &Value, mut answer: Value) -> Option<Value> {
    let mut left = Map::new();
    let tables = answer.get_mut("Responses")?.as_object_mut()?;
    for (table, items) in tables {
        let asked = request.get("RequestItems")?.get(table)?;
        let keys = asked.get("Keys")?.as_array()?;
        let items = items.as_array_mut()?;
        let mut room = PARTITION;
        let mut kept = 0;
        for item in &*items {
            match room.checked_sub(size(item)) {
                Some(rest) => room = rest,
                // The first item is returned whatever its size, so every response makes progress.
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

/// Returns the requested key of this item.
fn key_of(item: &Value, keys: &[Value]) -> Option<Value> {
    let is_of = |key: &&Value| {
        let mut attributes = key.as_object().into_iter().flatten();
        attributes.all(|(name, value)| item.get(name) == Some(value))
    };
    keys.iter().find(is_of).cloned()
}

/// Returns roughly the size that DynamoDB counts: names and values. A binary value is in base64
/// here.
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
    use super::*;

    fn left_of(operation: &str, body: Value, first: usize) -> (Option<Value>, Value) {
        let split = split(operation, &Bytes::from(body.to_string()), first).unwrap();
        let passed_on = split.passed_on.clone();
        let passed_on = passed_on.map(|body| serde_json::from_slice(&body).unwrap());
        let answer = Reply::json(StatusCode::OK, &json!({}));
        let joined = split.joined(Some(answer));
        (passed_on, serde_json::from_slice(&joined.body).unwrap())
    }

    #[test]
    fn entries_not_passed_on_are_returned_unprocessed() {
        let keys = |names: &[&str]| json!({ "t": { "Keys": names, "ConsistentRead": true } });
        let asked = json!({ "RequestItems": keys(&["a", "b", "c"]) });
        let (passed_on, answer) = left_of("BatchGetItem", asked.clone(), 1);
        assert_eq!(passed_on, Some(json!({ "RequestItems": keys(&["a"]) })));
        assert_eq!(answer, json!({ "UnprocessedKeys": keys(&["b", "c"]) }));
        let (passed_on, answer) = left_of("BatchGetItem", asked.clone(), 0);
        assert_eq!(passed_on, None);
        assert_eq!(answer, json!({ "UnprocessedKeys": keys(&["a", "b", "c"]) }));
        let (passed_on, answer) = left_of("BatchGetItem", asked.clone(), 9);
        assert_eq!(
            (passed_on, answer),
            (Some(asked), json!({ "UnprocessedKeys": {} }))
        );
    }

    #[test]
    fn tables_of_a_batch_are_filled_one_after_another() {
        let asked = json!({ "RequestItems": { "t": [1, 2], "u": [3, 4] } });
        let (passed_on, answer) = left_of("BatchWriteItem", asked, 3);
        let passed = json!({ "RequestItems": { "t": [1, 2], "u": [3] } });
        assert_eq!(passed_on, Some(passed));
        assert_eq!(answer, json!({ "UnprocessedItems": { "u": [4] } }));
    }

    #[test]
    fn unprocessed_entries_and_errors_of_upstream_are_returned() {
        let asked = Bytes::from(json!({ "RequestItems": { "t": [1, 2, 3] } }).to_string());
        let half = split("BatchWriteItem", &asked, 2).unwrap();
        let busy = json!({ "UnprocessedItems": { "t": [2] } });
        let joined = half
            .clone()
            .joined(Some(Reply::json(StatusCode::OK, &busy)));
        let body: Value = serde_json::from_slice(&joined.body).unwrap();
        assert_eq!(body, json!({ "UnprocessedItems": { "t": [3, 2] } }));
        let refused = Reply::json(StatusCode::BAD_REQUEST, &json!({ "__type": "x" }));
        assert_eq!(half.joined(Some(refused.clone())), refused);
    }

    #[test]
    fn only_batches_are_split() {
        assert_eq!(split("PutItem", &Bytes::from_static(b"{}"), 1), None);
        assert_eq!(split("BatchGetItem", &Bytes::from_static(b"[]"), 1), None);
    }

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
    fn keys_beyond_1_mb_are_returned_unprocessed() {
        let items = ["b", "a", "c"].map(|key| item(key, 400_000));
        let answer = json!({ "Responses": { "t": items }, "UnprocessedKeys": {} });
        let cut = cut_answer(&["a", "b", "c", "d"], &answer);
        let read: Vec<_> = cut["Responses"]["t"].as_array().unwrap().iter().collect();
        assert_eq!(read, [&items[0], &items[1]]);
        let left = json!({ "t": { "Keys": keys(&["c"]), "ConsistentRead": true } });
        assert_eq!(cut["UnprocessedKeys"], left);
    }

    #[test]
    fn unprocessed_keys_of_the_upstream_are_returned_too() {
        let items = ["a", "b"].map(|key| item(key, 800_000));
        let left = json!({ "t": { "Keys": keys(&["c"]) } });
        let answer = json!({ "Responses": { "t": items }, "UnprocessedKeys": left });
        let cut = cut_answer(&["a", "b", "c"], &answer);
        assert_eq!(cut["Responses"]["t"].as_array().unwrap().len(), 1);
        assert_eq!(cut["UnprocessedKeys"]["t"]["Keys"], keys(&["b", "c"]));
    }

    #[test]
    fn every_response_makes_progress() {
        let answer = json!({ "Responses": { "t": [item("a", 2_000_000)] }, "UnprocessedKeys": {} });
        assert_eq!(cut_answer(&["a"], &answer), answer);
    }

    #[test]
    fn small_responses_and_other_operations_are_unchanged() {
        let small = json!({ "Responses": { "t": [item("a", 7)] }, "UnprocessedKeys": {} });
        assert_eq!(cut_answer(&["a"], &small), small);
        let busy = Reply::json(StatusCode::BAD_REQUEST, &json!({ "__type": "x" }));
        let asked = Bytes::from(request(&["a"]).to_string());
        assert_eq!(cut("BatchGetItem", &asked, busy.clone()), busy);
        let item = Reply::json(StatusCode::OK, &json!({ "Item": item("a", 2_000_000) }));
        assert_eq!(cut("GetItem", &asked, item.clone()), item);
    }
}
