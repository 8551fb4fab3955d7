//! Loading and calling, against components made on the spot from the contract itself.

#[cfg(unix)]
mod alone;
mod calls;
pub(crate) mod components;
mod directories;
mod engine;
pub(crate) mod folders;
#[cfg(unix)]
mod forks;
#[cfg(feature = "wasmtime")]
mod imports;
mod instance_pool;
mod loading;
mod memory;
mod slots;
mod stderr;
mod time_limit;
