//! The capacity units of a request by AWS's published rules, from the request and from the sizes of the items that it finds.
//!
//! Sources in the DynamoDB Developer Guide:
//!
//! - capacity units of [read and write operations], and sizes of [items];
//! - the cost of a write whose condition does not hold: [conditional writes].
//!
//! An absent item costs as much as the smallest one: API reference of BatchGetItem and BatchWriteItem.
//!
//! [read and write operations]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
//! [items]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
//! [conditional writes]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalWrites.ReturnConsumedCapacity

use host_test::counting_proxy::RecordedRequest;
use serde_json::Value;
use std::collections::HashMap;

/// The partition key of the table.
const KEY: &str = "key";

/// The units that a request consumes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    pub read: f64,
    pub write: f64,
}

/// The sizes of a table's items by key, known from the requests alone.
#[derive(Default)]
pub struct Ledger(HashMap<String, usize>);

impl Ledger {
    /// Returns the units of an answered request, and records the items that it left.
    pub fn charge(&mut self, request: &RecordedRequest) -> Units {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let applied = request.status.unwrap().is_success();
        let batch = || one_member(&body["RequestItems"]);
        match request.target.as_str() {
            "GetItem" => self.read(&body, [&body["Key"]]),
            "BatchGetItem" => self.read(batch(), batch()["Keys"].as_array().unwrap()),
            "PutItem" | "DeleteItem" => self.write(&body, applied),
            "BatchWriteItem" => {
                let writes = batch().as_array().unwrap().iter();
                sum(writes.map(|write| self.write(one_member(write), applied)))
            }
            "TransactWriteItems" => {
                let writes = body["TransactItems"].as_array().unwrap().iter();
                let units = sum(writes.map(|write| self.write(one_member(write), applied)));
                // A transaction prepares each write, and then does it.
                let write = 2.0 * units.write;
                Units { write, ..units }
            }
            other => panic!("no rule for {other}"),
        }
    }

    /// Rounds each item up to 4 KB. An eventually consistent read costs half.
    fn read<'a>(&self, asked: &Value, keys: impl IntoIterator<Item = &'a Value>) -> Units {
        let consistent = asked["ConsistentRead"].as_bool().unwrap_or(false);
        let each = if consistent { 1.0 } else { 0.5 };
        let sizes = keys.into_iter().map(|key| self.0.get(key_of(key)).copied());
        let blocks: usize = sizes.map(|size| blocks(size, 4096)).sum();
        let read = each * blocks as f64;
        Units { read, write: 0.0 }
    }

    /// Charges the larger of the stored and the new item, rounded up to 1 KB, even if the condition does not hold.
    fn write(&mut self, write: &Value, applied: bool) -> Units {
        let item = write.get("Item");
        let key = key_of(item.unwrap_or(&write["Key"])).to_owned();
        let after = item.map(item_size);
        let before = self.0.get(&key).copied();
        if applied {
            match after {
                Some(size) => self.0.insert(key, size),
                None => self.0.remove(&key),
            };
        }
        let write = blocks(before.max(after), 1024) as f64;
        Units { read: 0.0, write }
    }
}

/// Charges at least one unit, also for an absent item.
fn blocks(size: Option<usize>, block: usize) -> usize {
    size.unwrap_or_default().div_ceil(block).max(1)
}

fn sum(units: impl Iterator<Item = Units>) -> Units {
    units.fold(Units::default(), |sum, units| Units {
        read: sum.read + units.read,
        write: sum.write + units.write,
    })
}

fn one_member(object: &Value) -> &Value {
    named_member(object).1
}

fn named_member(object: &Value) -> (&str, &Value) {
    let members: Vec<_> = object.as_object().unwrap().iter().collect();
    let [(name, member)] = members[..] else {
        panic!("not one member: {object}");
    };
    (name, member)
}

fn key_of(attributes: &Value) -> &str {
    attributes[KEY]["S"].as_str().unwrap()
}

/// Returns the size of an item: its names and values.
fn item_size(item: &Value) -> usize {
    let attributes = item.as_object().unwrap().iter();
    attributes
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

/// Returns the size of a value, of the types that these calls write.
fn value_size(value: &Value) -> usize {
    let (kind, value) = named_member(value);
    let value = value.as_str().unwrap();
    match (kind, value) {
        ("S", text) => text.len(),
        // Base64: three bytes in four characters, padded.
        ("B", text) => text.len() / 4 * 3 - text.matches('=').count(),
        // One byte for two digits, and one more.
        ("N", digits) => digits.len().div_ceil(2) + 1,
        _ => panic!("no size for {kind}"),
    }
}
