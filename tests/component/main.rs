//! The built component in wasmtime, against a real engine, through the crates that an embedder uses.
//!
//! One binary, a module per behaviour. What every component of the contract promises, the cases of `conformance`
//! hold against this one as against any other (`conformance`); the modules here are about what is its own: what it leaves in
//! the table, what it sends, DynamoDB's limits, its configuration.
//!
//! A real engine does what DynamoDB does: a test that looks behind the component's back reads and writes the embedded one
//! itself, and a proxy between the two counts requests or makes faults (`test_support::faults`).

mod artifact;
mod binding;
mod bulk;
mod cli;
mod configuration;
mod conformance;
mod consistency;
mod cost;
mod credentials;
mod egress;
mod environment;
mod etag;
mod faults;
mod fixture;
mod histories;
mod host_calls;
mod host_signs;
mod hostile_answers;
mod hostile_plugins;
mod instance_pool;
mod items;
mod limits;
mod memory;
mod odd_arguments;
mod readme;
mod retries;
mod secrets;
mod table_check;
mod timeouts;
mod tls;
mod transaction;
mod ttl;
mod unreachable;
mod wire;
