//! The start of an instance: a task that always reports its outcome to the pool, even if it panics or is dropped.

use super::shared::Shared;
use crate::error::{CallError, PoolError};
use crate::instance::Instance;
use crate::options::InstanceOptions;
use crate::plugin::Plugin;
use crate::types::Metadata;
use std::sync::{Arc, Weak};
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;
use tracing::{Instrument, Span};

/// The options and configuration of each instance of a pool.
pub(super) struct Setup {
    pub(super) options: InstanceOptions,
    pub(super) state: Option<Metadata>,
    pub(super) binding: Option<Metadata>,
}

impl Setup {
    async fn start(&self, plugin: &Plugin) -> Result<Instance, PoolError> {
        let started = plugin.instantiate(&self.options).await;
        let mut instance = started.map_err(PoolError::instantiate)?;
        let configured = self.configure(&mut instance).await;
        if configured.is_err() {
            instance.report_failed_start();
        }
        configured.map_err(PoolError::init)?;
        Ok(instance)
    }

    async fn configure(&self, instance: &mut Instance) -> Result<(), CallError> {
        if let Some(metadata) = &self.state {
            instance.state()?.init(metadata).await?;
        }
        if let Some(metadata) = &self.binding {
            instance.binding()?.init(metadata).await?;
        }
        Ok(())
    }
}

/// The outcome of a start.
pub(super) enum StartOutcome {
    Started(Box<Instance>),
    Failed(PoolError),
    /// Cancelled, because nobody needs the instance any more: the pool was closed or dropped, or has another plugin.
    CutShort,
    /// The task panicked, or its runtime was shut down.
    Interrupted,
}

/// A start that the pool has counted and not yet spawned.
pub(super) struct Start {
    pub(super) runtime: Handle,
    pub(super) plugin: Plugin,
    /// The number of the plugin, counting those that the pool has had.
    pub(super) generation: u64,
    /// The ticket of the caller that needs the instance.
    pub(super) caller: Option<u64>,
}

impl Start {
    pub(super) fn spawn(self, pool: &Arc<Shared>, span: Span) {
        let running = Running {
            pool: Arc::downgrade(pool),
            runtime: self.runtime.id(),
            generation: self.generation,
            caller: self.caller,
            ended: Some(StartOutcome::Interrupted),
        };
        let setup = Arc::clone(&pool.setup);
        let current = pool.generation.subscribe();
        let run = run(running, setup, self.plugin, current);
        // A runtime that was shut down drops the task at once.
        self.runtime.spawn(run.instrument(span));
    }
}

/// Starts an instance, until the pool closes, is dropped or takes another plugin. `Running` holds the pool weakly, so a start
/// does not keep a pool that nobody can acquire from.
async fn run(
    mut running: Running,
    setup: Arc<Setup>,
    plugin: Plugin,
    mut current: watch::Receiver<u64>,
) {
    let generation = running.generation;
    let ended = tokio::select! {
        biased;
        _ = current.wait_for(|current| *current > generation) => StartOutcome::CutShort,
        started = setup.start(&plugin) => match started {
            Ok(instance) => StartOutcome::Started(Box::new(instance)),
            Err(error) => StartOutcome::Failed(error),
        },
    };
    running.ended = Some(ended);
}

/// Reports the outcome of the start to the pool when it is dropped.
struct Running {
    pool: Weak<Shared>,
    runtime: Id,
    generation: u64,
    caller: Option<u64>,
    ended: Option<StartOutcome>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(pool), Some(ended)) = (self.pool.upgrade(), self.ended.take()) {
            pool.start_ended(self.runtime, self.generation, self.caller, ended);
        }
    }
}
