//! The exports of the WIT contract, mapped to the core and back. Only this file uses
//! wit-bindgen. An instance has at most one store and one binding. `init` creates them. If
//! it was not called, the first call creates them from the environment.

#![allow(unsafe_code, reason = "wit-bindgen generates the exports")]

use crate::binding::{self, Binding, OPERATIONS};
use crate::config::Config;
use crate::dynamodb::table_check::Warning;
use crate::error::Error;
use crate::fields::{self, TABLE_VARIABLE};
use crate::http::wasi::{self, Wasi};
use crate::limits::TRANSACTION_OPERATIONS;
use crate::state::{self, StateStore};
use crate::text::redact;
use dapr_wasm::components::types::{Error as WitError, Metadata};
use exports::dapr_wasm::components::binding::{Guest as BindingGuest, Response};
use exports::dapr_wasm::components::state::{
    Concurrency, Consistency, DeleteOptions, DeleteRequest, FeatureSet, GetOptions,
    Guest as StateGuest, Item, Operation, SetOptions, SetRequest,
};
use std::cell::RefCell;
use std::future::Future;
use std::io::Write;
use std::rc::Rc;

wit_bindgen::generate!({ path: "wit", world: "dynamodb" });

struct Component;

export!(Component);

thread_local! {
    static STORE: RefCell<Option<Rc<StateStore<Wasi>>>> = const { RefCell::new(None) };
    static BINDING: RefCell<Option<Rc<Binding<Wasi>>>> = const { RefCell::new(None) };
}

/// Runs a call to its end.
fn run<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, WitError> {
    match wasi::block_on(call) {
        Some(result) => result.map_err(WitError::from),
        None => Err(WitError::Unavailable(
            "the call waits for nothing that can wake it: this is a bug in the component, please report it"
                .to_owned(),
        )),
    }
}

/// Parses the configuration, and writes a warning to stderr for each unknown name in
/// `metadata`. It also warns if parsing fails, because a misspelt name may be the cause.
fn configure(metadata: &Metadata) -> Result<Config, Error> {
    let config = Config::parse(metadata, &|name| std::env::var(name).ok(), &Wasi);
    for name in fields::unknown(metadata) {
        tell(&fields::ignored(name));
    }
    config
}

/// Writes a line to stderr, with secrets redacted. It ignores errors: a host that accepts no
/// more output is no reason to fail or to panic.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "dapr-dynamodb: {}", redact(line));
}

/// Writes the warning of a table check to stderr, if there is one.
fn warn(warning: Warning) {
    if let Some(sentence) = warning {
        tell(&sentence);
    }
}

/// Parses the configuration from the environment alone.
fn configure_from_environment() -> Result<Config, Error> {
    if std::env::var(TABLE_VARIABLE).is_ok_and(|table| !table.is_empty()) {
        configure(&Vec::new())
    } else {
        Err(Error::NotInitialized)
    }
}

fn store() -> Result<Rc<StateStore<Wasi>>, Error> {
    if let Some(store) = STORE.with_borrow(Clone::clone) {
        return Ok(store);
    }
    let store = Rc::new(configure_from_environment()?.store(Wasi));
    STORE.set(Some(Rc::clone(&store)));
    Ok(store)
}

fn binding() -> Result<Rc<Binding<Wasi>>, Error> {
    if let Some(binding) = BINDING.with_borrow(Clone::clone) {
        return Ok(binding);
    }
    let binding = Rc::new(configure_from_environment()?.binding(Wasi));
    BINDING.set(Some(Rc::clone(&binding)));
    Ok(binding)
}

impl StateGuest for Component {
    fn init(metadata: Metadata) -> Result<(), WitError> {
        run(async {
            let store = configure(&metadata)?.store(Wasi);
            warn(store.ping().await?);
            STORE.set(Some(Rc::new(store)));
            Ok(())
        })
    }

    fn features() -> Result<FeatureSet, WitError> {
        let mut features = FeatureSet::ETAG | FeatureSet::TRANSACTIONAL;
        if store()?.has_ttl() {
            features |= FeatureSet::TTL;
        }
        Ok(features)
    }

    fn ping() -> Result<(), WitError> {
        run(async { store()?.ping().await.map(warn) })
    }

