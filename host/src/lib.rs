//! Embeds WebAssembly components that are Dapr state stores or output bindings, such as `dapr_dynamodb.wasm`.
//!
//! ```
//! use dapr_wasm_host::{Egress, InstanceOptions, InstancePool, Plugin};
//! use std::error::Error;
//! use tokio::task::JoinSet;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
//!     # let server = host_test::embedded::Embedded::start(host_test::embedded::Storage::Memory).await?;
//!     # server.create_table("orders", "key").await?;
//!     # let (file, endpoint) = (host_test::component_path(), server.endpoint());
//!     // `file` is the component, `endpoint` a DynamoDB, such as "https://dynamodb.eu-west-1.amazonaws.com".
//!     let plugin = Plugin::from_file(file)?; // compiled once
//!     let egress = Egress::builder().allow_url(endpoint).build()?; // connections for all; no other way out
//!     let pool = InstancePool::builder(&plugin)
//!         .options(InstanceOptions::new().egress(egress).inherit_stderr())
//!         .state([("table", "orders"), ("endpoint", endpoint), ("accessKey", "id"), ("secretKey", "secret")])
//!         .max_instances(32.try_into()?)
//!         .build();
//!
//!     let mut tasks = JoinSet::new();
//!     for task in 0..64 {
//!         let pool = pool.clone();
//!         tasks.spawn(async move {
//!             for order in (task..1_000).step_by(64) {
//!                 let mut instance = pool.acquire().await?;
//!                 instance.state()?.set(&format!("order-{order}"), b"new", None).await?;
//!             }
//!             Ok::<_, Box<dyn Error + Send + Sync>>(())
//!         });
//!     }
//!     while let Some(task) = tasks.join_next().await {
//!         task??;
//!     }
//!
//!     let mut instance = pool.acquire().await?;
//!     let item = instance.state()?.get("order-999", None).await?.ok_or("absent")?;
//!     assert_eq!(item.value, b"new");
//!     # assert_eq!(server.scan("orders").await?.len(), 1_000);
//!     Ok(())
//! }
//! ```
//!
//! A [`Plugin`] is compiled and linked once. Of it come any number of [`Instance`]s, each with a memory and a
//! configuration of its own. What an instance may touch of the outside, its [`InstanceOptions`] name: no environment
//! variable, no file and no network unless they are given. Its way to the network is an [`Egress`]: an allow-list of
//! hosts, and one pool of connections for all instances that share it.
//!
//! An instance does one call after the other. An [`InstancePool`] lends instances to any number of tasks: it starts and
//! configures them when they are first needed, as many as it has room for; whoever asks first is served first; one that
//! trapped, or whose call was abandoned, is replaced.
//!
//! The calls are those of the WIT package `dapr-wasm:components`, which says what each of them promises; any component
//! that exports its `state` or its `binding` interface will do. A call gives a [`CallError`]: the component's own
//! [`types::Error`], whose case a program branches on, or the loss of the instance.
//!
//! # One instance
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::{CallError, Egress, InstanceOptions, Plugin, types::{Error, SetOptions}};
//!
//! let plugin = Plugin::from_file("dapr_dynamodb.wasm")?;
//! let egress = Egress::builder().allow("dynamodb.*.amazonaws.com:443").build()?;
//! let options = InstanceOptions::new().egress(egress).env("AWS_REGION", "eu-west-1");
//! let mut instance = plugin.instantiate(&options).await?;
//! let mut store = instance.state()?;
//! store.init(&[("table", "orders"), ("accessKey", "…"), ("secretKey", "…")]).await?;
//!
//! let etag = store.set("order-1", br#"{"total": 7}"#, None).await?;
//! let only_if_unchanged = SetOptions { etag: Some(etag), ..SetOptions::default() };
//! match store.set("order-1", br#"{"total": 8}"#, Some(only_if_unchanged)).await {
//!     Ok(etag) => println!("written as {etag}"),
//!     Err(CallError::Component(Error::EtagMismatch(sentence))) => println!("somebody was faster: {sentence}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Components that are not trusted
//!
//! A component cannot harm the process, nor keep the instances of others from their work, within limits that its embedder
//! sets. What they are about, and what they leave open, the repository's `SECURITY.md` says.
//!
//! ```no_run
//! # fn example(egress: dapr_wasm_host::Egress) -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::InstanceOptions;
//! use std::time::Duration;
//!
//! let options = InstanceOptions::new()
//!     .egress(egress) // its hosts and ports, and no other way out
//!     .memory_limit(64 << 20) // bytes
//!     .time_limit(Duration::from_secs(30)) // for each call
//!     .max_requests(16.try_into()?); // at a time
//! # Ok(())
//! # }
//! ```
//!
//! # AWS credentials
//!
//! With the feature `aws`, an [`Egress`] signs what components send unsigned, so that they need no key, and
//! [`InstanceOptions`] lend them credentials that are asked for once for all. The README has a whole program for each, and
//! says when to choose which.
//!
//! # What it costs
//!
//! A plugin is compiled once for a machine: the code is kept in a folder that only this user can write to
//! ([`PluginBuilder::cache_directory`]), checked against its digest and mapped at the next load. Its instances live in
//! slots that are reserved when it is loaded ([`PluginBuilder::max_instances`]), which takes address space and no
//! memory; an instance begins with the component's own memory image and takes memory for what it writes to.
//! [`InstanceOptions::memory_limit`] bounds that, and [`Instance::memory_size`] tells it.
//!
//! Plugins that share an [`Engine`] reserve that address space once, and share one limit of instances.
//!
//! Everything runs on the embedder's [tokio](https://docs.rs/tokio) runtime, which needs its I/O and its timers
//! (`enable_all`): wasmtime's clocks panic without. A call that waits for the network holds no
//! thread; one that computes gives way to other tasks every few milliseconds, and ends after
//! [`InstanceOptions::time_limit`].

#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod background;
mod compiled_code;
mod contract;
#[cfg(feature = "aws")]
mod credentials;
mod egress;
mod engine;
mod epoch;
mod error;
#[cfg(feature = "wasmtime")]
mod imports;
mod instance;
mod instance_pool;
mod memory;
mod options;
mod plugin;
mod stderr;
#[cfg(test)]
mod tests;
pub mod types;

#[cfg(feature = "aws")]
pub use credentials::AwsCredentials;
pub use egress::{Egress, EgressBuilder, InternalAddresses, Tls};
pub use engine::{Engine, EngineBuilder};
pub use error::{CallError, EngineError, HostError, PoolError};
#[cfg(feature = "wasmtime")]
pub use instance::HostState;
pub use instance::{Binding, Instance, State};
pub use instance_pool::{InstancePool, InstancePoolBuilder, PoolStats, PooledInstance};
pub use options::InstanceOptions;
pub use plugin::{Plugin, PluginBuilder};
pub use stderr::CapturedStderr;

#[cfg(feature = "wasmtime")]
pub use {wasmtime, wasmtime_wasi};

#[cfg(all(doctest, feature = "aws"))]
#[doc = include_str!("../README.md")]
struct Readme;
