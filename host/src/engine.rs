//! The WebAssembly engine: it compiles components, and reserves a slot of address space for each instance beforehand.
//!
//! By default each plugin has an engine of its own, with slots that fit its component. Several plugins may share one
//! [`Engine`].

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

/// The default limit of instances at a time.
pub(crate) const MAX_INSTANCES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// The number of elements that a slot reserves for each table, unless the embedder chooses another or the component starts
/// with more. Components of the contract have tables of a fixed size, with hundreds to thousands of elements.
const TABLE_ELEMENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// The default slot of an instance. `dapr_dynamodb.wasm` has one memory and two tables. A component that is composed of two
/// has twice that.
const SLOT: Slot = Slot {
    memories: NonZeroUsize::MIN.saturating_add(1),
    tables: NonZeroUsize::MIN.saturating_add(7),
    elements: TABLE_ELEMENTS,
};

/// An engine that several plugins share, with one reservation of address space and one limit of instances.
///
/// You need an `Engine` only if your process loads more than a few plugins. By default, each plugin has an engine of its own,
/// which reserves address space for 1,000 instances: 4 TiB for a component with one memory. A Linux process on x86-64 has
/// 128 TiB, so about thirty plugins use it up, and the instances of further plugins start more slowly. Plugins that share an
/// engine reserve it once.
///
/// An engine reserves its address space when it is built, before it knows the components:
///
/// | for each instance | by default | address space |
/// |---|---|---|
/// | linear memories | 2 | 4 GiB each |
/// | tables | 8 of 100,000 elements | 0.8 MB each |
/// | a stack | 1 | 2 MiB |
///
/// With 1,000 instances that is 8 TiB. It takes no memory before it is used. A component that needs more fails to load with
/// [`HostError::EngineTooSmall`]. If the process cannot reserve that much, a `tracing` event at level WARN says so. Then each
/// instance is allocated when it starts, which is slower.
///
/// A clone is the same engine. The address space is released when the last clone, plugin and instance are dropped.
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
    /// Compiles, and reports the needs of a component. It never runs code.
    pub(crate) compiling: wasmtime::Engine,
    pub(crate) running: Running,
    slot: Slot,
}

impl Engine {
    /// Returns a builder with the default settings.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Returns the limit of instances at a time, for all plugins together.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        self.running.max_instances
    }

    /// Checks that a component fits the slots. The outcome does not depend on the machine: it is the same for an engine that
    /// could not reserve slots.
    ///
    /// Errors: [`HostError::EngineTooSmall`].
    pub(crate) fn check(&self, component: &Component) -> Result<(), HostError> {
        match component.resources_required() {
            Some(needs) => self.slot.check(&needs),
            // wasmtime does not know the needs of a component that imports core modules. The linker refuses such a component.
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

/// The part of an engine that runs instances, of one plugin or of several, and counts them.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) engine: wasmtime::Engine,
    /// Makes components yield. `None` if they cannot be interrupted.
    pub(crate) ticker: Option<Ticker>,
    pub(crate) process: LoadingProcess,
    pub(crate) max_instances: NonZeroUsize,
    /// A permit for each instance that may still start.
    room: Arc<Semaphore>,
}

impl Running {
    /// `settings` must be those that `engine` was made with.
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

    /// Takes a permit for one more instance. Dropping the permit returns it.
    ///
    /// Errors: [`HostError::EngineFull`].
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, HostError> {
        let admitted = Arc::clone(&self.room).try_acquire_owned();
        admitted.map_err(|_none_left| HostError::EngineFull {
            max_instances: self.max_instances.get(),
        })
    }
}

/// The process that built an engine, and so loaded its plugins.
///
/// A process that is forked from it has a copy of its memory, but none of its threads. Nothing would interrupt a component
/// there, and the runtime's I/O and the connections would be shared with the parent.
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

/// Builds an [`Engine`]. All its plugins share these settings.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::Engine;
///
/// let engine = Engine::builder()
///     .max_instances(100.try_into()?)
///     .max_memories_per_instance(4.try_into()?) // for components composed of four
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
    /// Limits the instances at a time, for all plugins together; 1,000 by default. Starting one more fails with
    /// [`HostError::EngineFull`]. One plugin may use them all, unless
    /// [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances) sets a lower limit for it.
    #[must_use]
    pub fn max_instances(mut self, instances: NonZeroUsize) -> Self {
        self.max_instances = instances;
        self
    }

    /// Limits the linear memories of an instance; 2 by default. Each reserves 4 GiB of address space, times
    /// [`max_instances`](Self::max_instances). A component has one, unless it was composed of several.
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

    /// Limits the elements of a table; 100,000 by default. Each reserves 8 bytes of address space for each table of each
    /// instance.
    #[must_use]
    pub fn max_elements_per_table(mut self, elements: NonZeroUsize) -> Self {
        self.slot.elements = elements;
        self
    }

    /// Sets whether components can be interrupted while they compute; true by default. See
    /// [`PluginBuilder::interruptible`](crate::PluginBuilder::interruptible).
    #[must_use]
    pub fn interruptible(mut self, wanted: bool) -> Self {
        self.settings.interruptible = wanted;
        self
    }

    /// Writes the names of the components' functions where Linux's `perf` finds them; off by default. See
    /// [`PluginBuilder::perf_map`](crate::PluginBuilder::perf_map).
    #[must_use]
    pub fn perf_map(mut self, wanted: bool) -> Self {
        self.settings.perf_map = wanted;
        self
    }

    /// Builds the engine and reserves its address space.
    ///
    /// # Errors
    ///
    /// [`HostError::Engine`] if WebAssembly does not run on this machine.
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

/// Makes a semaphore with a permit for each instance. No process can have more instances than a semaphore can count.
pub(crate) fn semaphore_of(instances: NonZeroUsize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(instances.get().min(Semaphore::MAX_PERMITS)))
}

