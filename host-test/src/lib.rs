//! The harness of `dapr-dynamodb`: what its tests stand on, and the program that shows and calls the
//! component by hand.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

use std::path::Path;

pub mod aws;
pub mod bench;
pub mod component_yaml;
pub mod conformance;
mod connection_per_request;
pub mod counting_proxy;
pub mod embedded;
pub mod faults;
pub mod histories;
pub mod program;
#[cfg(test)]
mod raw_call;
mod server_thread;
pub mod wasi_command;

pub use dapr_wasm_command_line as command_line;

/// The component under test: this workspace's own `dapr_dynamodb.wasm`, built with this crate.
pub fn component_path() -> &'static Path {
    Path::new(env!("COMPONENT_PATH"))
}

/// A second implementation of the contract, in memory, `tests/fixtures/memory-store`, built with this crate.
pub fn memory_store_path() -> &'static Path {
    Path::new(env!("MEMORY_STORE_PATH"))
}

/// A store that breaks one promise of the contract, `tests/fixtures/broken-promises`, built with this crate.
pub fn broken_promises_path() -> &'static Path {
    Path::new(env!("BROKEN_PROMISES_PATH"))
}

/// A state store that does harm when it is asked to, `tests/fixtures/misbehaving`, built with this crate.
pub fn misbehaving_path() -> &'static Path {
    Path::new(env!("MISBEHAVING_PATH"))
}

/// The component under test as a program, `dapr_dynamodb_cli.wasm`: composed with `adapters/cli`.
pub fn cli_path() -> &'static Path {
    Path::new(env!("CLI_PATH"))
}

/// [`memory_store_path`] as a program.
pub fn memory_store_cli_path() -> &'static Path {
    Path::new(env!("MEMORY_STORE_CLI_PATH"))
}

/// [`misbehaving_path`] as a program: that of a component which exports no binding.
pub fn misbehaving_cli_path() -> &'static Path {
    Path::new(env!("MISBEHAVING_CLI_PATH"))
}
