//! The embedded DynamoDB that all contenders call, with one table. The items that they read exist before the first call.
//!
//! The items are written without using the network, so that no contender starts with a connection already in use.

use super::cases::{Case, GET_KEY, Task, Values};
use super::process::allow_open_files;
use super::tls::{Front, Reach};
use anyhow::{Result, bail};
use host_test::embedded::{Embedded, Storage};
use serde_json::json;
use std::env;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// The table's name.
pub(super) const TABLE: &str = "bench";
/// Its partition key.
pub(super) const PARTITION_KEY: &str = "key";
/// The region and the credentials that all contenders sign with. The embedded DynamoDB accepts any.
pub(super) const REGION: &str = "us-east-1";
pub(super) const ACCESS_KEY: &str = "benchmark";
pub(super) const SECRET_KEY: &str = "benchmark";
/// The ETag of every item that no contender has written yet.
pub(super) const FIRST_ETAG: &str = "0000000000000000";

/// The DynamoDB that all contenders call.
pub(super) struct Store {
    front: Front,
    embedded: Embedded,
    pub(super) values: Arc<Values>,
}

impl Store {
    pub(super) async fn start() -> Result<Self> {
        let embedded = Embedded::start(Storage::Memory).await?;
        embedded.create_table(TABLE, PARTITION_KEY).await?;
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

    /// Returns the endpoint without TLS.
    pub(super) fn plain(&self) -> Reach {
        Reach::plain(self.embedded.endpoint())
    }

    /// Returns the endpoint with TLS.
    pub(super) fn secure(&self) -> Reach {
        self.front.reach()
    }

    /// Writes an item as the contenders do, with the ETag [`FIRST_ETAG`].
    pub(super) async fn put(&self, key: &str) -> Result<()> {
        let item = json!({
            "key": { "S": key },
            "value": { "S": self.values.value },
            "etag": { "S": FIRST_ETAG },
        });
        Ok(self.embedded.put_item(TABLE, item).await?)
    }
}

/// An item that only one caller writes, so that the caller knows its ETag.
pub(super) struct OwnItem {
    pub(super) key: String,
    etag: String,
}

impl OwnItem {
    /// Writes the item with its first ETag.
    pub(super) async fn new(store: &Store, key: String) -> Result<Self> {
        store.put(&key).await?;
        let etag = FIRST_ETAG.to_owned();
        Ok(Self { key, etag })
    }

    /// Returns call number `turn` of a case. Cases that change one existing item use this one.
    pub(super) fn task<'a>(&'a self, values: &'a Values, case: Case, turn: usize) -> Task<'a> {
        values.task(case, turn, (&self.key, &self.etag))
    }

    /// Stores the new ETag, if the call wrote one.
    pub(super) fn left(&mut self, etag: Option<String>) {
        if let Some(etag) = etag {
            self.etag = etag;
        }
    }
}

/// An embedded DynamoDB in a separate process, for tests that measure the memory of this process. It keeps the tokens of
/// all transactions for ten minutes, which would look like a leak. The process ends on drop, and with this process.
pub(super) struct EngineProcess {
    pub(super) endpoint: String,
    _child: Child,
}

impl EngineProcess {
    /// The name of the hidden subcommand that serves.
    const SUBCOMMAND: &str = "engine";

    /// Starts one with an empty table named [`TABLE`].
    pub(super) async fn start() -> Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg(Self::SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut endpoint = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut endpoint).await?;
        }
        match endpoint.trim_end() {
            "" => {
                bail!("the process of the embedded DynamoDB exited before it printed its endpoint")
            }
            endpoint => Ok(Self {
                endpoint: endpoint.to_owned(),
                _child: child,
            }),
        }
    }

    /// Serves in this process until standard input ends. It ends when the parent process does.
    pub(super) async fn serve() -> Result<()> {
        allow_open_files();
        let embedded = Embedded::start(Storage::Memory).await?;
        embedded.create_table(TABLE, PARTITION_KEY).await?;
        let mut stdout = tokio::io::stdout();
        let line = format!("{}\n", embedded.endpoint());
        stdout.write_all(line.as_bytes()).await?;
        stdout.flush().await?;
        // A read error means the end of the input, too.
        let _ = tokio::io::stdin().read(&mut [0; 1]).await;
        Ok(())
    }
}
