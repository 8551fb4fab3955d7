//! The errors of this crate. Every message names the remedy.
//!
//! [`HostError`] is for loading and starting, [`CallError`] for calls, [`PoolError`] for an instance pool.

use crate::types;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An error of the WebAssembly engine: a trap, or the reason why a component does not compile, link or start.
///
/// `Display` prints all causes, outermost first. For a trap these are the backtrace of the component, then the reason.
/// `Debug` prints the same, with one cause per line. [`source`](Error::source) walks through the causes. Their text comes
/// from the engine and changes with its version.
///
/// ```no_run
/// # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::CallError;
///
/// match instance.state()?.get("order-1", None).await {
///     Err(CallError::Trap(trap)) => {
///         eprintln!("trapped: {}", trap.root_cause()); // such as: wasm `unreachable` instruction executed
///         eprintln!("{trap}"); // with the backtrace
///     }
///     other => println!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
pub struct EngineError(wasmtime::Error);

impl EngineError {
    pub(crate) fn new(error: wasmtime::Error) -> Self {
        Self(error)
    }

    /// Returns the innermost cause. For a trap that is its reason, without the backtrace.
    #[must_use]
    pub fn root_cause(&self) -> &(dyn Error + 'static) {
        self.0.root_cause()
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

// `{:#?}` of wasmtime's error shows its private fields in place of the causes.
impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Error for EngineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// The error of loading a [`Plugin`](crate::Plugin), starting an [`Instance`](crate::Instance), or building an
/// [`Egress`](crate::Egress) or [`Engine`](crate::Engine).
///
/// ```
/// use dapr_wasm_host::{HostError, Plugin};
///
/// match Plugin::from_file("no/such/file.wasm") {
///     Err(HostError::ReadFile { path, cause }) => println!("{} is not readable: {cause}", path.display()),
///     Err(error) => println!("{error}"),
///     Ok(plugin) => println!("{plugin:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The component's file could not be read.
    #[error("cannot read the component {}: {cause}; check the path and its permissions", path.display())]
    ReadFile {
        /// The path that was given.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// The bytes are not a component: they are a core module, or not WebAssembly.
    #[error(
        "{found} is not a WebAssembly component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    NotAComponent {
        /// A description of the bytes, such as "this core module".
        found: &'static str,
    },
    /// The bytes begin like a component, but do not compile.
    #[error("the component does not compile: {0}; check that the file is complete, and rebuild it")]
    Compile(EngineError),
    /// The component exports neither a state store nor an output binding.
    #[error(
        "the component exports neither {} nor {}; build it against the WIT package dapr-wasm:components@0.1.0",
        crate::contract::STATE,
        crate::contract::BINDING
    )]
    NoContract,
    /// The component exports an interface with the contract's name, but with other functions or types.
    #[error(
        "the component's {interface} differs from the contract: {cause}; rebuild it against the WIT package dapr-wasm:components@0.1.0"
    )]
    ContractMismatch {
        /// The full name of the interface.
        interface: &'static str,
        /// The difference.
        cause: EngineError,
    },
    /// The component imports something other than WASI 0.2, `wasi:http` and what `PluginBuilder::imports` defines.
    #[error(
        "the component imports an interface that this host does not offer: {0}; build it with only WASI 0.2 and wasi:http's outgoing half, or offer the interface with PluginBuilder::imports (feature `wasmtime`)"
    )]
    ImportNotOffered(EngineError),
    /// A function given to `PluginBuilder::imports` failed, or two functions define the same name.
    #[error("a function given to PluginBuilder::imports failed: {0}; correct that function")]
    Imports(EngineError),
    /// A function given to `PluginBuilder::imports` defines an interface that this host offers itself. A compatible version of
    /// such an interface counts as the same.
    #[error(
        "PluginBuilder::imports defines {interface}, which this host offers itself; leave it out, or give it another name"
    )]
    ImportTaken {
        /// The interface, as the component imports it.
        interface: String,
    },
    /// The folder given to [`PluginBuilder::cache_directory`](crate::PluginBuilder::cache_directory) cannot be used.
    #[error(
        "cannot cache compiled code in {}: {cause}; name a folder that only this user can write to, or use PluginBuilder::without_cache",
        directory.display()
    )]
    CompiledCodeCache {
        /// The folder that was given.
        directory: PathBuf,
        /// The reason.
        #[source]
        cause: std::io::Error,
    },
    /// The WebAssembly engine cannot start on this machine, or with this configuration.
    #[error(
        "the WebAssembly engine does not start: {0}; check that wasmtime supports this platform and that this process may start a thread"
    )]
    Engine(EngineError),
    /// The plugin has reached its limit of instances.
    #[error(
        "the limit is {max_instances} instances for the plugin, and all are in use; drop some, or raise PluginBuilder::max_instances"
    )]
    TooManyInstances {
        /// The limit of instances at a time.
        max_instances: usize,
    },
    /// The plugins of a shared [`Engine`](crate::Engine) have together reached its limit of instances.
    #[error(
        "the limit is {max_instances} instances for the plugins of the engine, and all are in use; drop some, or raise EngineBuilder::max_instances"
    )]
    EngineFull {
        /// The limit of instances at a time, of all plugins together.
        max_instances: usize,
    },
    /// The component needs more for each instance than the shared [`Engine`](crate::Engine) has reserved.
    #[error(
        "the component needs {option} = {needed}, but its engine was built with {reserved}; raise EngineBuilder::{option}, or load the plugin without PluginBuilder::engine"
    )]
    EngineTooSmall {
        /// The method of [`EngineBuilder`](crate::EngineBuilder) that raises the limit.
        option: &'static str,
        /// The number that the engine has reserved.
        reserved: u64,
        /// The number that the component needs.
        needed: u64,
    },
    /// The plugin was given a shared [`Engine`](crate::Engine) and a setting that belongs to the engine.
    #[error(
        "PluginBuilder::{option} cannot be used together with PluginBuilder::engine; use EngineBuilder::{option}"
    )]
    EngineSetting {
        /// The method, which both builders have.
        option: &'static str,
    },
    /// A directory granted to the instance cannot be opened.
    #[error(
        "cannot open the directory {} for the component: {cause}; check that it exists and that this process may read it, or remove InstanceOptions::read_only_directory",
        path.display()
    )]
    Directory {
        /// The path that was given to
        /// [`InstanceOptions::read_only_directory`](crate::InstanceOptions::read_only_directory).
        path: PathBuf,
        /// The reason.
        cause: EngineError,
    },
    /// The component could not be instantiated.
    #[error(
        "the component does not start: {0}; check the memory limit of this process, and the component's messages on stderr"
    )]
    Instantiate(EngineError),
    /// The plugin was loaded, or its engine built, before this process was forked.
    #[error(
        "this process was forked after the plugin was loaded or its engine built, and does not have their threads; load the plugin in this process, with an engine and an Egress of its own"
    )]
    ForkedProcess,
    /// The component needs more memory to start than
    /// [`InstanceOptions::memory_limit`](crate::InstanceOptions::memory_limit) allows.
    #[error(
        "the component does not start within its memory limit of {limit} bytes: {cause}; raise the limit"
    )]
    MemoryLimit {
        /// The limit, in bytes.
        limit: usize,
        /// The failed allocation.
        cause: EngineError,
    },
    /// The component took longer to start than [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit) allows.
    #[error(
        "the component does not start within its time limit of {limit:?}; raise the limit, or check what the component does at its start"
    )]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// The operating system returned no random numbers. They make the token that guards lent credentials.
    #[error(
        "the operating system returns no random numbers; check that this process may ask for them"
    )]
    NoRandomNumbers,
    /// A rule of the allow-list is invalid, or the address, region or service of a signing rule.
    #[error("the egress rule {rule:?} {reason}")]
    EgressRule {
        /// The rule that was given.
        rule: String,
        /// The reason, and an example of a valid rule.
        reason: &'static str,
    },
    /// A root certificate cannot be read.
    #[error(
        "a root certificate is unusable: {0}; give one X.509 certificate in DER, or one or more in PEM"
    )]
    RootCertificate(String),
    /// The root certificates of the operating system cannot be used.
    #[error(
        "the operating system has no usable root certificates: {0}; install them (the package ca-certificates on most Linux systems), or set your own with Tls::root_certificate"
    )]
    NativeRoots(String),
    /// The client certificate, or its private key, cannot be used.
    #[error(
        "the client certificate is unusable: {0}; give Tls::client_certificate the chain and its unencrypted private key, both in PEM"
    )]
    ClientCertificate(String),
    /// The TLS library refused its configuration.
    #[error("cannot set up TLS: {0}; this is a bug in dapr-wasm-host, please report it")]
    Tls(String),
}

