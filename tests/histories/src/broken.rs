//! Stores that do not keep their promises, each in one way. The checker has to find all of them out.

use clap::ValueEnum;
use fastrand::Rng;
use http::StatusCode;
use serde_json::{Value, json};

use super::store::{Engine, Request, Store};
use test_support::faults::{AwsError, Reply};

/// Of how many chances a broken store takes one, on average.
const CHANCE: u32 = 3;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A read may give what it gave before
    StaleReads,
    /// A write may be acknowledged and not done
    LostWrites,
    /// The conditions of single writes are not looked at
    IgnoredConditions,
    /// Of a transaction only the first half may be done
    HalfTransactions,
    /// A condition that holds may be said not to
    FalseMismatches,
    /// A write may be done and said to be refused
    WritesUnderMismatches,
    /// A write without a condition may be done once more, later
    RepeatedWrites,
}

impl Fault {
    /// All of them.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }
}

/// The engine with a fault before it.
pub(super) struct Broken {
    engine: Engine,
    fault: Fault,
    rng: Rng,
    /// What was read, and what to do again.
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
    /// What the same read gave before, or what is there.
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

    /// As with a client that sends a write again because its answer was lost: another may have written
    /// in between.
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

/// Of one item. A transaction keeps its conditions.
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
