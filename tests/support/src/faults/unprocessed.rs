//! A batch in two parts: what is passed on, and what comes back as unprocessed, as DynamoDB does where
//! it is busy or the answer would be too long.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Reply;

/// A batch in two parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Split {
    /// The request with what is passed on; `None` where that is nothing.
    pub(super) passed_on: Option<Bytes>,
    /// What comes back, by table.
    left: Map<String, Value>,
    /// The member of the answer in which it does.
    member: &'static str,
    /// The answer to a request that is not passed on at all.
    empty: Value,
}

/// Splits the body of a batch after so many of its requests or keys. `None` where it is no batch.
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

/// The requests of a table in BatchWriteItem, its keys in BatchGetItem.
fn list_of(asked: &mut Value) -> Option<&mut Vec<Value>> {
    match asked {
        Value::Array(requests) => Some(requests),
        asked => asked.get_mut("Keys")?.as_array_mut(),
    }
}

impl Split {
    /// The upstream's answer with what it was not asked. An error stays an error.
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
    fn what_is_not_passed_on_comes_back_as_it_was_asked() {
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
    fn the_tables_of_a_batch_are_filled_in_turn() {
        let asked = json!({ "RequestItems": { "t": [1, 2], "u": [3, 4] } });
        let (passed_on, answer) = left_of("BatchWriteItem", asked, 3);
        let passed = json!({ "RequestItems": { "t": [1, 2], "u": [3] } });
        assert_eq!(passed_on, Some(passed));
        assert_eq!(answer, json!({ "UnprocessedItems": { "u": [4] } }));
    }

    #[test]
    fn what_the_upstream_left_itself_comes_back_as_well_and_its_errors_do() {
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
}
