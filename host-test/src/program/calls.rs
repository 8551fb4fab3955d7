//! Converts between the plain data of the command line and the types of the contract. No other
//! module connects the command line to the host library.

use crate::command_line::Failure;
use crate::command_line::calls::{BindingCalls, Bulk, StateCalls};
use crate::command_line::model::{
    Consistency, DeleteRequest, Features, Item, Operation, Response, SetRequest,
};
use dapr_wasm_host::{Binding, CallError, Instance, State, types};

/// The state store of a component, with plain data in and out.
pub(super) struct StateStore<'a>(pub(super) State<'a>);

/// The binding of a component, with plain data in and out.
pub(super) struct OutputBinding<'a>(pub(super) Binding<'a>);

/// The state store of a component, with plain data in and out.
pub(super) fn state(instance: &mut Instance) -> Result<StateStore<'_>, Failure> {
    instance.state().map(StateStore).map_err(failure)
}

/// The binding of a component.
pub(super) fn binding(instance: &mut Instance) -> Result<OutputBinding<'_>, Failure> {
    instance.binding().map(OutputBinding).map_err(failure)
}

/// Converts a call error. Only the component's own errors have a case.
pub(super) fn failure(error: CallError) -> Failure {
    match error.component() {
        Some(error) => of_component(error),
        None => Failure::here(error),
    }
}

fn of_component(error: &types::Error) -> Failure {
    Failure {
        case: Some(error.case().to_owned()),
        sentence: error.sentence().map(str::to_owned),
    }
}

impl StateCalls for StateStore<'_> {
    async fn features(&mut self) -> Result<Features, Failure> {
        let features = self.0.features().await.map_err(failure)?;
        let size = self.0.max_transaction_size().await.map_err(failure)?;
        Ok(Features {
            etag: features.contains(types::FeatureSet::ETAG),
            transactional: features.contains(types::FeatureSet::TRANSACTIONAL),
            ttl: features.contains(types::FeatureSet::TTL),
            max_transaction_size: size,
        })
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        self.0.ping().await.map_err(failure)
    }

    async fn get(
        &mut self,
        key: &str,
        consistency: Option<Consistency>,
    ) -> Result<Option<Item>, Failure> {
        let item = self.0.get(key, read_options(consistency)).await;
        Ok(item.map_err(failure)?.map(plain_item))
    }

    async fn set(&mut self, request: &SetRequest) -> Result<String, Failure> {
        let options = Some(set_options(request));
        let etag = self.0.set(&request.key, &request.value, options).await;
        etag.map_err(failure)
    }

    async fn delete(&mut self, request: &DeleteRequest) -> Result<(), Failure> {
        let options = Some(delete_options(request));
        let deleted = self.0.delete(&request.key, options).await;
        deleted.map_err(failure)
    }

    async fn bulk_get(
        &mut self,
        keys: &[String],
        consistency: Option<Consistency>,
    ) -> Bulk<Option<Item>> {
        let items = self.0.bulk_get(keys, read_options(consistency)).await;
        let items = items.map_err(failure)?.into_iter();
        Ok(items
            .map(|item| item.map(|item| item.map(plain_item)))
            .map(|item| item.map_err(|error| of_component(&error)))
            .collect())
    }

    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Bulk<String> {
        let requests: Vec<_> = requests.iter().map(set_request).collect();
        per_request(self.0.bulk_set(&requests).await)
    }

    async fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> Bulk<()> {
        let requests: Vec<_> = requests.iter().map(delete_request).collect();
        per_request(self.0.bulk_delete(&requests).await)
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>, Failure> {
        let operations: Vec<_> = operations
            .iter()
            .map(|operation| match operation {
                Operation::Set(request) => types::Operation::Set(set_request(request)),
                Operation::Delete(request) => types::Operation::Delete(delete_request(request)),
            })
            .collect();
        self.0.transact(&operations).await.map_err(failure)
    }
}

impl BindingCalls for OutputBinding<'_> {
    async fn operations(&mut self) -> Result<Vec<String>, Failure> {
        self.0.operations().await.map_err(failure)
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        self.0.ping().await.map_err(failure)
    }

    async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        parameters: &[(String, String)],
    ) -> Result<Response, Failure> {
        let parameters = Some(parameters.to_vec()).filter(|parameters| !parameters.is_empty());
        let response = self.0.invoke(operation, data, parameters.as_ref()).await;
        let response = response.map_err(failure)?;
        Ok(Response {
            data: response.data,
            content_type: response.content_type,
            metadata: response.metadata,
        })
    }
}

fn per_request<T>(answers: Result<Vec<Result<T, types::Error>>, CallError>) -> Bulk<T> {
    let answers = answers.map_err(failure)?.into_iter();
    Ok(answers
        .map(|answer| answer.map_err(|error| of_component(&error)))
        .collect())
}

fn read_options(consistency: Option<Consistency>) -> Option<types::GetOptions> {
    consistency.map(|consistency| types::GetOptions {
        consistency: Some(match consistency {
            Consistency::Eventual => types::Consistency::Eventual,
            Consistency::Strong => types::Consistency::Strong,
        }),
    })
}

fn set_options(request: &SetRequest) -> types::SetOptions {
    types::SetOptions {
        etag: request.etag.clone(),
        concurrency: request
            .first_write
            .then_some(types::Concurrency::FirstWrite),
        ttl: request.ttl,
        content_type: request.content_type.clone(),
    }
}

fn delete_options(request: &DeleteRequest) -> types::DeleteOptions {
    types::DeleteOptions {
        etag: request.etag.clone(),
        concurrency: None,
    }
}

fn set_request(request: &SetRequest) -> types::SetRequest {
    types::SetRequest {
        key: request.key.clone(),
        value: request.value.clone(),
        options: Some(set_options(request)),
    }
}

fn delete_request(request: &DeleteRequest) -> types::DeleteRequest {
    types::DeleteRequest {
        key: request.key.clone(),
        options: Some(delete_options(request)),
    }
}

fn plain_item(item: types::Item) -> Item {
    Item {
        value: item.value,
        etag: item.etag,
        content_type: item.content_type,
        expires_at: item.expires_at,
    }
}
