//! Tests that compare the pipeline, which is this component's client, with the SDK's own
//! `Client`. The same input must give the same request. The same response must give the
//! same output or error. The same failures must give as many attempts. If the two differ
//! on purpose, the name of the test ends in `_on_purpose`.
//!
//! `crate::test_support` plays DynamoDB's responses to the pipeline, and `sdk` plays them
//! to the SDK. `call` and `inputs` define the calls. The other modules compare the results.

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
