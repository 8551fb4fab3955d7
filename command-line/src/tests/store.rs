//! A store in memory that records its calls, for the tests of the command line.

use crate::Failure;
use crate::calls::{BindingCalls, Bulk, StateCalls};
use crate::model::{Consistency, DeleteRequest, Features, Item, Operation, Response, SetRequest};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Store {
    items: BTreeMap<String, SetRequest>,
    /// The name of each call with the number of its requests.
    pub(super) calls: Vec<(&'static str, usize)>,
}

/// The key that this store refuses.
pub(super) const REFUSED: &str = "refused";

impl Store {
    fn write(&mut self, request: &SetRequest) -> Result<String, Failure> {
        if request.key == REFUSED {
            return Err(Failure {
                case: Some("etag-mismatch".to_owned()),
                sentence: Some("it differs".to_owned()),
            });
        }
        self.items.insert(request.key.clone(), request.clone());
        Ok(format!("etag-{}", request.key))
    }

    fn read(&self, key: &str) -> Option<Item> {
        self.items.get(key).map(|request| Item {
            value: request.value.clone(),
            etag: Some(format!("etag-{key}")),
            content_type: request.content_type.clone(),
            expires_at: request.ttl.and_then(|ttl| u64::try_from(ttl).ok()),
        })
    }
}

impl StateCalls for Store {
    async fn features(&mut self) -> Result<Features, Failure> {
        Ok(Features {
            etag: true,
            transactional: true,
            ttl: false,
            max_transaction_size: 7,
        })
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    async fn get(&mut self, key: &str, _: Option<Consistency>) -> Result<Option<Item>, Failure> {
        self.calls.push(("get", 1));
        Ok(self.read(key))
    }

    async fn set(&mut self, request: &SetRequest) -> Result<String, Failure> {
        self.calls.push(("set", 1));
        self.write(request)
    }

    async fn delete(&mut self, request: &DeleteRequest) -> Result<(), Failure> {
        self.calls.push(("delete", 1));
        self.items.remove(&request.key);
        Ok(())
    }

    async fn bulk_get(&mut self, keys: &[String], _: Option<Consistency>) -> Bulk<Option<Item>> {
        self.calls.push(("bulk-get", keys.len()));
        Ok(keys.iter().map(|key| Ok(self.read(key))).collect())
    }

    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Bulk<String> {
        self.calls.push(("bulk-set", requests.len()));
        Ok(requests.iter().map(|request| self.write(request)).collect())
    }

    async fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> Bulk<()> {
        self.calls.push(("bulk-delete", requests.len()));
        Ok(requests.iter().map(|_| Ok(())).collect())
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>, Failure> {
        self.calls.push(("transact", operations.len()));
        operations
            .iter()
            .map(|operation| match operation {
                Operation::Set(request) => self.write(request).map(Some),
                Operation::Delete(_) => Ok(None),
            })
            .collect()
    }
}

impl BindingCalls for Store {
    async fn operations(&mut self) -> Result<Vec<String>, Failure> {
        Ok(vec!["create".to_owned(), "echo".to_owned()])
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        parameters: &[(String, String)],
    ) -> Result<Response, Failure> {
        let echoes = operation == "echo";
        Ok(Response {
            data: echoes.then(|| data.to_vec()),
            content_type: echoes.then(|| "text/plain".to_owned()),
            metadata: parameters.to_vec(),
        })
    }
}
