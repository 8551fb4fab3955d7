//! The DynamoDB that everyone calls, with one table and the items that are read, all of it there before the first call.
//!
//! They are written past the network, so that no contender's connection has been used before another's.

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

    /// Reaches it in the clear.
    pub(super) fn plain(&self) -> Reach {
        Reach::plain(self.embedded.endpoint())
    }

    /// Reaches it through TLS.
    pub(super) fn secure(&self) -> Reach {
        self.front.reach()
    }

    /// Writes an item of the layout that contenders write, with the first ETag.
    pub(super) async fn put(&self, key: &str) -> Result<()> {
        let item = json!({
            "key": { "S": key },
            "value": { "S": self.values.value },
            "etag": { "S": FIRST_ETAG },
        });
        Ok(self.embedded.put_item(TABLE, item).await?)
    }
}

/// An item that one caller alone writes, so that the caller knows its ETag.
pub(super) struct OwnItem {
    pub(super) key: String,
    etag: String,
}

impl OwnItem {
    /// Writes it.
    pub(super) async fn new(store: &Store, key: String) -> Result<Self> {
        store.put(&key).await?;
        let etag = FIRST_ETAG.to_owned();
        Ok(Self { key, etag })
    }

    /// Returns call number `turn` of a case; where that is about one item that is there, about this one.
    pub(super) fn task<'a>(&'a self, values: &'a Values, case: Case, turn: usize) -> Task<'a> {
        values.task(case, turn, (&self.key, &self.etag))
    }

    /// Notes the ETag that a call has left, if any.
    pub(super) fn left(&mut self, etag: Option<String>) {
        if let Some(etag) = etag {
            self.etag = etag;
        }
    }
}

/// An embedded DynamoDB in a process of its own, for where the memory of this one is looked at: it keeps the tokens of all
/// transactions for ten minutes. The process ends when this is dropped, and when this process ends.
pub(super) struct EngineProcess {
    pub(super) endpoint: String,
    _child: Child,
}

impl EngineProcess {
    /// The name of the subcommand that serves.
    const SUBCOMMAND: &str = "engine";

    /// Starts one with an empty table of the benchmark.
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
            "" => bail!("the process of the embedded DynamoDB ended before it served"),
            endpoint => Ok(Self {
                endpoint: endpoint.to_owned(),
                _child: child,
            }),
        }
    }

    /// Serves in this process until standard input ends, which it does with the process that started this one.
    pub(super) async fn serve() -> Result<()> {
        allow_open_files();
        let embedded = Embedded::start(Storage::Memory).await?;
        embedded.create_table(TABLE, PARTITION_KEY).await?;
        let mut stdout = tokio::io::stdout();
        let line = format!("{}\n", embedded.endpoint());
        stdout.write_all(line.as_bytes()).await?;
        stdout.flush().await?;
        // An error is an end as well.
        let _ = tokio::io::stdin().read(&mut [0; 1]).await;
        Ok(())
    }
}
