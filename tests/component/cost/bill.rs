//! Calls are billed one after another on one table, so that each finds what those before it left.

use host_test::counting_proxy::{CountingProxy, RecordedRequest};
use host_test::embedded::{Embedded, Storage};

use super::capacity::Ledger;
use super::row::{REGION, Row};
use crate::fixture::{SECRET_KEY, Settings, Store};

/// As long as AWS's are.
const ACCESS_KEY: &str = "AKIDOFTWENTYLETTERS0";
const TABLE: &str = "orders";
/// What the calls set.
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
        let item = self.store.state().get(key, None).await.unwrap().unwrap();
        item.etag.unwrap()
    }
}

pub fn key(number: usize) -> String {
    format!("order-{number:05}")
}
