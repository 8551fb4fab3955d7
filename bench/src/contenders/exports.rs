//! What a component exports, on whichever host: a task becomes one call of it, with what its interface takes.

use dapr_wasm_host::{
    Binding, CallError, Instance, PooledInstance, State,
    types::{Error, Item, Operation, Response, SetOptions, SetRequest},
};

use super::expect;
use crate::cases::{Task, VALUE_BYTES};
use host_test::command_line::Failure;

/// The calls of a component that is initialised.
pub(crate) trait Exports {
    async fn get(&mut self, key: &str) -> Result<Option<Item>, Failure>;
    async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String, Failure>;
    async fn delete(&mut self, key: &str) -> Result<(), Failure>;
    async fn bulk_get(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<Result<Option<Item>, Error>>, Failure>;
    async fn bulk_set(
        &mut self,
        requests: &[SetRequest],
    ) -> Result<Vec<Result<String, Error>>, Failure>;
    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>, Failure>;
    async fn invoke(&mut self, operation: &str, data: &[u8]) -> Result<Response, Failure>;
}

/// Does a task, and gives the ETag that a single write left.
pub(crate) async fn perform(
    exports: &mut impl Exports,
    task: &Task<'_>,
) -> Result<Option<String>, Failure> {
    match *task {
        Task::Get { key, exists } => {
            let bytes = exports.get(key).await?.map(|item| item.value.len());
            expect("get", bytes == exists.then_some(VALUE_BYTES))?;
        }
        Task::Set { key, value, etag } => {
            let options = etag.map(|etag| SetOptions {
                etag: Some(etag.to_owned()),
                ..SetOptions::default()
            });
            let etag = exports.set(key, value.as_bytes(), options).await?;
            return Ok(Some(etag));
        }
        Task::Delete { key } => exports.delete(key).await?,
        Task::BulkGet { keys } => {
            let items = exports.bulk_get(keys).await?;
            let found = items
                .iter()
                .filter(|item| matches!(item, Ok(Some(item)) if item.value.len() == VALUE_BYTES));
            expect("bulk-get", found.count() == keys.len())?;
        }
        Task::BulkSet { keys, value } => {
            let requests: Vec<_> = keys.iter().map(|key| request(key, value)).collect();
            let written = exports.bulk_set(&requests).await?;
            let written = written.iter().filter(|written| written.is_ok());
            expect("bulk-set", written.count() == keys.len())?;
        }
        Task::Transact { keys, value } => {
            let operations: Vec<_> = keys
                .iter()
                .map(|key| Operation::Set(request(key, value)))
                .collect();
            let etags = exports.transact(&operations).await?;
            expect("transact", etags.len() == keys.len())?;
        }
        Task::Create { item } => {
            exports.invoke("create", item.as_bytes()).await?;
        }
    }
    Ok(None)
}

fn request(key: &str, value: &str) -> SetRequest {
    SetRequest {
        key: key.to_owned(),
        value: value.as_bytes().to_vec(),
        options: None,
    }
}

/// An instance on `dapr-wasm-host`, of a pool or not.
pub(crate) trait Embedded {
    fn state(&mut self) -> Result<State<'_>, CallError>;
    fn binding(&mut self) -> Result<Binding<'_>, CallError>;
}

impl Embedded for Instance {
    fn state(&mut self) -> Result<State<'_>, CallError> {
        self.state()
    }

    fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        self.binding()
    }
}

impl Embedded for PooledInstance {
    fn state(&mut self) -> Result<State<'_>, CallError> {
        self.state()
    }

    fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        self.binding()
    }
}

impl<E: Embedded> Exports for E {
    async fn get(&mut self, key: &str) -> Result<Option<Item>, Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.get(key, None).await.map_err(Failure::here)
    }

    async fn set(
        &mut self,
        key: &str,
        value: &[u8],
        options: Option<SetOptions>,
    ) -> Result<String, Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.set(key, value, options).await.map_err(Failure::here)
    }

    async fn delete(&mut self, key: &str) -> Result<(), Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.delete(key, None).await.map_err(Failure::here)
    }

    async fn bulk_get(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<Result<Option<Item>, Error>>, Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.bulk_get(keys, None).await.map_err(Failure::here)
    }

    async fn bulk_set(
        &mut self,
        requests: &[SetRequest],
    ) -> Result<Vec<Result<String, Error>>, Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.bulk_set(requests).await.map_err(Failure::here)
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>, Failure> {
        let mut state = self.state().map_err(Failure::here)?;
        state.transact(operations).await.map_err(Failure::here)
    }

    async fn invoke(&mut self, operation: &str, data: &[u8]) -> Result<Response, Failure> {
        let mut binding = self.binding().map_err(Failure::here)?;
        let answer = binding.invoke(operation, data, None).await;
        answer.map_err(Failure::here)
    }
}
