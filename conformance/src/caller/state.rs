//! The state store's calls. A read is strongly consistent unless the case says otherwise: of an eventual one the contract
//! promises nothing that a case could wait for.

use dapr_wasm_host::CallError;
use dapr_wasm_host::types::{
    Consistency, DeleteOptions, DeleteRequest, Error, FeatureSet, GetOptions, Item, Metadata,
    Operation, SetOptions, SetRequest,
};

use super::{Answer, Caller, Results};
use crate::{expectation::there, outcome::Checked};

const STRONG: GetOptions = GetOptions {
    consistency: Some(Consistency::Strong),
};

impl Caller {
    pub(crate) async fn init(&mut self, metadata: &Metadata) -> Answer<()> {
        let answer = async { self.instance.state()?.init(metadata).await }.await;
        self.answered(|| "init".to_owned(), answer)
    }

    pub(crate) async fn features(&mut self) -> Answer<FeatureSet> {
        let answer = async { self.instance.state()?.features().await }.await;
        self.answered(|| "features".to_owned(), answer)
    }

    pub(crate) async fn ping(&mut self) -> Answer<()> {
        let answer = async { self.instance.state()?.ping().await }.await;
        self.answered(|| "ping".to_owned(), answer)
    }

    pub(crate) async fn max_transaction_size(&mut self) -> Answer<u32> {
        let answer = async { self.instance.state()?.max_transaction_size().await }.await;
        self.answered(|| "max-transaction-size".to_owned(), answer)
    }

    pub(crate) async fn get(&mut self, name: &str) -> Answer<Option<Item>> {
        self.get_with(name, Some(STRONG)).await
    }

    /// With the caller's own word on consistency.
    pub(crate) async fn get_with(
        &mut self,
        name: &str,
        options: Option<GetOptions>,
    ) -> Answer<Option<Item>> {
        let key = self.key(name);
        let answer = async { self.instance.state()?.get(&key, options).await }.await;
        self.answered(|| format!("get of {name:?}"), answer)
    }

    /// The item, which is there.
    pub(crate) async fn item(&mut self, name: &str) -> Checked<Item> {
        let item = self.get(name).await?;
        there(format_args!("the item of {name:?}"), item)
    }

    /// The value, where there is one.
    pub(crate) async fn value(&mut self, name: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.get(name).await?.map(|item| item.value))
    }

    pub(crate) async fn set(
        &mut self,
        name: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Answer<String> {
        let key = self.key(name);
        let answer = async { self.instance.state()?.set(&key, value, options).await }.await;
        if answer.as_ref().err().is_none_or(may_have_written) {
            self.keys.note(&key);
        }
        self.answered(|| format!("set of {name:?}"), answer)
    }

    pub(crate) async fn delete(
        &mut self,
        name: &str,
        options: Option<DeleteOptions>,
    ) -> Answer<()> {
        let key = self.key(name);
        let answer = async { self.instance.state()?.delete(&key, options).await }.await;
        self.answered(|| format!("delete of {name:?}"), answer)
    }

    /// What is left of a case is deleted by its whole key.
    pub(crate) async fn delete_key(&mut self, key: &str) -> Answer<()> {
        let answer = async { self.instance.state()?.delete(key, None).await }.await;
        self.answered(
            || format!("delete of what the case left under {key:?}"),
            answer,
        )
    }

    pub(crate) async fn bulk_get(&mut self, names: &[&str]) -> Answer<Results<Option<Item>>> {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        let answer = async { self.instance.state()?.bulk_get(&keys, Some(STRONG)).await }.await;
        self.answered_in_bulk(|| format!("bulk-get of {} keys", names.len()), answer)
    }

    pub(crate) async fn bulk_set(&mut self, requests: &[SetRequest]) -> Answer<Results<String>> {
        let requests: Vec<_> = requests.iter().map(|set| self.own_set(set)).collect();
        let answer = async { self.instance.state()?.bulk_set(&requests).await }.await;
        for (i, request) in requests.iter().enumerate() {
            let refused = match &answer {
                Ok(results) => matches!(results.get(i), Some(Err(error)) if !is_unknown(error)),
                Err(error) => !may_have_written(error),
            };
            if !refused {
                self.keys.note(&request.key);
            }
        }
        self.answered_in_bulk(|| format!("bulk-set of {} items", requests.len()), answer)
    }

    pub(crate) async fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> Answer<Results<()>> {
        let requests: Vec<_> = requests
            .iter()
            .map(|delete| self.own_delete(delete))
            .collect();
        let answer = async { self.instance.state()?.bulk_delete(&requests).await }.await;
        // So that what was deleted at once is not deleted again one by one.
        for (request, result) in requests.iter().zip(answer.iter().flatten()) {
            if result.is_ok() {
                self.keys.forget(&request.key);
            }
        }
        self.answered_in_bulk(|| format!("bulk-delete of {} keys", requests.len()), answer)
    }

    pub(crate) async fn transact(
        &mut self,
        operations: &[Operation],
    ) -> Answer<Vec<Option<String>>> {
        let own = |operation: &Operation| match operation {
            Operation::Set(set) => Operation::Set(self.own_set(set)),
            Operation::Delete(delete) => Operation::Delete(self.own_delete(delete)),
        };
        let operations: Vec<_> = operations.iter().map(own).collect();
        let answer = async { self.instance.state()?.transact(&operations).await }.await;
        if answer.as_ref().err().is_none_or(may_have_written) {
            for operation in &operations {
                if let Operation::Set(set) = operation {
                    self.keys.note(&set.key);
                }
            }
        }
        self.answered(
            || format!("transact of {} operations", operations.len()),
            answer,
        )
    }

    fn own_set(&self, request: &SetRequest) -> SetRequest {
        SetRequest {
            key: self.key(&request.key),
            ..request.clone()
        }
    }

    fn own_delete(&self, request: &DeleteRequest) -> DeleteRequest {
        DeleteRequest {
            key: self.key(&request.key),
            options: request.options.clone(),
        }
    }
}

/// Whether a write that failed with this may have happened.
fn may_have_written(error: &CallError) -> bool {
    error.component().is_none_or(is_unknown)
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Timeout(_) | Error::Unavailable(_))
}
