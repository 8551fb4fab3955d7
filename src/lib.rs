//! Dapr's `state.aws.dynamodb` and `bindings.aws.dynamodb` as one WebAssembly component.
//! See `wit/` for its contract and docs/ for its use.

#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod aws;
pub mod binding;
#[cfg(target_family = "wasm")]
mod component;
pub mod config;
pub mod credentials;
pub mod dynamodb;
pub mod error;
pub mod fields;
pub mod http;
#[cfg(test)]
mod layers;
pub mod limits;
pub mod state;
#[cfg(test)]
mod test_support;
pub mod text;
