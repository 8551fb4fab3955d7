//! The built component in wasmtime, against a real engine, through the crates that an embedder uses.
//!
//! One binary, a module per behaviour. What every component of the contract promises, the cases of `conformance`
//! hold against this one as against any other (`conformance`); the modules here are about what is its own: what it leaves in
//! the table, what it sends, DynamoDB's limits, its configuration.
//!
//! What DynamoDB does is asked of a real engine: what looks behind the component's back
//! reads and writes the embedded one itself; what counts requests, or has a bad day, sits between the two. Only what no
//! DynamoDB would answer is written by hand, and what breaks the network is a socket.

mod binding_create;
mod binding_numbers;
mod bulk;
mod cli;
mod clock_skew;
mod compatibility;
mod configuration;
mod configuration_fields;
mod conformance;
mod consistency;
mod cost;
mod credentials;
mod dependencies;
mod engine_call;
mod environment;
mod environment_fields;
mod etag;
mod faults;
mod faulty_server;
mod first_write;
mod fixture;
mod get_set_delete;
mod histories;
mod host_calls;
mod host_lends;
mod host_signs;
mod hostile_answers;
mod hostile_calls;
mod hostile_items;
mod hostile_plugins;
mod hostile_server;
mod hostile_sizes;
mod imports;
mod instance_pool;
mod limits;
mod lossy_proxy;
mod lost_answers;
mod memory;
mod odd_values;
mod readme;
mod retries_at_scale;
mod second_init;
mod secrets;
mod table_check;
mod timeouts;
mod tls;
mod transaction;
mod ttl;
mod unreachable;
mod wire;
mod wire_requests;
mod wire_silence;
