//! The bill: one row for each call, with the requests that the server saw and the units that AWS charges for them. All calls
//! run on one table, one after another, so each finds the items of those before it.

use super::capacity::{Ledger, Units};
use crate::fixture::{SECRET_KEY, Settings, Store};
use host_test::counting_proxy::{CountingProxy, RecordedRequest};
use host_test::embedded::{Embedded, Storage};
use std::collections::BTreeMap;
use std::fmt;

/// As long as an access key of AWS.
const ACCESS_KEY: &str = "AKIDOFTWENTYLETTERS0";
const TABLE: &str = "orders";
/// The value that the calls set.
pub const VALUE: [u8; 1024] = [b'x'; 1024];

/// A store behind a proxy that counts requests, and the rows so far.
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

    /// Adds the row of this call.
    pub async fn row(&mut self, call: &'static str, perform: impl AsyncFnOnce(&mut Store)) {
        self.proxy.reset();
        perform(&mut self.store).await;
        let requests = self.proxy.requests();
        self.rows.push(Row::of(call, &requests, &mut self.ledger));
        self.seen.extend(requests);
    }

    /// Returns the current ETag of a key. Adds no row.
    pub async fn etag(&mut self, key: &str) -> String {
        let item = self.store.get(key).await.unwrap();
        item.etag.unwrap()
    }
}

pub fn key(number: usize) -> String {
    format!("order-{number:05}")
}

/// The host name that replaces the proxy's. The region has one of the longer names.
pub const HOST: &str = "dynamodb.ap-southeast-1.amazonaws.com";
pub const REGION: &str = "ap-southeast-1";

pub struct Row {
    call: &'static str,
    /// The number of requests of each operation.
    requests: BTreeMap<String, usize>,
    /// Bytes of the longest request head.
    pub head: usize,
    /// Bytes of all request bodies together.
    body: usize,
    units: Units,
}

impl Row {
    /// Returns the row of one call, from its requests in the order of their arrival.
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

    /// Returns the line of the page's table.
    pub fn markdown(&self) -> String {
        let requests: Vec<String> = self
            .requests
            .iter()
            .map(|(operation, count)| format!("{} {operation}", Grouped(*count as f64)))
            .collect();
        format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            self.call,
            requests.join(", "),
            self.head,
            Grouped(self.body as f64),
            Grouped(self.units.read),
            Grouped(self.units.write),
        )
    }
}

/// Returns the size of the head as sent to AWS. Only its host name depends on the server.
pub fn head_bytes(request: &RecordedRequest) -> usize {
    request.head_bytes() - request.headers["host"].len() + HOST.len()
}

/// Asserts that the embedded engine consumed these units. Like DynamoDB, it reports none for a refused request, which is not
/// compared.
fn assert_agrees(request: &RecordedRequest, units: Units) {
    let target = &request.target;
    match request.consumed {
        Some(consumed) => assert_eq!(units.read + units.write, consumed, "{target}"),
        None => assert!(request.status.unwrap().is_client_error(), "{target}"),
    }
}

/// A number with a comma before every three digits: 11,230.5.
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
