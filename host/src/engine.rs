//! How code is compiled and where instances live: in slots of address space, reserved beforehand for all instances.
//!
//! A plugin has an [`Engine`] of its own, with slots that fit its component, unless several plugins are given the same.

use crate::epoch::{self, Ticker};
use crate::error::{EngineError, HostError};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy,
    ResourcesRequired,
};

/// How many instances there may be at a time, unless the embedder says otherwise.
pub(crate) const MAX_INSTANCES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// How far a table may grow in a slot, at least. Components of the contract have tables of a fixed size, of
/// some hundreds to some thousands.
const TABLE_ELEMENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// The default reservation for each instance. `dapr_dynamodb.wasm` has one memory and
/// two tables; a component that is composed of two has twice that.
const SLOT: Slot = Slot {
    memories: NonZeroUsize::MIN.saturating_add(1),
    tables: NonZeroUsize::MIN.saturating_add(7),
    elements: TABLE_ELEMENTS,
};

/// Runs the instances of several plugins, which share its settings, its address space and its limit of instances.
///
/// Without [`PluginBuilder::engine`](crate::PluginBuilder::engine) a plugin has an engine of its own, which reserves
/// address space for its 1,000 instances: 4 TiB for a component of one memory. A Linux process on x86-64 has 128 TiB, so
/// some thirty plugins fill it, and the instances of further ones start more slowly. Plugins that share an engine reserve
/// it once.
///
/// An engine reserves when it is built, before it knows the components:
///
/// | for each instance | by default | address space |
/// |---|---|---|
/// | linear memories | 2 | 4 GiB each |
/// | tables | 8 of 100,000 elements | 0.8 MB each |
/// | a stack | 1 | 2 MiB |
///
/// With 1,000 instances that is 8 TiB. It takes no memory before it is used. A component that needs more does not load:
/// see [`HostError::EngineTooSmall`]. Where this process may not have that much address space, which a message of
/// `tracing` at level WARN says, instances get theirs one by one and start more slowly.
///
/// A clone is the same engine. The address space is returned when the last clone, plugin and instance are gone.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{Engine, Plugin};
///
/// # let (orders, sessions) = (host_test::component_path(), fixtures::memory_store());
/// // `orders` and `sessions` are the files of two components.
/// let engine = Engine::builder().max_instances(200.try_into()?).build()?;
/// let orders = Plugin::builder().engine(&engine).from_file(orders)?;
/// let sessions = Plugin::builder()
///     .engine(&engine)
///     .max_instances(50.try_into()?) // no more than 50 of the 200
///     .from_file(sessions)?;
/// # assert!(orders.exports_state() && sessions.exports_state());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    /// Compiles, and says what a component needs; runs nothing.
    pub(crate) compiling: wasmtime::Engine,
    pub(crate) running: Running,
    slot: Slot,
}

impl Engine {
    /// Starts with the defaults of [`EngineBuilder`].
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Returns the limit of instances at a time, of all plugins together.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        self.running.max_instances
    }

    /// Errors: [`HostError::EngineTooSmall`], also where there are no slots: it does not depend on the machine.
    pub(crate) fn check(&self, component: &Component) -> Result<(), HostError> {
        match component.resources_required() {
            Some(needs) => self.slot.check(&needs),
            // A component that imports core modules cannot say what they need; the linker refuses it with its reason.
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("max_instances", &self.max_instances())
            .finish_non_exhaustive()
    }
}

/// Runs instances, of one plugin or of several, and counts them.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) engine: wasmtime::Engine,
    /// Has components give way; `None` where they cannot be interrupted.
    pub(crate) ticker: Option<Ticker>,
    pub(crate) process: LoadingProcess,
    pub(crate) max_instances: NonZeroUsize,
    /// One for each instance that there may still be.
    room: Arc<Semaphore>,
}

impl Running {
    /// `engine` has these settings.
    pub(crate) fn new(
        engine: wasmtime::Engine,
        max_instances: NonZeroUsize,
        settings: Settings,
    ) -> Result<Self, HostError> {
        let ticker = settings
            .interruptible
            .then(|| epoch::count(&engine))
            .transpose()?;
        Ok(Self {
            engine,
            ticker,
            process: LoadingProcess::this(),
            max_instances,
            room: semaphore_of(max_instances),
        })
    }

