//! Tests of loading and calling, with small components that the tests build from the contract.

mod calls;
pub(crate) mod components;
mod directories;
mod engine;
mod events;
pub(crate) mod folders;
#[cfg(unix)]
mod forks;
mod host_interfaces;
#[cfg(feature = "wasmtime")]
mod imports;
mod instance_pool;
mod loading;
mod memory;
#[cfg(unix)]
mod own_process;
mod slots;
mod stderr;
mod time_limit;

use crate::{Instance, InstanceOptions, Plugin};
use std::num::NonZeroUsize;
use tokio::runtime::{Builder, Runtime};

/// Panics with the value if it does not match the pattern.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        match &$value {
            $pattern $(if $guard)? => {}
            other => panic!("{other:?} does not match {}", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_matches;

pub(crate) fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// Makes a runtime that runs only inside `block_on`.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn load(component: &[u8]) -> Plugin {
    let builder = Plugin::builder().without_cache();
    builder.from_bytes(component).unwrap()
}

/// Loads a plugin with this limit of instances.
fn load_for(max_instances: usize, component: &[u8]) -> Plugin {
    let builder = Plugin::builder().without_cache();
    let builder = builder.max_instances(number(max_instances));
    builder.from_bytes(component).unwrap()
}

/// Starts an instance that is granted nothing.
async fn start(plugin: &Plugin) -> Instance {
    plugin.instantiate(&InstanceOptions::new()).await.unwrap()
}
