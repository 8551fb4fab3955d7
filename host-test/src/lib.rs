//! The harness of `dapr-dynamodb`: servers and file readers that the tests use, and the program that
//! demonstrates and calls the component by hand.

use std::path::Path;

pub mod component_yaml;
pub mod counting_proxy;
pub mod embedded;
pub mod program;
pub mod raw_call;
pub mod server_thread;

pub use dapr_wasm_command_line as command_line;

/// The component under test: this workspace's own `dapr_dynamodb.wasm`, built with this crate.
pub fn component_path() -> &'static Path {
    Path::new(env!("COMPONENT_PATH"))
}
