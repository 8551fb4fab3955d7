//! Loading and calling, against components made on the spot from the contract itself.

mod calls;
pub(crate) mod components;
mod directories;
mod engine;
mod events;
pub(crate) mod folders;
#[cfg(unix)]
mod forks;
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

/// Panics, and prints the value, where it does not match.
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

/// A runtime that runs while somebody waits for something on it.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn load(component: &[u8]) -> Plugin {
    let builder = Plugin::builder().without_cache();
    builder.from_bytes(component).unwrap()
}

/// A plugin that may have so many instances.
fn load_for(max_instances: usize, component: &[u8]) -> Plugin {
    let builder = Plugin::builder().without_cache();
    let builder = builder.max_instances(number(max_instances));
    builder.from_bytes(component).unwrap()
}

/// An instance that is given nothing.
async fn start(plugin: &Plugin) -> Instance {
    plugin.instantiate(&InstanceOptions::new()).await.unwrap()
}
