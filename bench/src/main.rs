//! `bench`: what a call of the component costs, beside the same call of others.
//!
//! `cases` says what is called, `contenders` who is, on the DynamoDB of `store`, in the clear or through `tls`.
//! `latency` calls them in turn, by `pairs`; `throughput` lets many tasks call at once; `cold_start` and `memory`
//! are about starting instances and keeping them; `dapr` adds Dapr's own component in a process of its own. The last
//! and `throughput` compare `bursts` of calls.
//! `statistics` makes figures of the times, and `report` shows them, with the `machine` that they are of.
//!
//! All clients run on one thread with a runtime of its own (`own_thread`); the DynamoDB has another one.
//!
//! Two more parts are commands (`command`), for they judge behaviour and compare nothing: `retries` and `soak` look on while
//! many tasks call through a `faulty` network, the latter with the DynamoDB in an `engine_process`.

mod arguments;
mod bursts;
mod cases;
mod cold_start;
mod command;
mod compare;
mod contenders;
mod dapr;
mod engine_process;
mod faulty;
mod latency;
mod machine;
mod memory;
mod open_files;
mod own_item;
mod own_thread;
mod pairs;
mod program;
mod progress;
mod report;
mod retries;
mod soak;
mod statistics;
mod store;
mod throughput;
mod tls;

use std::process::ExitCode;

use self::compare::{Plan, Subjects};

#[tokio::main]
async fn main() -> ExitCode {
    host_test::program::in_this_process(program::run).await
}
