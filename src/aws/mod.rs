//! One `call` of a `client` to DynamoDB, in the order it happens: the SDK serializes
//! (`call_input`, `operation`, `wire`); an `attempt` is signed (`sign`) for the `endpoint` and
//! sent (`transport`), its answer checked (`integrity`, `shape`) and read, in one
//! pass (`plain`) or by the SDK; and the policy decides whether to try again
//! (`retry`, `token_bucket`, `clock_skew`). Every wait has an end.

mod attempt;
mod call;
mod call_input;
pub mod cancellation;
mod case;
mod client;
pub mod clock_skew;
pub mod endpoint;
pub mod failure;
mod integrity;
pub mod message;
pub mod operation;
#[cfg(test)]
mod parity;
mod plain;
#[cfg(target_family = "wasm")]
pub mod reactor;
pub mod retry;
mod shape;
pub mod sign;
mod token_bucket;
#[cfg(target_family = "wasm")]
pub mod transport;
mod wire;

pub use call::Repeat;
pub use call_input::CallInput;
pub use client::{Client, ClientConfig, Limits};
pub use token_bucket::Permit;

/// The service's name, in the hosts of AWS's endpoints and in credential scopes.
pub const SERVICE: &str = "dynamodb";
