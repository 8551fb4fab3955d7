//! The embedded DynamoDB: a real server behind a real socket. Dropping its handle stops it.
//!
//! It is dynoxide, which stores data in SQLite, served on a free port of 127.0.0.1. It never throttles, leaves no item
//! unprocessed and reports no transaction conflict. Any credentials and region work: it checks only the form of a
//! signature.
//!
//! The handle also reads and writes tables directly, without the network and the component. So a test can check what is
//! really stored. Items and keys are DynamoDB JSON: `{"key": {"S": "order-1"}}`.

mod folder;

use self::folder::Folder;
use crate::command_line::Failure;
use crate::server_thread::ServerThread;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// The time between two sweeps, which delete expired items from tables with time to live enabled. DynamoDB itself takes
/// up to a few days, so no caller may depend on a quick sweep.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The place where the embedded DynamoDB keeps its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory. Dropping the handle deletes it.
    Memory,
    /// In a SQLite file in this folder, which is created if missing.
    Folder(PathBuf),
}

impl Storage {
    /// Returns storage in this folder, or in memory if there is no folder.
    #[must_use]
    pub fn of(folder: Option<&Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder.to_owned()),
            None => Self::Memory,
        }
    }
}

/// A running embedded DynamoDB. Dropping it stops the server and closes the database.
pub struct Embedded {
    endpoint: String,
    // Declared before `database`, so that the server lets go of the file before the last handle closes it.
    _server: ServerThread,
    database: Database,
    folder: Option<Folder>,
}

impl Embedded {
    /// Opens or creates the database and serves it on a free port of 127.0.0.1. Waits for other
    /// processes that open the same folder.
    pub async fn start(storage: Storage) -> Result<Self, Failure> {
        Self::start_on_port(storage, 0).await
    }

    /// Like [`start`](Self::start), on this port. Port 0 means a free one.
    pub async fn start_on_port(storage: Storage, port: u16) -> Result<Self, Failure> {
        let folder = match storage {
            Storage::Memory => None,
            Storage::Folder(folder) => Some(Folder::new(folder)?),
        };
        let opened = folder.clone();
        let database = tokio::task::spawn_blocking(move || open(opened))
            .await
            .map_err(|error| refused("open", error))??;
        let served = database.clone();
        let server =
            ServerThread::start_on_port("embedded-dynamodb", port, move |listener, stopped| {
                serve(listener, served, stopped)
            });
        let server = server.map_err(|error| {
            Failure::here(format_args!(
                "the embedded DynamoDB could not start on port {port} of 127.0.0.1: {error}"
            ))
        })?;
        Ok(Self {
            endpoint: server.endpoint(),
            _server: server,
            database,
            folder,
        })
    }

    /// `http://127.0.0.1:PORT`, for the component's `endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Creates a table whose partition key is the string attribute `partition_key`.
    pub async fn create_table(&self, name: &str, partition_key: &str) -> Result<(), Failure> {
        let request = new_table(name, partition_key);
        self.call("CreateTable", request, Database::create_table)
            .await?;
        Ok(())
    }

    /// Creates the table if it does not exist. Returns true if it did create it. If several processes do so with one
    /// folder at the same time, one of them creates it.
    pub async fn create_table_if_absent(
        &self,
        name: &str,
        partition_key: &str,
    ) -> Result<bool, Failure> {
        let _lock = self.lock().await?;
        let request = new_table(name, partition_key);
        let create = |database: &Database, request| match database.create_table(request) {
            Err(DynoxideError::ResourceInUseException(_)) => Ok(None),
            created => created.map(Some),
        };
        let created = self.call("CreateTable", request, create).await?;
        Ok(!created.is_null())
    }

    /// Lists the names of all tables, sorted.
    pub async fn table_names(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let mut request = json!({});
        loop {
            let list = Database::list_tables;
            let mut page = self.call("ListTables", request.clone(), list).await?;
            let found: Vec<String> = serde_json::from_value(page["TableNames"].take())
                .map_err(|error| refused("ListTables", error))?;
            names.extend(found);
            // DynamoDB lists at most 100 names in one response.
            match page["LastEvaluatedTableName"].take() {
                Value::Null => return Ok(names),
                last => request["ExclusiveStartTableName"] = last,
            }
        }
    }

    /// Lets [`sweep_ttl`](Self::sweep_ttl) delete items whose `attribute` (a number, Unix seconds)
    /// has passed.
    pub async fn enable_ttl(&self, table: &str, attribute: &str) -> Result<(), Failure> {
        let request = json!({ "TableName": table });
        let told = self
            .call(
                "DescribeTimeToLive",
                request,
                Database::describe_time_to_live,
            )
            .await?;
        // Like DynamoDB, the engine refuses to enable time to live twice.
        if told["TimeToLiveDescription"]["AttributeName"] == attribute {
            return Ok(());
        }
        let request = json!({
            "TableName": table,
            "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
        });
        self.call("UpdateTimeToLive", request, Database::update_time_to_live)
            .await?;
        Ok(())
    }

