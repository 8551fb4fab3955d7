//! Calls are billed one after another on one table, so that each finds what those before it left. One call is one row: what the
//! server saw of it, and what AWS charges for that.

use super::capacity::{Ledger, Units};
use crate::fixture::{SECRET_KEY, Settings, Store};
use host_test::counting_proxy::{CountingProxy, RecordedRequest};
use host_test::embedded::{Embedded, Storage};
use std::collections::BTreeMap;
use std::fmt;

/// As long as AWS's are.
const ACCESS_KEY: &str = "AKIDOFTWENTYLETTERS0";
const TABLE: &str = "orders";
/// The value that the calls set.
pub const VALUE: [u8; 1024] = [b'x'; 1024];

/// A store in AWS's shape behind a proxy that meters, and the rows so far.
pub struct Bill {
    _engine: Embedded,
    pub proxy: CountingProxy,
    pub settings: Settings,
    pub store: Store,
    ledger: Ledger,
    pub rows: Vec<Row>,
    /// The requests of all rows.
    pub seen: Vec<RecordedRequest>,
}

impl Bill {
    pub async fn new() -> Self {
        let engine = Embedded::start(Storage::Memory).await.unwrap();
        engine.create_table(TABLE, "key").await.unwrap();
        let proxy = CountingProxy::start_metering(engine.endpoint())
            .await
            .unwrap();
        let settings = Settings::at(proxy.endpoint())
            .with("table", TABLE)
            .with("region", REGION)
            .with("accessKey", ACCESS_KEY)
            .with("secretKey", SECRET_KEY);
        let store = settings.blank().await;
        Self {
            _engine: engine,
            proxy,
            settings,
            store,
            ledger: Ledger::default(),
            rows: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// The row of what is performed.
    pub async fn row(&mut self, call: &'static str, perform: impl AsyncFnOnce(&mut Store)) {
        self.proxy.reset();
        perform(&mut self.store).await;
        let requests = self.proxy.requests();
        self.rows.push(Row::of(call, &requests, &mut self.ledger));
        self.seen.extend(requests);
    }

    /// The ETag that a key has now; no row of its own.
    pub async fn etag(&mut self, key: &str) -> String {
        let item = self.store.get(key).await.unwrap();
        item.etag.unwrap()
    }
}

pub fn key(number: usize) -> String {
    format!("order-{number:05}")
}

/// The host name that stands in for the proxy's: that of a region with one of the longer names.
pub const HOST: &str = "dynamodb.ap-southeast-1.amazonaws.com";
pub const REGION: &str = "ap-southeast-1";

pub struct Row {
    call: &'static str,
    /// How many requests of each operation.
    requests: BTreeMap<String, usize>,
    /// Bytes of the longest head among them.
    pub head: usize,
    /// Bytes of all their bodies.
    body: usize,
    units: Units,
}

impl Row {
    /// The row of the answered requests of one call, in the order of their arrival.
    pub fn of(call: &'static str, requests: &[RecordedRequest], ledger: &mut Ledger) -> Self {
        let mut row = Self {
            call,
            requests: BTreeMap::new(),
            head: 0,
            body: 0,
            units: Units::default(),
        };
        for request in requests {
            *row.requests.entry(request.target.clone()).or_default() += 1;
            row.head = row.head.max(head_bytes(request));
            row.body += request.body.len();
            let units = ledger.charge(request);
            row.units.read += units.read;
            row.units.write += units.write;
            assert_agrees(request, units);
        }
        row
    }

    /// The line of the README's table.
    pub fn markdown(&self) -> String {
        let requests: Vec<String> = self
            .requests
            .iter()
            .map(|(operation, count)| format!("{} {operation}", Grouped(*count as f64)))
            .collect();
        format!(
            "| {} | {} | {} | {} | {} | {} |",
            self.call,
            requests.join(", "),
            self.head,
            Grouped(self.body as f64),
            Grouped(self.units.read),
            Grouped(self.units.write),
        )
    }
}

/// The head as it is when the request goes to AWS: nothing in it but the host name depends on where it goes.
pub fn head_bytes(request: &RecordedRequest) -> usize {
    request.head_bytes() - request.headers["host"].len() + HOST.len()
}

/// The engine has rules of its own; they are AWS's where it tells what a request consumed. It does not of a request that
/// it refuses, and DynamoDB does not either: there, the rule stands alone.
fn assert_agrees(request: &RecordedRequest, units: Units) {
    let target = &request.target;
    match request.consumed {
        Some(consumed) => assert_eq!(units.read + units.write, consumed, "{target}"),
        None => assert!(request.status.unwrap().is_client_error(), "{target}"),
    }
}

/// A number with a comma before each three digits: 11,230.5.
struct Grouped(f64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.to_string();
        let whole = plain.find('.').unwrap_or(plain.len());
        for (place, digit) in plain.char_indices() {
            if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}
