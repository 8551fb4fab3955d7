//! The errors between the embedder and a component; every message names the remedy.
//!
//! [`HostError`] is about getting an instance, [`CallError`] about using it, [`PoolError`] about being lent one.

use crate::types;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An error of the WebAssembly engine: a trap, or why a component does not compile, link or start.
///
/// `Display` prints all causes, outermost first. For a trap that is the backtrace of the component, then the reason.
/// `Debug` prints the same with one cause a line. [`source`](Error::source) walks through the causes; the text of each
/// is the engine's own and changes with it.
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

    /// The innermost cause. For a trap: its reason, without the backtrace.
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

/// Why a plugin did not load, an instance did not start, or an [`Egress`](crate::Egress) could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The component's file could not be read.
    #[error("cannot read the component {}: {cause}; check the path and its permissions", path.display())]
    ReadFile {
        /// The path as it was given.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: std::io::Error,
    },
    /// The bytes are a core module, or no WebAssembly at all.
    #[error(
        "{found} is not a WebAssembly component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    NotAComponent {
        /// The kind of thing that the bytes are instead.
        found: &'static str,
    },
    /// The bytes begin as a component and then do not compile.
    #[error("the component does not compile: {0}; check that the file is complete, and rebuild it")]
    Compile(EngineError),
    /// The component exports neither a state store nor an output binding.
    #[error(
        "the component exports neither {} nor {}; build it against the WIT package dapr-wasm:components@0.1.0",
        crate::contract::STATE,
        crate::contract::BINDING
    )]
    NoContract,
    /// The component exports an interface of the contract's name that is not the contract's.
    #[error(
        "the component's {interface} is not the one of the contract: {cause}; rebuild it against the WIT package dapr-wasm:components@0.1.0"
    )]
    ContractMismatch {
        /// The interface, by its full name.
        interface: &'static str,
        /// The difference.
        cause: EngineError,
    },
    /// The component imports something other than WASI 0.2, `wasi:http` and what `PluginBuilder::imports` defines.
    #[error(
        "the component imports what this host does not offer: {0}; build it so that it needs only WASI 0.2 and wasi:http's outgoing half, or offer the rest with PluginBuilder::imports (feature `wasmtime`)"
    )]
    ImportNotOffered(EngineError),
    /// A function given to `PluginBuilder::imports` failed, or two of them define the same.
    #[error("the imports of PluginBuilder::imports cannot be defined: {0}; correct that function")]
    Imports(EngineError),
    /// A function given to `PluginBuilder::imports` defines an interface that this host offers itself. Another version
    /// counts as the same where a component that imports one could be given the other.
    #[error(
        "PluginBuilder::imports defines {interface}, which this host offers itself; leave it out, or offer yours under another name"
    )]
    ImportTaken {
        /// The interface, as the component imports it.
        interface: String,
    },
    /// The folder that was named for compiled code cannot be used.
    #[error(
        "cannot keep compiled code in {}: {cause}; name a folder that only this user can write to, or load without a cache",
        directory.display()
    )]
    CompiledCodeCache {
        /// The folder as it was given.
        directory: PathBuf,
        /// The reason.
        #[source]
        cause: std::io::Error,
    },
    /// WebAssembly cannot run on this machine as configured.
    #[error(
        "the WebAssembly engine does not start: {0}; check that this platform is one that wasmtime compiles for, and that this process may start a thread"
    )]
    Engine(EngineError),
    /// The plugin has as many instances as it may have.
    #[error(
        "the plugin has {max_instances} instances already; drop some, or raise PluginBuilder::max_instances"
    )]
    TooManyInstances {
        /// How many there may be at a time.
        max_instances: usize,
    },
    /// The plugins of an [`Engine`](crate::Engine) have as many instances as they may have together.
    #[error(
        "the plugins of the engine have {max_instances} instances already; drop some, or raise EngineBuilder::max_instances"
    )]
    EngineFull {
        /// How many there may be at a time, of all plugins together.
        max_instances: usize,
    },
    /// The component needs more for each instance than the [`Engine`](crate::Engine) that it was to share has reserved.
    #[error(
        "the component needs {option} = {needed}, but its engine was built with {reserved}; raise EngineBuilder::{option}, or load the plugin without PluginBuilder::engine"
    )]
    EngineTooSmall {
        /// The method of [`EngineBuilder`](crate::EngineBuilder) that raises it.
        option: &'static str,
        /// The number that the engine has reserved.
        reserved: u64,
        /// The number that the component needs.
        needed: u64,
    },
    /// The plugin was given an [`Engine`](crate::Engine) and a setting that only the engine has.
    #[error(
        "PluginBuilder::{option} cannot be used together with PluginBuilder::engine; use EngineBuilder::{option}"
    )]
    EngineSetting {
        /// The method of both builders.
        option: &'static str,
    },
    /// A directory that the instance was to read cannot be opened.
    #[error(
        "cannot open the directory {} for the component: {cause}; check that it exists and that this process may read it, or lend none",
        path.display()
    )]
    Directory {
        /// The path as it was given to
        /// [`InstanceOptions::read_only_directory`](crate::InstanceOptions::read_only_directory).
        path: PathBuf,
        /// The reason.
        cause: EngineError,
    },
    /// The component could not be instantiated.
    #[error(
        "the component does not start: {0}; check the memory that this process may use, and the component's own messages on stderr"
    )]
    Instantiate(EngineError),
    /// The plugin, or the engine that it was loaded with, was made before this process was forked.
    #[error(
        "this process was forked after the plugin or its engine was made, and has none of the threads that they need; make both in this process, and an Egress of its own"
    )]
    ForkedProcess,
    /// The component needs more memory to start than [`InstanceOptions::memory_limit`](crate::InstanceOptions::memory_limit)
    /// gives it.
    #[error(
        "the component does not start within its memory limit of {limit} bytes: {cause}; raise the limit"
    )]
    MemoryLimit {
        /// The limit, in bytes.
        limit: usize,
        /// The failure for want of memory.
        cause: EngineError,
    },
    /// The component took longer to start than [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit) gives it.
    #[error(
        "the component does not start within its time limit of {limit:?}; raise the limit, or find out what it does when it starts"
    )]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// The operating system gave no random numbers, which guard credentials that are lent.
    #[error(
        "the operating system gives no random numbers; check that this process may ask for them"
    )]
    NoRandomNumbers,
    /// A rule of the allow-list, or the address, region or service of what is to be signed, cannot be read.
    #[error("the egress rule {rule:?} {reason}")]
    EgressRule {
        /// The rule as it was given.
        rule: String,
        /// The reason, and a rule that would be right.
        reason: &'static str,
    },
    /// A root certificate cannot be read.
    #[error(
        "a root certificate is unusable: {0}; give one X.509 certificate in DER, or any number in PEM"
    )]
    RootCertificate(String),
    /// The root certificates of the operating system cannot be used.
    #[error(
        "the operating system has no usable root certificates: {0}; install them (the package ca-certificates on most Linux systems), or give others to Tls::root_certificate"
    )]
    NativeRoots(String),
    /// The client certificate, or its private key, cannot be used.
    #[error(
        "the client certificate is unusable: {0}; give Tls::client_certificate the chain and its unencrypted private key, both in PEM"
    )]
    ClientCertificate(String),
    /// The TLS library refused its configuration.
    #[error("TLS cannot be set up: {0}; this is a defect of this crate, please report it")]
    Tls(String),
}

