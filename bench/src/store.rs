//! What is called lies there before the first call: one embedded DynamoDB, one table, the items that are read.
//!
//! They are written past the network, so that no contender's connection has been used before another's.

use std::sync::Arc;

use serde_json::json;

use super::{
    cases::{Case, GET_KEY, Values},
    tls::{Front, Reach},
};
use host_test::command_line::Failure;
use host_test::embedded::{Embedded, Storage};

/// The table's name.
pub(super) const TABLE: &str = "bench";
/// Its partition key.
pub(super) const PARTITION_KEY: &str = "key";
/// The region and the credentials that everyone signs for: the embedded DynamoDB takes any.
pub(super) const REGION: &str = "us-east-1";
pub(super) const ACCESS_KEY: &str = "benchmark";
pub(super) const SECRET_KEY: &str = "benchmark";
/// The ETag of every item that was not written by a contender.
pub(super) const FIRST_ETAG: &str = "0000000000000000";

/// The DynamoDB that everyone calls.
pub(super) struct Store {
    front: Front,
    embedded: Embedded,
    pub(super) values: Arc<Values>,
}

impl Store {
    pub(super) async fn start() -> Result<Self, Failure> {
        let embedded = Embedded::start(Storage::Memory)
            .await
            .map_err(Failure::here)?;
        embedded
            .create_table(TABLE, PARTITION_KEY)
            .await
            .map_err(Failure::here)?;
        let store = Self {
            front: Front::start(embedded.endpoint())?,
            embedded,
            values: Arc::new(Values::new()),
        };
        store.put(GET_KEY).await?;
        for key in &store.values.bulk {
            store.put(key).await?;
        }
        Ok(store)
    }

    /// In the clear.
    pub(super) fn plain(&self) -> Reach {
        Reach {
            endpoint: self.embedded.endpoint().to_owned(),
            root: None,
        }
    }

    /// Through TLS.
    pub(super) fn secure(&self) -> Reach {
        self.front.reach()
    }

    /// Writes an item of the layout that contenders write, with the first ETag.
    pub(super) async fn put(&self, key: &str) -> Result<(), Failure> {
        let item = json!({
            "key": { "S": key },
            "value": { "S": self.values.value },
            "etag": { "S": FIRST_ETAG },
        });
        let put = self.embedded.put_item(TABLE, item).await;
        put.map_err(Failure::here)
    }

    /// Writes what the next call of a case needs to find under its caller's own key.
    pub(super) async fn before(&self, case: Case, own_key: &str) -> Result<(), Failure> {
        match case {
            Case::Delete => self.put(own_key).await,
            _ => Ok(()),
        }
    }
}
