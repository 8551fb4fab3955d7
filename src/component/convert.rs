//! The contract's types to those of the core, and back.

use super::WitError;
use super::exports::dapr_wasm::components::binding::Response;
use super::exports::dapr_wasm::components::state::{
    Concurrency, Consistency, DeleteRequest, GetOptions, Item, Operation, SetRequest,
};
use crate::binding;
use crate::error::Error;
use crate::state::model;

/// The results of a bulk call.
pub(super) fn each<T, U>(
    results: Vec<Result<T, Error>>,
    map: impl Fn(T) -> U,
) -> Vec<Result<U, WitError>> {
    results
        .into_iter()
        .map(|result| result.map(&map).map_err(WitError::from))
        .collect()
}

/// What a read asks for.
pub(super) fn consistency(options: Option<GetOptions>) -> Option<model::Consistency> {
    options?.consistency.map(|asked| match asked {
        Consistency::Eventual => model::Consistency::Eventual,
        Consistency::Strong => model::Consistency::Strong,
    })
}

impl From<SetRequest> for model::SetRequest {
    fn from(request: SetRequest) -> Self {
        let options = request.options.map(|given| model::SetOptions {
            etag: given.etag,
            concurrency: given.concurrency.map(|asked| match asked {
                Concurrency::FirstWrite => model::Concurrency::FirstWrite,
                Concurrency::LastWrite => model::Concurrency::LastWrite,
            }),
            ttl: given.ttl,
            content_type: given.content_type,
        });
        Self {
            key: request.key,
            value: request.value,
            options: options.unwrap_or_default(),
        }
    }
}

impl From<DeleteRequest> for model::DeleteRequest {
    fn from(request: DeleteRequest) -> Self {
        let etag = request.options.and_then(|given| given.etag);
        Self {
            key: request.key,
            options: model::DeleteOptions { etag },
        }
    }
}

impl From<Operation> for model::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Set(request) => Self::Set(request.into()),
            Operation::Delete(request) => Self::Delete(request.into()),
        }
    }
}

impl From<model::Item> for Item {
    fn from(item: model::Item) -> Self {
        Self {
            value: item.value,
            etag: item.etag,
            content_type: item.content_type,
            expires_at: item.expires_at,
        }
    }
}

impl From<binding::Response> for Response {
    fn from(response: binding::Response) -> Self {
        Self {
            data: response.data,
            content_type: response.content_type,
            metadata: response.metadata,
        }
    }
}

impl From<Error> for WitError {
    /// The one way by which a sentence leaves the component: without secrets.
    fn from(error: Error) -> Self {
        match error.redacted() {
            Error::NotInitialized => Self::NotInitialized,
            Error::InvalidConfiguration(sentence) => Self::InvalidConfiguration(sentence),
            Error::InvalidArgument(sentence) => Self::InvalidArgument(sentence),
            Error::EtagMismatch(sentence) => Self::EtagMismatch(sentence),
            Error::AccessDenied(sentence) => Self::AccessDenied(sentence),
            Error::NotFound(sentence) => Self::NotFound(sentence),
            Error::Throttled(sentence) => Self::Throttled(sentence),
            Error::Conflict(sentence) => Self::Conflict(sentence),
            Error::Timeout(sentence) => Self::Timeout(sentence),
            Error::Unavailable(sentence) => Self::Unavailable(sentence),
            Error::TooLarge(sentence) => Self::TooLarge(sentence),
            Error::Unsupported(sentence) => Self::Unsupported(sentence),
            Error::Other(sentence) => Self::Other(sentence),
        }
    }
}
