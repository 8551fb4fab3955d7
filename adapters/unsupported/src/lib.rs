//! A stand-in for a missing state store and output binding. Every call is `unsupported`, and
//! functions that cannot fail return an empty list or 0.
#![cfg(target_family = "wasm")]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

wit_bindgen::generate!({ path: "../../wit", world: "dynamodb" });

use dapr_wasm::components::types::{Error, Metadata};
use exports::dapr_wasm::components::binding::{Guest as BindingGuest, Response};
use exports::dapr_wasm::components::state::{
    DeleteOptions, DeleteRequest, FeatureSet, GetOptions, Guest as StateGuest, Item, Operation,
    SetOptions, SetRequest,
};

struct Absent;

export!(Absent);

fn no_state_store<T>() -> Result<T, Error> {
    Err(Error::Unsupported(
        "the component has no state store".to_owned(),
    ))
}

fn no_binding<T>() -> Result<T, Error> {
    Err(Error::Unsupported(
        "the component has no binding".to_owned(),
    ))
}

impl StateGuest for Absent {
    fn init(_: Metadata) -> Result<(), Error> {
        no_state_store()
    }

    fn features() -> Result<FeatureSet, Error> {
        no_state_store()
    }

    fn ping() -> Result<(), Error> {
        no_state_store()
    }

    fn get(_: String, _: Option<GetOptions>) -> Result<Option<Item>, Error> {
        no_state_store()
    }

    fn set(_: String, _: Vec<u8>, _: Option<SetOptions>) -> Result<String, Error> {
        no_state_store()
    }

    fn delete(_: String, _: Option<DeleteOptions>) -> Result<(), Error> {
        no_state_store()
    }

    fn bulk_get(
        _: Vec<String>,
        _: Option<GetOptions>,
    ) -> Result<Vec<Result<Option<Item>, Error>>, Error> {
        no_state_store()
    }

    fn bulk_set(_: Vec<SetRequest>) -> Result<Vec<Result<String, Error>>, Error> {
        no_state_store()
    }

    fn bulk_delete(_: Vec<DeleteRequest>) -> Result<Vec<Result<(), Error>>, Error> {
        no_state_store()
    }

    fn transact(_: Vec<Operation>) -> Result<Vec<Option<String>>, Error> {
        no_state_store()
    }

    fn max_transaction_size() -> u32 {
        0
    }
}

impl BindingGuest for Absent {
    fn init(_: Metadata) -> Result<(), Error> {
        no_binding()
    }

    fn operations() -> Vec<String> {
        Vec::new()
    }

    fn ping() -> Result<(), Error> {
        no_binding()
    }

    fn invoke(_: String, _: Vec<u8>, _: Option<Metadata>) -> Result<Response, Error> {
        no_binding()
    }
}
