//! Embeds WebAssembly components that are Dapr state stores or output bindings, such as `dapr_dynamodb.wasm`.
//!
//! A [`Plugin`] is compiled and linked once. Of it come any number of [`Instance`]s, each with a memory and a
//! configuration of its own. What an instance may touch of the outside, its
//! [`InstanceOptions`] name: no environment variable, no file and no network unless they are given. Its way to the
//! network is an [`Egress`]: an allow-list of hosts, and one pool of connections for all instances that share it.
//!
//! ```no_run
//! use dapr_wasm_host::{Egress, InstanceOptions, Plugin, types::SetOptions};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let plugin = Plugin::from_file("dapr_dynamodb.wasm")?;
//!     let egress = Egress::builder().allow("dynamodb.*.amazonaws.com:443").build()?;
//!     let options = InstanceOptions::new().egress(egress).inherit_stderr();
//!
//!     let mut instance = plugin.instantiate(&options).await?;
//!     let mut store = instance.state()?;
//!     let metadata = [("table", "orders"), ("region", "eu-west-1"), ("accessKey", "…"), ("secretKey", "…")];
//!     store.init(&metadata.map(|(name, value)| (name.into(), value.into()))).await?;
//!
//!     let etag = store.set("order-1", br#"{"total": 7}"#, None).await?;
//!     let only_if_unchanged = SetOptions { etag: Some(etag), ..SetOptions::default() };
//!     store.set("order-1", br#"{"total": 8}"#, Some(only_if_unchanged)).await?;
//!     if let Some(item) = store.get("order-1", None).await? {
//!         println!("{}", String::from_utf8_lossy(&item.value));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The calls are those of the WIT package `dapr-wasm:components`, which says what each of them promises; any component
//! that exports its `state` or its `binding` interface will do. A call gives a [`CallError`]: the component's own
//! [`types::Error`], whose case a program branches on, or the loss of the instance.
//!
//! Everything runs on the embedder's [tokio](https://docs.rs/tokio) runtime. A call that waits for the network holds no
//! thread; one that computes does, without a limit.

#![deny(missing_docs, unsafe_code)]
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

mod binding;
mod contract;
mod egress;
mod error;
mod instance;
mod options;
mod plugin;
mod state;
mod stderr;
#[cfg(test)]
mod tests;
pub mod types;

pub use binding::Binding;
pub use egress::{Egress, EgressBuilder};
pub use error::{CallError, HostError};
pub use instance::Instance;
pub use options::InstanceOptions;
pub use plugin::{Plugin, PluginBuilder};
pub use state::State;
pub use stderr::CapturedStderr;