impl HostError {
    pub(crate) fn contract_mismatch(interface: &'static str, cause: wasmtime::Error) -> Self {
        let cause = EngineError::new(cause);
        Self::ContractMismatch { interface, cause }
    }
}

/// Why a call did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The component answered with an error of the contract. The instance is as usable as before.
    #[error(transparent)]
    Component(#[from] types::Error),
    /// The component trapped: it panicked, ran out of memory or broke the rules of WebAssembly. This instance is lost,
    /// another one of the same plugin is not. The outcome of a write is unknown.
    #[error("the component trapped: {0}; make a new instance, and see its stderr for the reason")]
    Trap(EngineError),
    /// The component was refused memory beyond [`InstanceOptions::memory_limit`](crate::InstanceOptions::memory_limit)
    /// and trapped. As with any trap the instance is lost, and the outcome of a write unknown.
    #[error(
        "the component reached its memory limit of {limit} bytes and trapped: {trap}; raise the limit, or ask for less in one call"
    )]
    MemoryLimit {
        /// The limit, in bytes.
        limit: usize,
        /// The trap.
        trap: EngineError,
    },
    /// The component had not answered within the time limit of the call
    /// ([`State::time_limit`](crate::State::time_limit), [`Binding::time_limit`](crate::Binding::time_limit), or else
    /// [`InstanceOptions::time_limit`](crate::InstanceOptions::time_limit)), and the call was cancelled. The instance is
    /// lost, and the outcome of a write unknown. If the limit is zero, nothing was asked of the component and the instance
    /// is as usable as before.
    #[error("{}", time_limit(limit))]
    TimeLimit {
        /// The limit.
        limit: Duration,
    },
    /// An earlier call trapped, took too long, or its future was dropped before it was done. Nothing was asked of the
    /// component.
    #[error(
        "an earlier call trapped, took too long or was abandoned, so this instance is lost; make a new instance"
    )]
    InstanceLost,
    /// The instance was started before this process was forked. Nothing was asked of the component.
    #[error(
        "this process was forked after the instance was started, and has none of the threads that it needs; load the plugin in this process, with an Egress of its own"
    )]
    ForkedProcess,
    /// The component does not export the interface.
    #[error(
        "the component does not export {interface}; load one that does, or ask the plugin first"
    )]
    NotExported {
        /// The interface, by its full name.
        interface: &'static str,
    },
}

