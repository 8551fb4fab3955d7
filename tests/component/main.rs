//! Tests of the built component in wasmtime, against a real engine, through the crates that an
//! embedder uses.
//!
//! All tests are in one binary, with one module per behaviour. The cases of `conformance` test the
//! promises of the contract, which every component makes. The module `conformance` runs them
//! against this component. The other modules test what is specific to it: what it stores in the
//! table, the requests that it sends, DynamoDB's limits and its configuration.
//!
//! The engine behaves as DynamoDB does. A test that checks the stored items reads and writes the
//! embedded engine directly. A proxy between the component and the engine counts requests or
//! injects faults (`test_support::faults`).
//!
//! The component has two builds. `hosted_build` runs the tests on the second one.

mod artifact;
mod binding;
mod bulk;
mod cli;
mod configuration;
mod conformance;
mod consistency;
mod cost;
mod credentials;
mod documents;
mod egress;
mod environment;
mod etag;
mod faults;
mod fixture;
mod histories;
mod host_calls;
mod host_signs;
mod hosted_build;
mod hostile_answers;
mod hostile_plugins;
mod instance_pool;
mod items;
mod limits;
mod memory;
mod odd_arguments;
mod retries;
mod secrets;
mod table_check;
mod timeouts;
mod tls;
mod transaction;
mod ttl;
mod unreachable;
mod wire;
