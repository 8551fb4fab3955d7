//! One call, of whatever kind: each key of it has a result, as if it had been called for alone.

use dapr_wasm_host::{
    CallError, State,
    types::{Consistency, DeleteRequest, Error, GetOptions, Item, Operation, SetRequest},
};

#[derive(Debug)]
pub(super) enum Ask {
    /// With strong consistency.
    Get(Vec<String>),
    Set(Vec<SetRequest>),
    Delete(Vec<DeleteRequest>),
    Transact(Vec<Operation>),
}

/// A result for each key.
#[derive(Debug)]
pub(super) enum Given {
    Items(Vec<Result<Option<Item>, Error>>),
    /// With the ETag that a set left.
    Written(Vec<Result<Option<String>, Error>>),
}

impl Ask {
    /// One key is asked for alone, several in bulk.
    pub(super) async fn of(&self, state: &mut State<'_>) -> Result<Given, CallError> {
        match self {
            Self::Get(keys) => {
                let strong = Some(GetOptions {
                    consistency: Some(Consistency::Strong),
                });
                let items = match keys.as_slice() {
                    [key] => one(state.get(key, strong).await)?,
                    keys => state.bulk_get(keys, strong).await?,
                };
                Ok(Given::Items(items))
            }
            Self::Set(requests) => {
                let written = match requests.as_slice() {
                    [
                        SetRequest {
                            key,
                            value,
                            options,
                        },
                    ] => one(state.set(key, value, options.clone()).await)?,
                    requests => state.bulk_set(requests).await?,
                };
                let written = written.into_iter().map(|etag| etag.map(Some));
                Ok(Given::Written(written.collect()))
            }
            Self::Delete(requests) => {
                let deleted = match requests.as_slice() {
                    [DeleteRequest { key, options }] => {
                        one(state.delete(key, options.clone()).await)?
                    }
                    requests => state.bulk_delete(requests).await?,
                };
                let deleted = deleted.into_iter().map(|done| done.map(|()| None));
                Ok(Given::Written(deleted.collect()))
            }
            Self::Transact(operations) => {
                let written = match one(state.transact(operations).await)?.pop() {
                    Some(Ok(etags)) => etags.into_iter().map(Ok).collect(),
                    Some(Err(error)) => vec![Err(error); operations.len()],
                    None => Vec::new(),
                };
                Ok(Given::Written(written))
            }
        }
    }
}

/// The component's own answer is the result, whatever it is.
fn one<T>(answer: Result<T, CallError>) -> Result<Vec<Result<T, Error>>, CallError> {
    match answer {
        Ok(given) => Ok(vec![Ok(given)]),
        Err(CallError::Component(error)) => Ok(vec![Err(error)]),
        Err(other) => Err(other),
    }
}
