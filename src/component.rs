//! The edge: the contract's exports, mapped to the core and back. The only file
//! that knows wit-bindgen. One instance holds at most one store and one
//! binding, each made by its `init` or, at its first call, from the environment.

mod convert;

use crate::aws::reactor;
use crate::aws::transport::Wasi;
use crate::binding::{Binding, OPERATIONS};
use crate::config::{self, Config, TABLE_VARIABLE};
use crate::error::Error;
use crate::limits::TRANSACTION_OPERATIONS;
use crate::redact::redact;
use crate::state::StateStore;
use crate::table_check::Warning;
use convert::{consistency, each};
use exports::dapr_wasm::components::binding::{Guest as BindingGuest, Response};
use exports::dapr_wasm::components::state::{
    DeleteOptions, DeleteRequest, FeatureSet, GetOptions, Guest as StateGuest, Item, Operation,
    SetOptions, SetRequest,
};
use std::cell::RefCell;
use std::future::Future;
use std::io::Write;
use std::rc::Rc;

wit_bindgen::generate!({ path: "wit", world: "dynamodb" });

use dapr_wasm::components::types::{Error as WitError, Metadata};

struct Component;

export!(Component);

thread_local! {
    static STORE: RefCell<Option<Rc<StateStore<Wasi>>>> = const { RefCell::new(None) };
    static BINDING: RefCell<Option<Rc<Binding<Wasi>>>> = const { RefCell::new(None) };
}

/// Runs a call to its end.
fn run<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, WitError> {
    match reactor::block_on(call) {
        Some(result) => result.map_err(WitError::from),
        None => Err(WitError::Unavailable(
            "the call waits for nothing: this is an error in the component".to_owned(),
        )),
    }
}

/// Parses, and tells on stderr what in `metadata` means nothing, also where parsing
/// fails: a misspelt name may be why.
fn configure(metadata: &Metadata) -> Result<Config, Error> {
    let config = Config::parse(metadata, &|name| std::env::var(name).ok(), &Wasi);
    for name in config::unknown(metadata) {
        tell(&config::ignored(name));
    }
    config
}

/// Writes a line to stderr, without secrets. A host that takes no more of it is no
/// reason to fail, let alone to panic.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "dapr-dynamodb: {}", redact(line));
}

/// Writes the warning of a check of the table to stderr.
fn warn(warning: Warning) {
    if let Some(sentence) = warning {
        tell(&sentence);
    }
}

/// Parses the environment alone.
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
    let store = Rc::new(StateStore::new(Wasi, configure_from_environment()?));
    STORE.set(Some(Rc::clone(&store)));
    Ok(store)
}

fn binding() -> Result<Rc<Binding<Wasi>>, Error> {
    if let Some(binding) = BINDING.with_borrow(Clone::clone) {
        return Ok(binding);
    }
    let binding = Rc::new(Binding::new(Wasi, configure_from_environment()?));
    BINDING.set(Some(Rc::clone(&binding)));
    Ok(binding)
}

impl StateGuest for Component {
    fn init(metadata: Metadata) -> Result<(), WitError> {
        run(async {
            let store = StateStore::new(Wasi, configure(&metadata)?);
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
            let binding = Binding::new(Wasi, configure(&metadata)?);
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