    /// Room for one more instance, until it is dropped.
    ///
    /// Errors: [`HostError::EngineFull`].
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, HostError> {
        let admitted = Arc::clone(&self.room).try_acquire_owned();
        admitted.map_err(|_none_left| HostError::EngineFull {
            max_instances: self.max_instances.get(),
        })
    }
}

/// The process that made an engine, and so loaded its plugins.
///
/// A process that is forked from it has a copy of its memory, and none of its threads: nothing would interrupt a component,
/// and the runtime's I/O and the connections would be shared with the parent.
#[derive(Clone, Copy)]
pub(crate) struct LoadingProcess(u32);

impl LoadingProcess {
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    pub(crate) fn is_this(self) -> bool {
        self.0 == std::process::id()
    }
}

/// Sets up an [`Engine`]. Its plugins share these settings.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::Engine;
///
/// let engine = Engine::builder()
///     .max_instances(100.try_into()?)
///     .max_memories_per_instance(4.try_into()?) // for components that are composed of four
///     .build()?;
/// assert_eq!(engine.max_instances().get(), 100);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EngineBuilder {
    max_instances: NonZeroUsize,
    slot: Slot,
    settings: Settings,
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self {
            max_instances: MAX_INSTANCES,
            slot: SLOT,
            settings: Settings::default(),
        }
    }
}

impl EngineBuilder {
    /// Limits the instances at a time, of all plugins together; 1,000 by default. One more gives
    /// [`HostError::EngineFull`]. A plugin may have all of them, unless its
    /// [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances) says otherwise.
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Limits the linear memories of an instance; 2 by default. Each takes 4 GiB of address space for each instance
    /// that there may be. A component has one, unless it was composed of several.
    #[must_use]
    pub fn max_memories_per_instance(mut self, memories: NonZeroUsize) -> Self {
        self.slot.memories = memories;
        self
    }

    /// Limits the tables of an instance; 8 by default. A component has two or three, unless it was composed of
    /// several.
    #[must_use]
    pub fn max_tables_per_instance(mut self, tables: NonZeroUsize) -> Self {
        self.slot.tables = tables;
        self
    }

    /// Limits the elements of a table; 100,000 by default. Each takes 8 bytes of address space, for each table and
    /// each instance that there may be.
    #[must_use]
    pub fn max_elements_per_table(mut self, elements: NonZeroUsize) -> Self {
        self.slot.elements = elements;
        self
    }

    /// Sets whether components can be interrupted while they compute; they can by default. See
    /// [`PluginBuilder::interruptible`](crate::PluginBuilder::interruptible).
    #[must_use]
    pub fn interruptible(mut self, wanted: bool) -> Self {
        self.settings.interruptible = wanted;
        self
    }

    /// Tells Linux's `perf` the names of the components' functions; off by default. See
    /// [`PluginBuilder::perf_map`](crate::PluginBuilder::perf_map).
    #[must_use]
    pub fn perf_map(mut self, wanted: bool) -> Self {
        self.settings.perf_map = wanted;
        self
    }

    /// Reserves the address space.
    ///
    /// Errors: [`HostError::Engine`].
    pub fn build(self) -> Result<Engine, HostError> {
        let Self {
            max_instances,
            slot,
            settings,
        } = self;
        let running = pooled(slot, max_instances, settings).or_else(|cause| {
            warn_of_missing_slots(max_instances, &cause);
            on_demand(settings)
        })?;
        Ok(Engine {
            compiling: compiling(settings)?,
            running: Running::new(running, max_instances, settings)?,
            slot,
        })
    }
}

/// A permit for each instance; more than a semaphore can count are not to be had anyway.
pub(crate) fn semaphore_of(instances: NonZeroUsize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(instances.get().min(Semaphore::MAX_PERMITS)))
}

pub(crate) fn warn_of_missing_slots(max_instances: NonZeroUsize, cause: &wasmtime::Error) {
    tracing::warn!(
        "instances are allocated one by one, for lack of {max_instances} slots: {cause:#}"
    );
}

/// The reservation for each instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    memories: NonZeroUsize,
    tables: NonZeroUsize,
    /// The length of each table.
    elements: NonZeroUsize,
}

