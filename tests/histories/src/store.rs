//! Who performs the requests: the embedded engine, called as a function, because the way there is what
//! the histories vary. Each history has one of its own, empty at first.

use dynoxide::{Database, DynoxideError};
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use test_support::faults::Reply;

/// The table of every history, and its partition key.
pub(super) const TABLE: &str = "histories";
const PARTITION_KEY: &str = "key";

/// A request as DynamoDB has it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Such as `PutItem`.
    pub(super) operation: String,
    /// In DynamoDB's JSON.
    pub(super) body: Value,
}

/// Something that performs requests, one at a time.
pub(super) trait Store: Send {
    /// Performs a request.
    fn perform(&mut self, request: &Request) -> Reply;
}

/// The embedded engine, in memory.
pub(super) struct Engine(Database);

impl Engine {
    /// With an empty table.
    pub(super) fn new() -> Result<Self, DynoxideError> {
        let database = Database::memory()?;
        let table = serde_json::from_value(json!({
            "TableName": TABLE,
            "KeySchema": [{ "AttributeName": PARTITION_KEY, "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": PARTITION_KEY, "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        }));
        let table = table.map_err(|error| DynoxideError::SerializationException(error.to_string()));
        database.create_table(table?)?;
        Ok(Self(database))
    }
}

impl Store for Engine {
    fn perform(&mut self, request: &Request) -> Reply {
        let body = request.body.clone();
        let database = &self.0;
        let performed = match request.operation.as_str() {
            "GetItem" => call(body, |get| database.get_item(get)),
            "PutItem" => call(body, |put| database.put_item(put)),
            "DeleteItem" => call(body, |delete| database.delete_item(delete)),
            "BatchGetItem" => call(body, |get| database.batch_get_item(get)),
            "BatchWriteItem" => call(body, |write| database.batch_write_item(write)),
            "TransactWriteItems" => call(body, |write| database.transact_write_items(write)),
            other => Err(DynoxideError::ValidationException(format!(
                "no client of a history sends {other}"
            ))),
        };
        match performed {
            Ok(body) => Reply::json(StatusCode::OK, &body),
            Err(error) => {
                let status = StatusCode::from_u16(error.status_code());
                let body = serde_json::from_str(&error.to_json()).unwrap_or_default();
                Reply::json(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
            }
        }
    }
}

fn call<I: DeserializeOwned, O: Serialize>(
    body: Value,
    perform: impl FnOnce(I) -> Result<O, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let not_json =
        |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let request = serde_json::from_value(body).map_err(not_json)?;
    serde_json::to_value(perform(request)?).map_err(not_json)
}