fn time_limit(limit: &Duration) -> String {
    if limit.is_zero() {
        return "the call had no time left, so the component was asked nothing; call again with a longer time limit"
            .to_owned();
    }
    format!(
        "the component did not answer within its time limit of {limit:?}; make a new instance, and raise the limit where calls may take longer"
    )
}

impl CallError {
    /// The component's own error, where it is one.
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

/// Why an [`InstancePool`](crate::InstancePool) lent no instance.
///
/// A clone is the same error: the pool gives it to every caller for whom an instance would have to start within
/// [`InstancePoolBuilder::retry_pause`](crate::InstancePoolBuilder::retry_pause).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// No instance could be started.
    Instantiate(Arc<HostError>),
    /// An instance was started and did not take its configuration.
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

    /// Returns true if another start would fail in the same way, and cost as much again.
    pub(crate) fn is_worth_remembering(&self) -> bool {
        match self {
            // Found out without any work, and over as soon as another pool drops an instance.
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
            Self::Init(cause) => write!(f, "the component did not take its configuration: {cause}"),
            Self::Closed => f.write_str("the instance pool is closed; build another one"),
            Self::Interrupted => f.write_str(
                "the start of an instance panicked, or its tokio runtime was shut down; see stderr for a panic, and acquire again",
            ),
        }
    }
}

// By hand: thiserror gives the `Arc` as the source, which cannot be downcast to the error in it.
impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Instantiate(cause) => cause.source(),
            Self::Init(cause) => Some(&**cause),
            Self::Closed | Self::Interrupted => None,
        }
    }
}

/// The texts of an error and of its causes, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<_> = sources(error).map(ToString::to_string).collect();
    texts.join(": ")
}

/// An error and its causes, outermost first.
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
