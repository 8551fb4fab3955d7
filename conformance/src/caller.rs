//! The calls of a case on one instance. A case uses names, which this module turns into the case's
//! own keys. A refusal remembers its call.
//!
//! A read is strongly consistent unless the case says otherwise. For an eventual read, the contract
//! promises nothing that a case could wait for.

use super::expectation::{cut, there};
use super::outcome::{Checked, Unmet};
use super::scene::Keys;
use dapr_wasm_host::types::{
    Consistency, DeleteOptions, DeleteRequest, Error, FeatureSet, GetOptions, Item, Metadata,
    Operation, Response, SetOptions, SetRequest,
};
use dapr_wasm_host::{CallError, Instance};
use std::sync::Arc;

const STRONG: GetOptions = GetOptions {
    consistency: Some(Consistency::Strong),
};

/// An instance, with the keys and the secrets of its case.
pub(super) struct Caller {
    instance: Instance,
    keys: Arc<Keys>,
    secrets: Arc<[String]>,
}

/// The results of a bulk call. Result i belongs to request i.
pub(super) type Results<T> = Vec<Result<T, Error>>;

/// The result of a call.
pub(super) type Answer<T> = Result<T, Refusal>;

/// A failed call and its error.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The call, for messages.
    pub(super) call: String,
    error: CallError,
    /// True if the error contains a secret of the configuration.
    leaks: bool,
}

impl Refusal {
    /// Returns the contract's error if there is one and it shows no secret. An error with a secret
    /// fails every case.
    pub(super) fn component(&self) -> Option<&Error> {
        self.error.component().filter(|_| !self.leaks)
    }

    /// Returns the case of that error.
    pub(super) fn case(&self) -> Option<&'static str> {
        self.component().map(Error::case)
    }
}

impl From<Refusal> for Unmet {
    fn from(refusal: Refusal) -> Self {
        let Refusal { call, error, leaks } = refusal;
        match leaks {
            false => Self::failed(format_args!("{call}: {}", cut(&told(&error)))),
            true => Self::failed(format_args!(
                "{call}: the error contains a secret of the configuration"
            )),
        }
    }
}

impl Caller {
    pub(super) fn new(instance: Instance, keys: Arc<Keys>, secrets: Arc<[String]>) -> Self {
        Self {
            instance,
            keys,
            secrets,
        }
    }

    /// Returns the key that `name` stands for.
    pub(super) fn key(&self, name: &str) -> String {
        self.keys.key(name)
    }

    fn answered<T>(
        &self,
        call: impl FnOnce() -> String,
        answer: Result<T, CallError>,
    ) -> Answer<T> {
        answer.map_err(|error| Refusal {
            call: cut(&call()),
            leaks: self.leaks(&error.to_string()),
            error,
        })
    }

    /// Converts the result of a bulk call. A secret in the error of one request fails the whole
    /// call.
    fn answered_in_bulk<T>(
        &self,
        call: impl FnOnce() -> String,
        answer: Result<Results<T>, CallError>,
    ) -> Answer<Results<T>> {
        let answer = answer.and_then(|results| {
            let mut errors = results.iter().filter_map(|result| result.as_ref().err());
            match errors.find(|error| self.leaks(&error.to_string())) {
                Some(error) => Err(CallError::Component(error.clone())),
                None => Ok(results),
            }
        });
        self.answered(call, answer)
    }

    fn leaks(&self, sentence: &str) -> bool {
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| sentence.contains(secret))
    }
}

/// The calls on the state store.
impl Caller {
    pub(super) async fn init(&mut self, metadata: &Metadata) -> Answer<()> {
        let answer = async { self.instance.state()?.init(metadata).await }.await;
        self.answered(|| "init".to_owned(), answer)
    }

    pub(super) async fn features(&mut self) -> Answer<FeatureSet> {
        let answer = async { self.instance.state()?.features().await }.await;
        self.answered(|| "features".to_owned(), answer)
    }

    pub(super) async fn ping(&mut self) -> Answer<()> {
        let answer = async { self.instance.state()?.ping().await }.await;
        self.answered(|| "ping".to_owned(), answer)
    }

    pub(super) async fn max_transaction_size(&mut self) -> Answer<u32> {
        let answer = async { self.instance.state()?.max_transaction_size().await }.await;
        self.answered(|| "max-transaction-size".to_owned(), answer)
    }

    pub(super) async fn get(&mut self, name: &str) -> Answer<Option<Item>> {
        self.get_with(name, Some(STRONG)).await
    }

    /// Reads with the given consistency.
    pub(super) async fn get_with(
        &mut self,
        name: &str,
        options: Option<GetOptions>,
    ) -> Answer<Option<Item>> {
        let key = self.key(name);
        let answer = async { self.instance.state()?.get(&key, options).await }.await;
        self.answered(|| format!("get of {name:?}"), answer)
    }

