//! Calls to DynamoDB. One call takes these steps:
//!
//! 1. `codec`: the SDK serializes the input.
//! 2. `client`: signs the request and sends it.
//! 3. `response_check`: checks the response.
//! 4. `fast_decode` reads a plain response in one pass. The SDK reads all others.
//! 5. `retry`: after an error, the policy decides whether to try again.
//! 6. `error`: maps the last error to the error that the caller gets.
//!
//! Every wait has a time limit.

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

/// The name of the service in the host names of AWS's endpoints and in credential scopes.
pub const SERVICE: &str = "dynamodb";

#[cfg(test)]
mod parity;
