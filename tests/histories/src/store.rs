//! The stores that perform the requests. Each history has its own store, which is empty at the start.
//!
//! The embedded engine is called as a function and not through a network, because the histories simulate the network. A
//! broken store breaks one of its promises. The check has to find every kind of broken store.

use clap::ValueEnum;
use dynoxide::{Database, DynoxideError};
use fastrand::Rng;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::faults::{AwsError, Reply};

/// The table of every history, and its partition key.
pub(super) const TABLE: &str = "histories";
const PARTITION_KEY: &str = "key";

/// A request to DynamoDB.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The name of the operation, such as `PutItem`.
    pub(super) operation: String,
    /// The body, in DynamoDB's JSON.
    pub(super) body: Value,
}

/// A store that performs requests, one at a time.
pub(super) trait Store: Send {
    /// Performs a request.
    fn perform(&mut self, request: &Request) -> Reply;
}

/// The embedded engine, in memory.
pub(super) struct Engine(Database);

impl Engine {
    /// Makes an engine with an empty table.
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
                "unexpected operation {other}: no client of a history sends it"
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

/// A broken store misbehaves in one of this many requests, on average.
const CHANCE: u32 = 3;

/// The way in which a broken store misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Some reads return an old result
    StaleReads,
    /// Some writes are acknowledged but not applied
    LostWrites,
    /// Conditions of single writes are ignored
    IgnoredConditions,
    /// Only the first half of some transactions is applied
    HalfTransactions,
    /// Some conditional writes fail although the condition holds
    FalseMismatches,
    /// Some conditional writes fail but are applied
    WritesUnderMismatches,
    /// Some writes without a condition are applied again later
    RepeatedWrites,
}

impl Fault {
    /// Returns all faults.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }
}

/// The engine behind a fault.
pub(super) struct Broken {
    engine: Engine,
    fault: Fault,
    rng: Rng,
    /// The earlier reads, or the writes to repeat.
    remembered: Vec<(Request, Reply)>,
}

impl Broken {
    pub(super) fn new(engine: Engine, fault: Fault, seed: u64) -> Self {
        Self {
            engine,
            fault,
            rng: Rng::with_seed(seed),
            remembered: Vec::new(),
        }
    }
}

impl Store for Broken {
    fn perform(&mut self, request: &Request) -> Reply {
        let of_one_item = matches!(request.operation.as_str(), "PutItem" | "DeleteItem");
        let conditional = of_one_item && request.body.get("ConditionExpression").is_some();
        let blind = of_one_item && !conditional;
        let transaction = request.operation == "TransactWriteItems";
        let now = self.rng.u32(..CHANCE) == 0;
        match self.fault {
            Fault::StaleReads if request.operation == "GetItem" => self.read(request, now),
            Fault::LostWrites if blind && now => done(),
            Fault::IgnoredConditions => self.engine.perform(&without_condition(request)),
            Fault::HalfTransactions if transaction && now => {
                self.engine.perform(&first_half(request))
            }
            Fault::FalseMismatches if conditional && now => mismatch(),
            Fault::WritesUnderMismatches if conditional && now => {
                self.engine.perform(request);
                mismatch()
            }
            Fault::RepeatedWrites => self.write(request, blind, now),
            _ => self.engine.perform(request),
        }
    }
}

impl Broken {
    /// Returns the result of an earlier equal read if `stale`, else reads the engine.
    fn read(&mut self, request: &Request, stale: bool) -> Reply {
        let same = |(earlier, _): &&(Request, Reply)| earlier.body == request.body;
        let earlier = self.remembered.iter().rev().find(same);
        match earlier {
            Some((_, response)) if stale => response.clone(),
            _ => {
                let response = self.engine.perform(request);
                self.remembered.push((request.clone(), response.clone()));
                response
            }
        }
    }

    /// Performs a write. If `now`, repeats an earlier write first, as if its client had sent it again after losing the
    /// response. Another client may have written in between.
    fn write(&mut self, request: &Request, blind: bool, now: bool) -> Reply {
        let again = self.remembered.pop_if(|_| now);
        if let Some((again, _)) = again {
            self.engine.perform(&again);
        }
        let response = self.engine.perform(request);
        if blind {
            self.remembered.push((request.clone(), response.clone()));
        }
        response
    }
}

fn done() -> Reply {
    Reply::json(StatusCode::OK, &json!({}))
}

fn mismatch() -> Reply {
    let code = "ConditionalCheckFailedException";
    AwsError::new(
        StatusCode::BAD_REQUEST,
        code,
        "The conditional request failed",
    )
    .reply()
}

/// Removes the condition of a single write. A transaction keeps its conditions.
fn without_condition(request: &Request) -> Request {
    let mut request = request.clone();
    if let Value::Object(members) = &mut request.body
        && members.remove("ConditionExpression").is_some()
    {
        members.remove("ExpressionAttributeNames");
        members.remove("ExpressionAttributeValues");
        members.remove("ReturnValuesOnConditionCheckFailure");
    }
    request
}

fn first_half(request: &Request) -> Request {
    let mut request = request.clone();
    if let Some(Value::Array(items)) = request.body.get_mut("TransactItems") {
        items.truncate(items.len().div_ceil(2));
    }
    request
}