impl Slot {
    /// As much address space as the instances of a component can need, and no more.
    pub(crate) fn of(needs: &ResourcesRequired) -> Self {
        let at_least_one = |number: u64| {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
        };
        let elements = needs.max_initial_table_size.unwrap_or_default();
        Self {
            memories: at_least_one(needs.num_memories.into()),
            tables: at_least_one(needs.num_tables.into()),
            elements: at_least_one(elements).max(TABLE_ELEMENTS),
        }
    }

    fn check(&self, needs: &ResourcesRequired) -> Result<(), HostError> {
        let elements = needs.max_initial_table_size.unwrap_or_default();
        for (option, reserved, needed) in [
            (
                "max_memories_per_instance",
                self.memories,
                needs.num_memories.into(),
            ),
            (
                "max_tables_per_instance",
                self.tables,
                needs.num_tables.into(),
            ),
            ("max_elements_per_table", self.elements, elements),
        ] {
            let reserved = u64::try_from(reserved.get()).unwrap_or(u64::MAX);
            if needed > reserved {
                return Err(HostError::EngineTooSmall {
                    option,
                    reserved,
                    needed,
                });
            }
        }
        Ok(())
    }
}

/// The process that made the first engine, also in those that are forked from it.
static FIRST_PROCESS: OnceLock<u32> = OnceLock::new();

/// The settings that an embedder chooses. Code is loaded only by engines of the same `interruptible`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) interruptible: bool,
    pub(crate) perf_map: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interruptible: true,
            perf_map: false,
        }
    }
}

/// Compiles, and says what was compiled; runs nothing. What this engine compiles every other one of this module loads.
pub(crate) fn compiling(settings: Settings) -> Result<wasmtime::Engine, HostError> {
    wasmtime::Engine::new(&config(settings)).map_err(not_started)
}

/// Allocates each instance when it is asked for.
pub(crate) fn on_demand(settings: Settings) -> Result<wasmtime::Engine, HostError> {
    wasmtime::Engine::new(&running(settings)).map_err(not_started)
}

fn not_started(error: wasmtime::Error) -> HostError {
    HostError::Engine(EngineError::new(error))
}

/// Reserves address space for all instances that there may be. It takes memory only as it is used, and fails where that
/// much address space is not to be had.
pub(crate) fn pooled(
    slot: Slot,
    max_instances: NonZeroUsize,
    settings: Settings,
) -> wasmtime::Result<wasmtime::Engine> {
    let mut config = running(settings);
    let slots = slots(slot, max_instances);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
    wasmtime::Engine::new(&config)
}

/// All that decides about the compiled code.
///
/// These are wasmtime's defaults: optimised for speed, bounds checked by guard pages, memory images copied on write,
/// backtraces of traps with function and offset; no fuel, which is to be counted. Epochs are to be looked at only, which
/// costs what `PluginBuilder::interruptible` says.
fn config(settings: Settings) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(settings.interruptible);
    // The threads that compile are started once, and a process that is forked later would wait for them for ever.
    let process = std::process::id();
    config.parallel_compilation(*FIRST_PROCESS.get_or_init(|| process) == process);
    config
}

fn running(settings: Settings) -> Config {
    let mut config = config(settings);
    if settings.perf_map {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    config
}

fn slots(slot: Slot, max_instances: NonZeroUsize) -> PoolingAllocationConfig {
    let count = |number: NonZeroUsize| u32::try_from(number.get()).unwrap_or(u32::MAX);
    let mut slots = PoolingAllocationConfig::new();
    slots
        .total_stacks(count(max_instances))
        .total_memories(count(max_instances.saturating_mul(slot.memories)))
        .max_memories_per_module(count(slot.memories))
        .total_tables(count(max_instances.saturating_mul(slot.tables)))
        .max_tables_per_module(count(slot.tables))
        .table_elements(slot.elements.get());
    // Nothing stays resident when an instance goes, as wasmtime has it by default. What is kept must be reset: for all of
    // the first megabyte, where a component has its stack, that takes longer than new pages do; and PAGEMAP_SCAN, which
    // finds the pages that were written to, passes over those that were swapped out, and the next instance would see them.

    // Bookkeeping that reserves nothing: how many instances there are is counted by the plugin and its engine.
    slots
        .total_component_instances(u32::MAX)
        .total_core_instances(u32::MAX)
        .max_component_instance_size(usize::MAX)
        .max_core_instance_size(1 << 30);
    slots
}
