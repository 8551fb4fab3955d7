//! Runs WebAssembly components that are Dapr state stores or output bindings, such as `dapr_dynamodb.wasm`, inside your
//! program.
//!
//! You load a component once as a [`Plugin`] and start an [`Instance`] of it. Then you call the instance through Rust
//! methods such as [`State::get`], [`State::set`] and [`Binding::invoke`]. An instance has a memory and a configuration of
//! its own. It reaches only the hosts, files and environment variables that you grant. A trap in it does not harm your
//! process.
//!
//! Any component works that exports the interface `state` or `binding` of the WIT package `dapr-wasm:components`. The WIT
//! files say what each call promises.
//!
//! # Quick start
//!
//! 1. Depend on the crate by its path, since it is not on crates.io yet. It runs on [tokio](https://docs.rs/tokio) and
//!    needs a runtime with I/O and timers, which `#[tokio::main]` and [`enable_all`] give you. Without timers, the clocks
//!    of an instance panic.
//!
//!    ```toml
//!    [dependencies]
//!    dapr-wasm-host = { path = "…/dapr-dynamodb/host" }
//!    tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//!
//!    # wasmtime's compiler: without optimisation, the first start of a debug build takes many seconds.
//!    [profile.dev.package.cranelift-codegen]
//!    opt-level = 3
//!    [profile.dev.package.regalloc2]
//!    opt-level = 3
//!    ```
//!
//! 2. In this repository, build the component, and start a local DynamoDB that has a table `orders`, in a second terminal:
//!
//!    ```sh
//!    cargo build -p host-test && release/build # writes target/wasm32-wasip2/release/dapr_dynamodb.wasm
//!    target/debug/host-test serve --port 8000 --table orders # runs until it is interrupted
//!    ```
//!
//! 3. Run this program:
//!
//! ```
//! use dapr_wasm_host::types::SetOptions;
//! use dapr_wasm_host::{Egress, InstanceOptions, Plugin};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let component = "…/target/wasm32-wasip2/release/dapr_dynamodb.wasm";
//!     let endpoint = "http://127.0.0.1:8000";
//!     # let server = host_test::embedded::Embedded::start(host_test::embedded::Storage::Memory).await?;
//!     # server.create_table("orders", "key").await?;
//!     # let (component, endpoint) = (host_test::component_path(), server.endpoint());
//!
//!     // Compiles the component. Later runs load the compiled code from a cache on disk.
//!     let plugin = Plugin::from_file(component)?;
//!     // The instance may send requests to this address and nowhere else.
//!     let egress = Egress::builder().allow_url(endpoint).build()?;
//!     // The component logs to stderr.
//!     let options = InstanceOptions::new().egress(egress).inherit_stderr();
//!     let mut instance = plugin.instantiate(&options).await?;
//!
//!     let mut store = instance.state()?;
//!     let fields = [("table", "orders"), ("endpoint", endpoint), ("accessKey", "id"), ("secretKey", "secret")];
//!     store.init(&fields).await?;
//!
//!     let etag = store.set("order-1", b"new", None).await?;
//!     // With an ETag, the write succeeds only if nobody has changed the item since.
//!     let unchanged = SetOptions { etag: Some(etag), ..SetOptions::default() };
//!     store.set("order-1", b"paid", Some(unchanged)).await?;
//!
//!     match store.get("order-1", None).await? {
//!         Some(item) => println!("{}", String::from_utf8(item.value)?), // paid
//!         None => println!("there is no order-1"),
//!     }
//!     # let item = store.get("order-1", None).await?.ok_or("absent")?;
//!     # assert_eq!(item.value, b"paid");
//!     Ok(())
//! }
//! ```
//!
//! For AWS itself, replace `endpoint` by `region`, use your own keys, and allow `https://dynamodb.<region>.amazonaws.com` in
//! the [`Egress`]. `docs/reference/configuration.md` lists all fields.
//!
//! # Many tasks: `InstancePool`
//!
//! An instance makes one call at a time. An [`InstancePool`] lends instances to any number of tasks. It starts and
//! configures an instance when a task needs one and none is idle, up to a limit. Tasks are served in the order in which
//! they asked. The pool replaces an instance that trapped or whose call was cancelled or dropped.
//!
//! ```
//! use dapr_wasm_host::{Egress, InstanceOptions, InstancePool, Plugin};
//! use std::error::Error;
//! use std::time::Duration;
//! use tokio::task::JoinSet;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
//! # let server = host_test::embedded::Embedded::start(host_test::embedded::Storage::Memory).await?;
//! # server.create_table("orders", "key").await?;
//! # let (component, endpoint) = (host_test::component_path(), server.endpoint());
//! let plugin = Plugin::from_file(component)?;
//! let egress = Egress::builder().allow_url(endpoint).build()?; // its connections serve all instances
//! let pool = InstancePool::builder(&plugin)
//!     .options(InstanceOptions::new().egress(egress).time_limit(Duration::from_secs(60)))
//!     .state([("table", "orders"), ("endpoint", endpoint), ("accessKey", "id"), ("secretKey", "secret")])
//!     .max_instances(16.try_into()?)
//!     .build();
//!
//! let mut tasks = JoinSet::new();
//! for order in 0..100 {
//!     let pool = pool.clone(); // the same pool
//!     tasks.spawn(async move {
//!         let mut instance = pool.acquire().await?;
//!         instance.state()?.set(&format!("order-{order}"), b"new", None).await?;
//!         Ok::<_, Box<dyn Error + Send + Sync>>(()) // dropping `instance` gives it back
//!     });
//! }
//! while let Some(task) = tasks.join_next().await {
//!     task??;
//! }
//! # assert_eq!(server.scan("orders").await?.len(), 100);
//! # Ok(())
//! # }
//! ```
//!
//! # A time limit per call
//!
//! [`InstanceOptions::time_limit`] limits each call of an instance; it is unset by default. [`State::time_limit`] and
//! [`Binding::time_limit`] override it for the calls of one handle:
//!
//! ```no_run
//! # async fn example(pool: dapr_wasm_host::InstancePool) -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::CallError;
//! use std::time::Duration;
//!
//! let mut instance = pool.acquire().await?;
//! let mut store = instance.state()?.time_limit(Duration::from_secs(2));
//! match store.get("order-1", None).await {
//!     Ok(item) => println!("{item:?}"),
//!     Err(CallError::TimeLimit { limit }) => println!("no result within {limit:?}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A call past its limit is cancelled, whether the component computes or waits for the network. Its instance is lost, and
//! a pool replaces it. The same happens if you drop the future of a call, as [`tokio::time::timeout`] does.
//!
//! Set the limit above the component's own timeouts. For `dapr_dynamodb.wasm` these are `maxAttempts` times
//! `requestTimeout`, by default 4 × 10 s. For shorter calls lower these fields, such as `("requestTimeout", "2s")`. A component
//! that times out by itself keeps its instance, and its error says what it waited for.
//!
//! A pool configures the replacement first, which reads the table, within [`InstanceOptions::time_limit`]. If the server still
//! does not respond, `acquire` returns [`PoolError::Init`], and the same error for one second more
//! ([`InstancePoolBuilder::retry_pause`]). Waiting for a free instance has no limit: put `tokio::time::timeout` around
//! `acquire` if you need one.
//!
//! # Errors
//!
//! | type | you get it from |
//! |---|---|
//! | [`HostError`] | loading a plugin, starting an instance, building an [`Egress`] |
//! | [`CallError`] | a call; [`CallError::Component`] holds the component's own [`types::Error`] |
//! | [`PoolError`] | [`InstancePool::acquire`] and [`InstancePool::warm_up`] |
//!
//! Match on the cases. The text is for people: it says what is wrong and what to do, and its wording may change.
//!
//! ```no_run
//! # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::CallError;
//! use dapr_wasm_host::types::{Error, SetOptions};
//!
//! let mut store = instance.state()?;
//! let item = store.get("order-1", None).await?.ok_or("absent")?;
//! // Without an ETag, the set would replace whatever is stored.
//! let etag = item.etag.ok_or("written by another tool, without an ETag")?;
//! let unchanged = SetOptions { etag: Some(etag), ..SetOptions::default() };
//! match store.set("order-1", b"paid", Some(unchanged)).await {
//!     Ok(etag) => println!("written, with the ETag {etag}"),
//!     // An error that the component returned. The instance stays usable.
//!     Err(CallError::Component(Error::EtagMismatch(_))) => println!("somebody was faster: read again, decide again"),
//!     // A write whose outcome is unknown. Read the item to find out.
//!     Err(CallError::Component(error @ (Error::Timeout(_) | Error::Unavailable(_)))) => println!("{error}"),
//!     // The call was cut off. The instance is lost, and the outcome of a write is unknown.
//!     Err(error @ (CallError::TimeLimit { .. } | CallError::Trap(_))) => println!("{error}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A lost instance returns [`CallError::InstanceLost`] for every further call. Drop it and start another one; a pool does that
//! for you. The plugin and its other instances are not affected.
//!
//! # Limits and what a plugin can reach
//!
//! An instance reaches nothing of the outside but clocks and random numbers, unless you grant it:
//!
//! | an instance can | by default | granted with |
//! |---|---|---|
//! | send HTTP requests | to no host | [`Egress`] and [`InstanceOptions::egress`] |
//! | read environment variables | none | [`InstanceOptions::env`] |
//! | read files | none | [`InstanceOptions::read_only_directory`] |
//! | write to standard error | discarded | [`InstanceOptions::inherit_stderr`], [`capture_stderr`], [`trace_stderr`], [`stderr`] |
//!
//! These limits apply:
//!
//! | limit | default | set with |
//! |---|---|---|
//! | linear memory of an instance | 4 GiB for each memory | [`InstanceOptions::memory_limit`] |
//! | time of a call, and of a start | unlimited | [`InstanceOptions::time_limit`] |
//! | HTTP requests of an instance at a time | 64 | [`InstanceOptions::max_requests`] |
//! | HTTP requests of a plugin at a time | 256 | [`PluginBuilder::max_requests`] |
//! | connections of an egress | 512 | [`EgressBuilder::max_connections`] |
//! | instances of a pool | 64 | [`InstancePoolBuilder::max_instances`] |
//! | instances of a plugin | 1,000 | [`PluginBuilder::max_instances`] |
//! | streams, requests and timers that an instance holds | 1,000 | |
//! | headers of one HTTP message | 32 KiB | |
//! | responses that [`http-client`](#requests-of-a-component) keeps, and bodies to send | 128 MiB each | [`InstanceOptions::memory_limit`], if lower |
//!
//! For a component that you do not trust, set a memory limit and a time limit. Within these limits, it cannot harm your
//! process or block other instances:
//!
//! ```no_run
//! # fn example(egress: dapr_wasm_host::Egress) -> Result<(), Box<dyn std::error::Error>> {
//! use dapr_wasm_host::InstanceOptions;
//! use std::time::Duration;
//!
//! let options = InstanceOptions::new()
//!     .egress(egress)
//!     .memory_limit(64 << 20) // bytes
//!     .time_limit(Duration::from_secs(60))
//!     .max_requests(16.try_into()?);
//! # let _ = options;
//! # Ok(())
//! # }
//! ```
//!
//! The repository's `SECURITY.md` says what these limits protect against, and what they do not.
//!
//! # Requests of a component
//!
//! A component may send requests with `wasi:http`, or with `http-client` of the WIT package `dapr-wasm:host`. One call of
//! `http-client` takes a whole request and returns the whole response, which is faster. The rules, limits, signatures and
//! connections are the same. The package also has `digest`, for hashes that the host computes.
//!
//! This documentation names the error codes of `wasi:http`. They correspond to these failures of `http-client`:
//!
//! | `wasi:http` | `http-client` |
//! |---|---|
//! | `HTTP-request-denied`, `destination-IP-prohibited` | `denied` |
//! | `HTTP-request-body-size` | `invalid-request` |
//! | `DNS-error` | `name-not-resolved` |
//! | `connection-limit-reached` | `no-connection` |
//! | `connection-timeout` | `connect-timeout` |
//! | `HTTP-response-timeout` | `timeout` |
//!
//! A response of `http-client` that is longer than the host may keep is `damaged`.
//!
//! # AWS credentials
//!
//! With the feature `aws`, an [`Egress`] can sign the requests that a component sends unsigned, so that the component needs
//! no key. [`InstanceOptions`] can instead lend credentials to a component that signs for itself. In both cases the host
//! fetches credentials once for all instances. The README of this crate has a whole program for each, and says when to choose which.
//!
//! # Cost
//!
//! - A plugin is compiled once for a machine. The compiled code is cached in a folder that only this user can write to
//!   ([`PluginBuilder::cache_directory`]), and checked against its digest at each load.
//! - A plugin reserves address space for its instances when it is loaded, and no memory. Plugins that share an
//!   [`Engine`] reserve it once.
//! - An instance starts with the component's initial memory image, and takes memory only for the pages that it writes to.
//!   [`Instance::memory_size`] returns the size of its linear memory.
//! - A call that waits for the network holds no thread. One that computes yields to the other tasks of its thread every
//!   5 ms.
//!
//! # Cargo features
//!
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `aws` | `EgressBuilder::sign`, `InstanceOptions::lend_credentials` and `AwsCredentials`; turns on `native-roots` |
//! | `native-roots` | `Tls::native_roots`: trust the root certificates of the operating system |
//! | `wasmtime` | `PluginBuilder::imports`: interfaces of your own for components; re-exports `wasmtime` and `wasmtime_wasi` |
//!
//! [`capture_stderr`]: InstanceOptions::capture_stderr
//! [`enable_all`]: tokio::runtime::Builder::enable_all
//! [`stderr`]: InstanceOptions::stderr
//! [`trace_stderr`]: InstanceOptions::trace_stderr

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
mod digest;
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

/// The repository's page on Rust. The package of this crate does not contain it.
#[cfg(all(doctest, feature = "aws"))]
#[doc = include_str!("../../docs/hosts/rust.md")]
struct RustPage;
