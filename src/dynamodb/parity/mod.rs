//! The pipeline against the SDK's own `Client`: the same input makes the same
//! request, the same answer makes the same output or error, the same failures
//! make as many attempts. Where the two differ on purpose, a test says so by
//! name.
//!
//! `crate::test_support` plays what DynamoDB answers to the pipeline, `sdk` plays it
//! to the SDK; `call` and `inputs` are what both are asked to do. The other
//! modules compare.

mod amplification;
mod answers;
mod call;
mod connector;
mod deadline;
mod endpoints;
mod fast_decode;
mod inputs;
mod outcomes;
mod quota;
mod recorded;
mod requests;
mod retries;
mod sdk;
mod signatures;
mod sigv4;
mod skew;
mod unknown_outcome;
mod waits;
