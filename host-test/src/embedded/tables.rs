//! Tables and items are reached here past the network and past the component, so that a test can
//! see what is really stored. Items and keys are DynamoDB JSON: `{"key": {"S": "order-1"}}`.

use std::fs::File;

use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Embedded, EmbeddedError, refused};

impl Embedded {
    /// Creates a table whose partition key is the string attribute `partition_key`.
    pub async fn create_table(&self, name: &str, partition_key: &str) -> Result<(), EmbeddedError> {
        let request = new_table(name, partition_key);
        self.call("CreateTable", request, Database::create_table)
            .await?;
        Ok(())
    }

    /// Creates the table where there is none of that name, and tells whether it did. Another process
    /// may do so with the same folder at the same time: one of them creates it.
    pub async fn create_table_if_absent(
        &self,
        name: &str,
        partition_key: &str,
    ) -> Result<bool, EmbeddedError> {
        let _lock = self.lock().await?;
        let request = new_table(name, partition_key);
        let create = |database: &Database, request| match database.create_table(request) {
            Err(DynoxideError::ResourceInUseException(_)) => Ok(None),
            created => created.map(Some),
        };
        let created = self.call("CreateTable", request, create).await?;
        Ok(!created.is_null())
    }

    /// The names of all tables, sorted.
    pub async fn table_names(&self) -> Result<Vec<String>, EmbeddedError> {
        let mut names = Vec::new();
        let mut request = json!({});
        loop {
            let list = Database::list_tables;
            let mut page = self.call("ListTables", request.clone(), list).await?;
            let found: Vec<String> = serde_json::from_value(page["TableNames"].take())
                .map_err(|error| refused("ListTables", error))?;
            names.extend(found);
            // DynamoDB names at most 100 in one answer.
            match page["LastEvaluatedTableName"].take() {
                Value::Null => return Ok(names),
                last => request["ExclusiveStartTableName"] = last,
            }
        }
    }

    /// Lets [`sweep_ttl`](Self::sweep_ttl) delete items whose `attribute` (a number, Unix seconds)
    /// has passed.
    pub async fn enable_ttl(&self, table: &str, attribute: &str) -> Result<(), EmbeddedError> {
        let request = json!({ "TableName": table });
        let told = self
            .call(
                "DescribeTimeToLive",
                request,
                Database::describe_time_to_live,
            )
            .await?;
        // As DynamoDB does, the engine refuses to enable what is enabled.
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

    /// Writes an item as it stands.
    pub async fn put_item(&self, table: &str, item: Value) -> Result<(), EmbeddedError> {
        let request = json!({ "TableName": table, "Item": item });
        self.call("PutItem", request, Database::put_item).await?;
        Ok(())
    }

    /// Reads an item as it stands, an expired one too. `None` where there is none.
    pub async fn get_item(&self, table: &str, key: Value) -> Result<Option<Value>, EmbeddedError> {
        let request = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let mut answer = self.call("GetItem", request, Database::get_item).await?;
        Ok(Some(answer["Item"].take()).filter(|item| !item.is_null()))
    }

    /// Deletes an item. Deleting an absent one is no error.
    pub async fn delete_item(&self, table: &str, key: Value) -> Result<(), EmbeddedError> {
        let request = json!({ "TableName": table, "Key": key });
        self.call("DeleteItem", request, Database::delete_item)
            .await?;
        Ok(())
    }

    /// Every item of a table, in no particular order.
    pub async fn scan(&self, table: &str) -> Result<Vec<Value>, EmbeddedError> {
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

    /// Deletes what has expired now, in every table with time to live enabled. Tells how many
    /// items that were.
    pub async fn sweep_ttl(&self) -> Result<usize, EmbeddedError> {
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || database.sweep_ttl())
            .await
            .map_err(|error| refused("sweep", error))?
            .map_err(|error| refused("sweep", error))
    }

    /// Off the caller's runtime, because it waits.
    async fn lock(&self) -> Result<Option<File>, EmbeddedError> {
        let Some(folder) = self.folder.clone() else {
            return Ok(None);
        };
        tokio::task::spawn_blocking(move || folder.lock().map(Some))
            .await
            .map_err(|error| refused("CreateTable", error))?
    }

    /// One operation of the engine, JSON in and JSON out, off the caller's runtime because it
    /// may wait for the database's lock.
    async fn call<I, O>(
        &self,
        operation: &'static str,
        request: Value,
        perform: impl FnOnce(&Database, I) -> Result<O, DynoxideError> + Send + 'static,
    ) -> Result<Value, EmbeddedError>
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