impl HostError {
    pub(crate) fn contract_mismatch(interface: &'static str, cause: wasmtime::Error) -> Self {
        let cause = EngineError::new(cause);
        Self::ContractMismatch { interface, cause }
    }
}

/// The error of a call.
///
/// | case | instance | outcome of a write |
/// |---|---|---|
/// | [`Component`](Self::Component) | usable | unknown after `Timeout` and `Unavailable`; otherwise nothing was written |
/// | [`Trap`](Self::Trap), [`MemoryLimit`](Self::MemoryLimit) | lost | unknown |
/// | [`TimeLimit`](Self::TimeLimit) | lost, unless the limit is zero | unknown, unless the limit is zero |
/// | [`InstanceLost`](Self::InstanceLost) | lost | nothing was written |
/// | [`ForkedProcess`](Self::ForkedProcess) | unusable in this process | nothing was written |
/// | [`NotExported`](Self::NotExported) | usable | nothing was written |
///
/// ```no_run
/// # async fn example(instance: &mut dapr_wasm_host::Instance) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::CallError;
/// use dapr_wasm_host::types::Error;
///
/// match instance.state()?.get("order-1", None).await {
///     Ok(item) => println!("{item:?}"),
///     Err(CallError::Component(Error::Throttled(message))) => println!("try again later: {message}"),
///     Err(CallError::Component(error)) => println!("{error}"), // such as: not-found: …
///     Err(error) => println!("start another instance: {error}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component returned an error of the contract. The instance stays usable.
    #[error(transparent)]
    Component(#[from] types::Error),
    /// The component trapped: it panicked, ran out of memory or broke the rules of WebAssembly. This instance is lost; others
    /// of the same plugin are not. The outcome of a write is unknown.
    #[error("the component trapped: {0}; start a new instance, and see its stderr for the reason")]
    Trap(EngineError),
    /// The component asked for more memory than [`InstanceOptions::memory_limit`](crate::InstanceOptions::memory_limit) allows,
    /// and trapped. As with any trap, the instance is lost and the outcome of a write is unknown.
    #[error(
        "the component reached its memory limit of {limit} bytes and trapped: {trap}; raise the limit, or ask for less in one call"
    )]
    MemoryLimit {
        /// The limit, in bytes.
        limit: usize,
        /// The trap.
        trap: EngineError,
    },
    /// The call was cancelled at its time limit. The instance is lost, and the outcome of a write is unknown.
    ///
    /// The limit is that of [`State::time_limit`](crate::State::time_limit) or
    /// [`Binding::time_limit`](crate::Binding::time_limit), or else
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit). If it is zero, the component was not called and the
    /// instance stays usable.
    #[error("{}", time_limit(limit))]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// The instance is lost: an earlier call trapped, exceeded its time limit, or was dropped before it was done. The component
    /// was not called.
    #[error(
        "this instance is lost: an earlier call trapped, exceeded its time limit or was dropped; drop it and start or acquire another one"
    )]
    InstanceLost,
    /// The instance was started before this process was forked. The component was not called.
    #[error(
        "this process was forked after the instance was started, and does not have its threads; load the plugin in this process, with an Egress of its own"
    )]
    ForkedProcess,
    /// The component does not export the interface.
    #[error(
        "the component does not export {interface}; load one that does, or check Plugin::exports_state and Plugin::exports_binding first"
    )]
    NotExported {
        /// The full name of the interface.
        interface: &'static str,
    },
}