pub(crate) fn warn_of_missing_slots(max_instances: NonZeroUsize, cause: &wasmtime::Error) {
    tracing::warn!(
        "cannot reserve address space for {max_instances} instances: {cause:#}; each instance is allocated when it starts, which is slower; lower max_instances to reserve less"
    );
}

/// The resources that are reserved for each instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    memories: NonZeroUsize,
    tables: NonZeroUsize,
    /// The length of each table.
    elements: NonZeroUsize,
}

impl Slot {
    /// Returns a slot that is as large as an instance of a component can need.
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

/// The process that made the first engine. Processes that are forked from it have a copy of this value.
static FIRST_PROCESS: OnceLock<u32> = OnceLock::new();

/// The settings that an embedder chooses. An engine loads only code that was compiled with the same `interruptible`.
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

/// Makes an engine that compiles and never runs code. Every other engine of this module can load its code, if the settings
/// are the same.
pub(crate) fn compiling(settings: Settings) -> Result<wasmtime::Engine, HostError> {
    wasmtime::Engine::new(&config(settings)).map_err(not_started)
}

/// Makes an engine that allocates each instance when it starts.
pub(crate) fn on_demand(settings: Settings) -> Result<wasmtime::Engine, HostError> {
    wasmtime::Engine::new(&running(settings)).map_err(not_started)
}

fn not_started(error: wasmtime::Error) -> HostError {
    HostError::Engine(EngineError::new(error))
}

/// Makes an engine that reserves address space for all instances. It takes memory only as it is used. Fails if the process
/// cannot reserve that much address space.
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

/// Makes the configuration that determines the compiled code.
///
/// These are wasmtime's defaults: code optimised for speed, bounds checked by guard pages, memory images copied on write,
/// and backtraces with function and offset. Components are interrupted by epochs, not by fuel: code only reads an epoch, but
/// would have to count fuel. The cost of epochs is at `PluginBuilder::interruptible`.
fn config(settings: Settings) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(settings.interruptible);
    // The threads that compile are started only once. A process that is forked later would wait for them forever.
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
    // No pages stay resident after an instance is dropped, which is wasmtime's default. Resident pages must be reset, and for
    // the whole first megabyte, where a component has its stack, that takes longer than new pages do. PAGEMAP_SCAN finds only
    // the pages that were written to, but misses pages that were swapped out, and the next instance would see their contents.

    // These limits reserve nothing. The plugin and its engine count the instances.
    slots
        .total_component_instances(u32::MAX)
        .total_core_instances(u32::MAX)
        .max_component_instance_size(usize::MAX)
        .max_core_instance_size(1 << 30);
    slots
}
