//! The upstream is asked what each request consumes, and the request is otherwise the client's own.

use bytes::Bytes;
use serde_json::{Map, Value};

/// The request with `ReturnConsumedCapacity`. What is no JSON object stays as it is.
pub(super) fn asking(body: &Bytes) -> Bytes {
    let Ok(mut request) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return body.clone();
    };
    request.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    Bytes::from(Value::Object(request).to_string())
}

/// The capacity units in an answer: for one table, or the sum over a list of tables.
pub(super) fn consumed(answer: &Bytes) -> Option<f64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    match answer.get("ConsumedCapacity")? {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => units(table),
    }
}

fn units(table: &Value) -> Option<f64> {
    table["CapacityUnits"].as_f64()
}
