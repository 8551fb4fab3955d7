//! One call of DynamoDB, in the order in which it happens. A `client` has the SDK
//! serialize the input (`codec`), signs the request and sends it; checks the answer
//! (`response_check`) and reads it, in one pass (`fast_decode`) or by the SDK; and the
//! policy decides from an error about another attempt (`retry`). `error` says what the
//! caller is told. Every wait has an end.

pub mod client;
pub mod codec;
pub mod error;
mod fast_decode;
mod response_check;
mod retry;
mod settings;
pub mod table_check;

pub use client::Client;
pub use codec::CallInput;
pub use settings::{ClientConfig, Repeat, endpoint};

/// The service's name, in the hosts of AWS's endpoints and in credential scopes.
pub const SERVICE: &str = "dynamodb";

#[cfg(test)]
mod parity;
