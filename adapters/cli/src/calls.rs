//! Converts between the plain data of the command line and the types of the imported contract. No
//! other module connects the two.

use super::dapr_wasm::components::{binding, state, types};
use dapr_wasm_command_line::Failure;
use dapr_wasm_command_line::calls::{BindingCalls, Bulk, StateCalls};
use dapr_wasm_command_line::model::{
    Consistency, DeleteRequest, Features, Item, Operation, Response, SetRequest,
};

/// The sentence for `not-initialized`, the one case that has none of its own.
const UNCONFIGURED: &str = "the component is not configured: use --metadata, or pass on its environment variables (in wasmtime: --env NAME or -S inherit-env)";

/// The imported state store.
pub(super) struct StateStore;

/// The imported binding.
pub(super) struct OutputBinding;

/// Calls `init` if there is metadata. Otherwise the component configures itself from its
/// environment at the first call, without the read that `init` makes to check the store.
pub(super) fn configure(
    metadata: &[(String, String)],
    init: impl FnOnce(&[(&str, &str)]) -> Result<(), types::Error>,
) -> Result<(), Failure> {
    match metadata.is_empty() {
        true => Ok(()),
        false => init(&pairs(metadata)).map_err(failure),
    }
}

impl StateCalls for StateStore {
    async fn features(&mut self) -> Result<Features, Failure> {
        let features = state::features().map_err(failure)?;
        Ok(Features {
            etag: features.contains(state::FeatureSet::ETAG),
            transactional: features.contains(state::FeatureSet::TRANSACTIONAL),
            ttl: features.contains(state::FeatureSet::TTL),
            max_transaction_size: state::max_transaction_size(),
        })
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        state::ping().map_err(failure)
    }

    async fn get(
        &mut self,
        key: &str,
        consistency: Option<Consistency>,
    ) -> Result<Option<Item>, Failure> {
        let item = state::get(key, read_options(consistency)).map_err(failure)?;
        Ok(item.map(plain_item))
    }

    async fn set(&mut self, request: &SetRequest) -> Result<String, Failure> {
        let options = Some(set_options(request));
        state::set(&request.key, &request.value, options).map_err(failure)
    }

    async fn delete(&mut self, request: &DeleteRequest) -> Result<(), Failure> {
        state::delete(&request.key, Some(delete_options(request))).map_err(failure)
    }

    async fn bulk_get(
        &mut self,
        keys: &[String],
        consistency: Option<Consistency>,
    ) -> Bulk<Option<Item>> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let items = state::bulk_get(&keys, read_options(consistency));
        let items = items.map_err(failure)?.into_iter();
        Ok(items
            .map(|item| item.map(|item| item.map(plain_item)).map_err(failure))
            .collect())
    }

    async fn bulk_set(&mut self, requests: &[SetRequest]) -> Bulk<String> {
        let requests: Vec<_> = requests.iter().map(set_request).collect();
        per_request(state::bulk_set(&requests))
    }

    async fn bulk_delete(&mut self, requests: &[DeleteRequest]) -> Bulk<()> {
        let requests: Vec<_> = requests.iter().map(delete_request).collect();
        per_request(state::bulk_delete(&requests))
    }

    async fn transact(&mut self, operations: &[Operation]) -> Result<Vec<Option<String>>, Failure> {
        let operations: Vec<_> = operations
            .iter()
            .map(|operation| match operation {
                Operation::Set(request) => state::OperationParam::Set(set_request(request)),
                Operation::Delete(request) => {
                    state::OperationParam::Delete(delete_request(request))
                }
            })
            .collect();
        state::transact(&operations).map_err(failure)
    }
}

impl BindingCalls for OutputBinding {
    async fn operations(&mut self) -> Result<Vec<String>, Failure> {
        Ok(binding::operations())
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        binding::ping().map_err(failure)
    }

    async fn invoke(
        &mut self,
        operation: &str,
        data: &[u8],
        parameters: &[(String, String)],
    ) -> Result<Response, Failure> {
        let parameters = pairs(parameters);
        let parameters = Some(parameters.as_slice()).filter(|parameters| !parameters.is_empty());
        let response = binding::invoke(operation, data, parameters).map_err(failure)?;
        Ok(Response {
            data: response.data,
            content_type: response.content_type,
            metadata: response.metadata,
        })
    }
}

fn failure(error: types::Error) -> Failure {
    use types::Error;
    let (case, sentence) = match error {
        Error::NotInitialized => ("not-initialized", Some(UNCONFIGURED.to_owned())),
        Error::InvalidConfiguration(sentence) => ("invalid-configuration", Some(sentence)),
        Error::InvalidArgument(sentence) => ("invalid-argument", Some(sentence)),
        Error::EtagMismatch(sentence) => ("etag-mismatch", Some(sentence)),
        Error::AccessDenied(sentence) => ("access-denied", Some(sentence)),
        Error::NotFound(sentence) => ("not-found", Some(sentence)),
        Error::Throttled(sentence) => ("throttled", Some(sentence)),
        Error::Conflict(sentence) => ("conflict", Some(sentence)),
        Error::Timeout(sentence) => ("timeout", Some(sentence)),
        Error::Unavailable(sentence) => ("unavailable", Some(sentence)),
        Error::TooLarge(sentence) => ("too-large", Some(sentence)),
        Error::Unsupported(sentence) => ("unsupported", Some(sentence)),
        Error::Other(sentence) => ("other", Some(sentence)),
    };
    Failure {
        case: Some(case.to_owned()),
        sentence,
    }
}

fn per_request<T>(answers: Result<Vec<Result<T, types::Error>>, types::Error>) -> Bulk<T> {
    let answers = answers.map_err(failure)?.into_iter();
    Ok(answers.map(|answer| answer.map_err(failure)).collect())
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn read_options(consistency: Option<Consistency>) -> Option<state::GetOptions> {
    consistency.map(|consistency| state::GetOptions {
        consistency: Some(match consistency {
            Consistency::Eventual => state::Consistency::Eventual,
            Consistency::Strong => state::Consistency::Strong,
        }),
    })
}

fn set_options(request: &SetRequest) -> state::SetOptionsParam<'_> {
    state::SetOptionsParam {
        etag: request.etag.as_deref(),
        concurrency: request
            .first_write
            .then_some(state::Concurrency::FirstWrite),
        ttl: request.ttl,
        content_type: request.content_type.as_deref(),
    }
}

fn delete_options(request: &DeleteRequest) -> state::DeleteOptionsParam<'_> {
    state::DeleteOptionsParam {
        etag: request.etag.as_deref(),
        concurrency: None,
    }
}

fn set_request(request: &SetRequest) -> state::SetRequestParam<'_> {
    state::SetRequestParam {
        key: &request.key,
        value: &request.value,
        options: Some(set_options(request)),
    }
}

fn delete_request(request: &DeleteRequest) -> state::DeleteRequestParam<'_> {
    state::DeleteRequestParam {
        key: &request.key,
        options: Some(delete_options(request)),
    }
}

fn plain_item(item: state::Item) -> Item {
    Item {
        value: item.value,
        etag: item.etag,
        content_type: item.content_type,
        expires_at: item.expires_at,
    }
}