fn time_limit(limit: &Duration) -> String {
    if limit.is_zero() {
        return "the time limit of the call is zero, so the component was not called; call again with a longer time limit"
            .to_owned();
    }
    format!(
        "the call did not end within its time limit of {limit:?} and was cancelled; drop this instance and start or acquire another one, and raise the limit if calls may take longer"
    )
}

impl CallError {
    /// Returns the component's own error, or `None` if the call failed in another way.
    #[must_use]
    pub fn component(&self) -> Option<&types::Error> {
        match self {
            Self::Component(error) => Some(error),
            Self::Trap(_)
            | Self::MemoryLimit { .. }
            | Self::TimeLimit { .. }
            | Self::InstanceLost
            | Self::ForkedProcess
            | Self::NotExported { .. } => None,
        }
    }
}

/// The error of [`InstancePool::acquire`](crate::InstancePool::acquire) and
/// [`InstancePool::warm_up`](crate::InstancePool::warm_up).
///
/// A clone is the same error. The pool returns one error to several callers, within
/// [`InstancePoolBuilder::retry_pause`](crate::InstancePoolBuilder::retry_pause) after a failed start.
///
/// ```no_run
/// # async fn example(pool: dapr_wasm_host::InstancePool) {
/// use dapr_wasm_host::{HostError, PoolError};
///
/// match pool.acquire().await {
///     Ok(instance) => println!("{instance:?}"),
///     Err(PoolError::Init(cause)) => println!("check the fields of the component: {cause}"),
///     Err(PoolError::Instantiate(cause)) if matches!(*cause, HostError::TooManyInstances { .. }) => {
///         println!("other pools of the plugin have all its instances: {cause}");
///     }
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// The instance did not start.
    Instantiate(Arc<HostError>),
    /// The instance started, but its `init` failed.
    Init(Arc<CallError>),
    /// The pool was closed.
    Closed,
    /// The task that started an instance panicked, or its tokio runtime was shut down.
    Interrupted,
}