    /// Writes an item unchanged.
    pub async fn put_item(&self, table: &str, item: Value) -> Result<(), Failure> {
        let request = json!({ "TableName": table, "Item": item });
        self.call("PutItem", request, Database::put_item).await?;
        Ok(())
    }

    /// Returns the stored item, even an expired one. `None` if there is no item.
    pub async fn get_item(&self, table: &str, key: Value) -> Result<Option<Value>, Failure> {
        let request = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let mut answer = self.call("GetItem", request, Database::get_item).await?;
        Ok(Some(answer["Item"].take()).filter(|item| !item.is_null()))
    }

    /// Deletes an item. Deleting an absent item succeeds.
    pub async fn delete_item(&self, table: &str, key: Value) -> Result<(), Failure> {
        let request = json!({ "TableName": table, "Key": key });
        self.call("DeleteItem", request, Database::delete_item)
            .await?;
        Ok(())
    }

    /// Returns every item of a table, in no particular order.
    pub async fn scan(&self, table: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut request = json!({ "TableName": table, "ConsistentRead": true });
        loop {
            let mut page = self.call("Scan", request.clone(), Database::scan).await?;
            if let Value::Array(found) = page["Items"].take() {
                items.extend(found);
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(items),
                last => request["ExclusiveStartKey"] = last,
            }
        }
    }

    /// Deletes the expired items of every table with time to live enabled. Returns their number.
    pub async fn sweep_ttl(&self) -> Result<usize, Failure> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || database.sweep_ttl())
            .await
            .map_err(|error| refused("sweep", error))?
            .map_err(|error| refused("sweep", error))
    }

    /// Locks the folder. Runs outside the caller's runtime because it waits.
    async fn lock(&self) -> Result<Option<File>, Failure> {
        let Some(folder) = self.folder.clone() else {
            return Ok(None);
        };
        tokio::task::spawn_blocking(move || folder.lock().map(Some))
            .await
            .map_err(|error| refused("CreateTable", error))?
    }

    /// Performs one operation of the engine, with JSON in and JSON out. Runs outside the caller's runtime because it
    /// may wait for the database's lock.
    async fn call<I, O>(
        &self,
        operation: &'static str,
        request: Value,
        perform: impl FnOnce(&Database, I) -> Result<O, DynoxideError> + Send + 'static,
    ) -> Result<Value, Failure>
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + 'static,
    {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || {
            let request =
                serde_json::from_value(request).map_err(|error| refused(operation, error))?;
            let answer = perform(&database, request).map_err(|error| refused(operation, error))?;
            serde_json::to_value(answer).map_err(|error| refused(operation, error))
        })
        .await
        .map_err(|error| refused(operation, error))?
    }
}

fn new_table(name: &str, partition_key: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{ "AttributeName": partition_key, "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": partition_key, "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn open(folder: Option<Folder>) -> Result<Database, Failure> {
    let refused = |error: DynoxideError| refused("open", error);
    let Some(folder) = folder else {
        return Database::memory().map_err(refused);
    };
    let _lock = folder.lock()?;
    let database = Database::new(&folder.database()?).map_err(refused)?;
    // By default SQLite syncs to disk at every commit, and every item of a batch is one commit: 10,000 items take 15 s.
    // The engine's normal mode takes under a second. It may lose the last writes in a power cut, but not in a crash of
    // this process.
    database.disable_bulk_loading().map_err(refused)?;
    Ok(database)
}

fn refused(operation: &'static str, error: impl std::fmt::Display) -> Failure {
    Failure::here(format_args!(
        "the embedded DynamoDB refused {operation}: {error}"
    ))
}

async fn serve(listener: TcpListener, database: Database, stopped: oneshot::Receiver<()>) {
    let sweeping = sweep_from_time_to_time(database.clone());
    let serving = dynoxide::server::serve_with_shutdown(listener, database, async {
        let _ = stopped.await;
    });
    tokio::select! {
        // If the server fails, every later call sees a refused connection.
        _ = serving => {}
        () = sweeping => {}
    }
}

async fn sweep_from_time_to_time(database: Database) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick fires immediately.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let swept = database.clone();
        // The next sweep makes up for a failed one. Expired items count as absent anyway.
        let _ = tokio::task::spawn_blocking(move || swept.sweep_ttl()).await;
    }
}

#[cfg(test)]
mod tests;
