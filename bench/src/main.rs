//! `bench`: what a call of the component costs, beside the same call of others.
//!
//! `cases` are the calls, `contenders` make them, on the DynamoDB of `store`, in the clear or through `tls`.
//! `latency` calls them in turn; `throughput` lets many tasks call at once; `cold_start` and `memory`
//! are about starting instances and keeping them; `dapr` adds Dapr's own component in a process of its own.
//! `timing` measures, `statistics` makes figures of the times, and `report` shows them, with the `testbed` that they are of.
//!
//! All clients run on one thread with a runtime of its own (`process`); the DynamoDB has another one.
//!
//! One more part judges behaviour and compares nothing: `soak` looks on while many tasks call through a faulty network.

mod arguments;
mod cases;
mod cold_start;
mod compare;
mod contenders;
mod dapr;
mod latency;
mod memory;
mod process;
mod program;
mod report;
mod soak;
mod statistics;
mod store;
mod testbed;
mod throughput;
mod timing;
mod tls;

use self::compare::{Plan, Subjects};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    host_test::program::in_this_process(program::run).await
}