    fn get(key: String, options: Option<GetOptions>) -> Result<Option<Item>, WitError> {
        let found = run(async { store()?.get(key, consistency(options)).await })?;
        Ok(found.map(Item::from))
    }

    fn set(key: String, value: Vec<u8>, options: Option<SetOptions>) -> Result<String, WitError> {
        let request = SetRequest {
            key,
            value,
            options,
        };
        run(async { store()?.set(request.into()).await })
    }

    fn delete(key: String, options: Option<DeleteOptions>) -> Result<(), WitError> {
        let request = DeleteRequest { key, options };
        run(async { store()?.delete(request.into()).await })
    }

    fn bulk_get(
        keys: Vec<String>,
        options: Option<GetOptions>,
    ) -> Result<Vec<Result<Option<Item>, WitError>>, WitError> {
        let found = run(async { Ok(store()?.bulk_get(keys, consistency(options)).await) })?;
        Ok(each(found, |item| item.map(Item::from)))
    }

    fn bulk_set(requests: Vec<SetRequest>) -> Result<Vec<Result<String, WitError>>, WitError> {
        let requests = requests.into_iter().map(Into::into).collect();
        let written = run(async { Ok(store()?.bulk_set(requests).await) })?;
        Ok(each(written, |etag| etag))
    }

    fn bulk_delete(requests: Vec<DeleteRequest>) -> Result<Vec<Result<(), WitError>>, WitError> {
        let requests = requests.into_iter().map(Into::into).collect();
        let deleted = run(async { Ok(store()?.bulk_delete(requests).await) })?;
        Ok(each(deleted, |done| done))
    }

    fn transact(operations: Vec<Operation>) -> Result<Vec<Option<String>>, WitError> {
        let operations = operations.into_iter().map(Into::into).collect();
        run(async { store()?.transact(operations).await })
    }

    fn max_transaction_size() -> u32 {
        u32::try_from(TRANSACTION_OPERATIONS).unwrap_or(u32::MAX)
    }
}

impl BindingGuest for Component {
    fn init(metadata: Metadata) -> Result<(), WitError> {
        run(async {
            let binding = configure(&metadata)?.binding(Wasi);
            warn(binding.ping().await?);
            BINDING.set(Some(Rc::new(binding)));
            Ok(())
        })
    }

    fn operations() -> Vec<String> {
        OPERATIONS.iter().map(|name| (*name).to_owned()).collect()
    }

    fn ping() -> Result<(), WitError> {
        run(async { binding()?.ping().await.map(warn) })
    }

    fn invoke(
        operation: String,
        data: Vec<u8>,
        _metadata: Option<Metadata>,
    ) -> Result<Response, WitError> {
        run(async { binding()?.invoke(&operation, &data).await }).map(Response::from)
    }
}

/// Converts the results of a bulk call.
fn each<T, U>(results: Vec<Result<T, Error>>, map: impl Fn(T) -> U) -> Vec<Result<U, WitError>> {
    results
        .into_iter()
        .map(|result| result.map(&map).map_err(WitError::from))
        .collect()
}

/// Returns the consistency that a read asks for.
fn consistency(options: Option<GetOptions>) -> Option<state::Consistency> {
    options?.consistency.map(|asked| match asked {
        Consistency::Eventual => state::Consistency::Eventual,
        Consistency::Strong => state::Consistency::Strong,
    })
}

impl From<SetRequest> for state::SetRequest {
    fn from(request: SetRequest) -> Self {
        let options = request.options.map(|given| state::SetOptions {
            etag: given.etag,
            concurrency: given.concurrency.map(|asked| match asked {
                Concurrency::FirstWrite => state::Concurrency::FirstWrite,
                Concurrency::LastWrite => state::Concurrency::LastWrite,
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

impl From<DeleteRequest> for state::DeleteRequest {
    fn from(request: DeleteRequest) -> Self {
        let etag = request.options.and_then(|given| given.etag);
        Self {
            key: request.key,
            options: state::DeleteOptions { etag },
        }
    }
}

impl From<Operation> for state::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Set(request) => Self::Set(request.into()),
            Operation::Delete(request) => Self::Delete(request.into()),
        }
    }
}

impl From<state::Item> for Item {
    fn from(item: state::Item) -> Self {
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
    /// Converts an error, with secrets redacted. All error sentences leave the component
    /// through this function.
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
