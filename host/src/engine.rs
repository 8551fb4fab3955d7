//! How code is compiled and where instances live: in slots reserved beforehand, as many as there may be, each of the
//! size that the component itself says it needs.

use crate::error::{EngineError, HostError};
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy,
    ResourcesRequired,
};

/// How far a table of functions may grow in a slot, at least. Components of the contract have tables of a fixed size, of
/// some hundreds to some thousands.
const TABLE_ELEMENTS: usize = 100_000;

/// The process that made the first engine, also in those that are forked from it.
static FIRST_PROCESS: OnceLock<u32> = OnceLock::new();

/// What an embedder chooses of how code is compiled and run. Code is loaded by engines of the same `interruptible` alone.
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
pub(crate) fn compiling(settings: Settings) -> Result<Engine, HostError> {
    Engine::new(&config(settings)).map_err(not_started)
}

/// Allocates each instance when it is asked for.
pub(crate) fn on_demand(settings: Settings) -> Result<Engine, HostError> {
    Engine::new(&running(settings)).map_err(not_started)
}

fn not_started(error: wasmtime::Error) -> HostError {
    HostError::Engine(EngineError::new(error))
}

/// Reserves address space for all instances that there may be. It takes memory only as it is used, and fails where that
/// much address space is not to be had.
pub(crate) fn pooled(
    needs: &ResourcesRequired,
    max_instances: NonZeroUsize,
    settings: Settings,
) -> wasmtime::Result<Engine> {
    let slots = slots(needs, max_instances);
    let mut config = running(settings);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
    Engine::new(&config)
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

fn slots(needs: &ResourcesRequired, max_instances: NonZeroUsize) -> PoolingAllocationConfig {
    let max_instances = u32::try_from(max_instances.get()).unwrap_or(u32::MAX);
    let mut slots = PoolingAllocationConfig::new();
    // Address space: as much as the component's instances can need, and no more.
    let memories = needs.num_memories.max(1);
    let tables = needs.num_tables.max(1);
    slots
        .total_stacks(max_instances)
        .total_memories(max_instances.saturating_mul(memories))
        .max_memories_per_module(memories)
        .total_tables(max_instances.saturating_mul(tables))
        .max_tables_per_module(tables);
    let elements = needs.max_initial_table_size.unwrap_or_default();
    slots.table_elements(
        usize::try_from(elements)
            .unwrap_or(usize::MAX)
            .max(TABLE_ELEMENTS),
    );
    // Nothing stays resident when an instance goes, as wasmtime has it by default. What is kept must be reset: for all of
    // the first megabyte, where a component has its stack, that takes longer than new pages do; and PAGEMAP_SCAN, which
    // finds the pages that were written to, passes over those that were swapped out, and the next instance would see them.

    // Bookkeeping that reserves nothing: how many instances there are is counted by the plugin.
    slots
        .total_component_instances(u32::MAX)
        .total_core_instances(u32::MAX)
        .max_component_instance_size(usize::MAX)
        .max_core_instance_size(1 << 30);
    slots
}