impl PoolError {
    pub(crate) fn instantiate(cause: HostError) -> Self {
        Self::Instantiate(Arc::new(cause))
    }

    pub(crate) fn init(cause: CallError) -> Self {
        Self::Init(Arc::new(cause))
    }

    /// Returns true if another start would probably fail in the same way, at the same cost.
    pub(crate) fn is_worth_remembering(&self) -> bool {
        match self {
            // Cheap to find out, and over as soon as another pool drops an instance.
            Self::Instantiate(cause) => !matches!(
                **cause,
                HostError::TooManyInstances { .. } | HostError::EngineFull { .. }
            ),
            Self::Init(_) => true,
            Self::Closed | Self::Interrupted => false,
        }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instantiate(cause) => cause.fmt(f),
            Self::Init(cause) => write!(f, "cannot configure the component: {cause}"),
            Self::Closed => f.write_str("the instance pool is closed; build another one"),
            Self::Interrupted => f.write_str(
                "the start of an instance panicked, or its tokio runtime was shut down; see stderr for a panic, and acquire again",
            ),
        }
    }
}

// Not derived: thiserror would return the `Arc` as the source, which cannot be downcast to the error in it.
impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Instantiate(cause) => cause.source(),
            Self::Init(cause) => Some(&**cause),
            Self::Closed | Self::Interrupted => None,
        }
    }
}

/// Returns the texts of an error and its causes, outermost first, joined by `: `.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<_> = sources(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// Returns an error and its causes, outermost first.
pub(crate) fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> EngineError {
        EngineError::new(wasmtime::Error::msg("innermost").context("outermost"))
    }

    #[test]
    fn engine_error_displays_all_its_causes() {
        assert_eq!(error().to_string(), "outermost: innermost");
        assert_eq!(format!("{:#}", error()), "outermost: innermost");
        let within = HostError::Compile(error());
        assert!(within.to_string().contains("outermost: innermost"));
    }

    #[test]
    fn engine_error_debugs_its_causes_and_not_its_fields() {
        let printed = format!("{:#?}", CallError::Trap(error()));
        assert!(printed.contains("Caused by:"), "{printed}");
        assert!(printed.contains("innermost"), "{printed}");
    }

    #[test]
    fn sources_of_an_engine_error_end_at_its_root_cause() {
        let error = error();
        let causes = sources(error.source().unwrap());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        assert_eq!(causes, ["outermost", "innermost"]);
        assert_eq!(error.root_cause().to_string(), "innermost");
    }

    #[test]
    fn engine_error_fits_a_boxed_error() {
        let boxed: Box<dyn Error + Send + Sync> = Box::new(error());
        assert!(boxed.is::<EngineError>());
    }
}
