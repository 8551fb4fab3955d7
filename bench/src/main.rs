//! `bench`: compares the cost of a call of the component with the same call of other clients.
//!
//! Every section measures two builds of the component: the portable one, which imports `wasi:http`, and the hosted one,
//! which imports `dapr-wasm:host`.
//!
//! - `cases` lists the calls. `contenders` make them, over plain HTTP or through `tls`, against the DynamoDB of `store`.
//! - `latency` calls the contenders one at a time. `throughput` lets many tasks call at once.
//! - `cold_start` measures the start of instances, and `memory` the memory of idle ones.
//! - `dapr` compares with Dapr's own component, which runs in a separate process.
//! - `timing` measures and lets contenders work in turn, `statistics` computes the figures, and `report` shows them together with the machine and the
//!   versions (`testbed`).
//!
//! All clients run on one thread with its own runtime (`process`). The DynamoDB runs on another thread.
//!
//! `soak` compares nothing. It checks behaviour while many tasks call through a faulty network.

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