    /// Reads an item that must exist.
    pub(super) async fn item(&mut self, name: &str) -> Checked<Item> {
        let item = self.get(name).await?;
        there(format_args!("the item of {name:?}"), item)
    }

    /// Reads the value and the ETag of an item that must exist.
    pub(super) async fn value_and_etag(
        &mut self,
        name: &str,
    ) -> Checked<(Vec<u8>, Option<String>)> {
        let item = self.item(name).await?;
        Ok((item.value, item.etag))
    }

    /// Reads the value, or `None` if there is no item.
    pub(super) async fn value(&mut self, name: &str) -> Answer<Option<Vec<u8>>> {
        Ok(self.get(name).await?.map(|item| item.value))
    }

    pub(super) async fn set(
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

    pub(super) async fn delete(
        &mut self,
        name: &str,
        options: Option<DeleteOptions>,
    ) -> Answer<()> {
        let key = self.key(name);
        let answer = async { self.instance.state()?.delete(&key, options).await }.await;
        self.answered(|| format!("delete of {name:?}"), answer)
    }

    /// Deletes a leftover item of a case by its full key.
    pub(super) async fn delete_key(&mut self, key: &str) -> Answer<()> {
        let answer = async { self.instance.state()?.delete(key, None).await }.await;
        self.answered(|| format!("delete of the leftover item {key:?}"), answer)
    }

    pub(super) async fn bulk_get(&mut self, names: &[&str]) -> Answer<Results<Option<Item>>> {
        let keys: Vec<String> = names.iter().map(|name| self.key(name)).collect();
        let answer = async { self.instance.state()?.bulk_get(&keys, Some(STRONG)).await }.await;
        self.answered_in_bulk(|| format!("bulk-get of {} keys", names.len()), answer)
    }

    pub(super) async fn bulk_set(&mut self, requests: &[SetRequest]) -> Answer<Results<String>> {
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

    pub(super) async fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> Answer<Results<()>> {
        let requests: Vec<_> = requests
            .iter()
            .map(|delete| self.own_delete(delete))
            .collect();
        let answer = async { self.instance.state()?.bulk_delete(&requests).await }.await;
        // Deleted keys need no separate delete at the end of the case.
        for (request, result) in requests.iter().zip(answer.iter().flatten()) {
            if result.is_ok() {
                self.keys.forget(&request.key);
            }
        }
        self.answered_in_bulk(|| format!("bulk-delete of {} keys", requests.len()), answer)
    }

    pub(super) async fn transact(
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

/// The calls on the binding.
impl Caller {
    pub(super) async fn init_binding(&mut self, metadata: &Metadata) -> Answer<()> {
        let answer = async { self.instance.binding()?.init(metadata).await }.await;
        self.answered(|| "init of the binding".to_owned(), answer)
    }

    pub(super) async fn operations(&mut self) -> Answer<Vec<String>> {
        let answer = async { self.instance.binding()?.operations().await }.await;
        self.answered(|| "operations".to_owned(), answer)
    }

    pub(super) async fn ping_binding(&mut self) -> Answer<()> {
        let answer = async { self.instance.binding()?.ping().await }.await;
        self.answered(|| "ping of the binding".to_owned(), answer)
    }

    pub(super) async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        metadata: Option<&Metadata>,
    ) -> Answer<Response> {
        let answer = async {
            let mut binding = self.instance.binding()?;
            binding.invoke(operation, data, metadata).await
        };
        let answer = answer.await;
        self.answered(|| format!("invoke of {operation:?}"), answer)
    }
}

/// Returns true if a write that failed with this error may have happened.
fn may_have_written(error: &CallError) -> bool {
    error.component().is_none_or(is_unknown)
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Timeout(_) | Error::Unavailable(_))
}

/// Returns the text of an error. For a trap it is only the root cause, because only its author can
/// use the backtrace.
fn told(error: &CallError) -> String {
    match error {
        CallError::Trap(trap) => format!("the component trapped: {}", trap.root_cause()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a race only the case of an error is compared, so a leak must also hide the case.
    #[test]
    fn secret_in_a_refusal_is_not_repeated() {
        let refusal = |leaks| Refusal {
            call: "transact".to_owned(),
            error: CallError::Component(Error::Conflict("asked with hunter2".to_owned())),
            leaks,
        };
        assert_eq!(refusal(false).case(), Some("conflict"));
        assert_eq!(refusal(true).case(), None);
        let Unmet::Failed(told) = refusal(true).into() else {
            panic!("a leak is a failure");
        };
        assert!(
            told.contains("a secret") && !told.contains("hunter2"),
            "{told}"
        );
    }
}
