//! A bounded number of instances that any number of tasks share.
//!
//! Rules that this module keeps:
//!
//! - Idle, lent and starting instances together never exceed `max_instances`.
//! - Callers are served in the order in which they asked, by whichever comes first: an instance that is given back, or
//!   one that was started.
//! - A start belongs to the pool, not to the caller that made it necessary. It goes on when that caller goes away.
//! - No lock is held while an instance is dropped, a task is spawned or a waiter is woken.

mod builder;
mod lent;
mod members;
mod retirement;
mod shared;
mod start;
mod stats;

pub use self::builder::InstancePoolBuilder;
pub use self::lent::PooledInstance;
pub use self::stats::PoolStats;

use self::shared::Shared;
use crate::error::PoolError;
use crate::plugin::Plugin;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Instances of one plugin, with the same options and configuration, that any number of tasks share.
///
/// The pool starts and configures instances when they are first needed, keeps them, and lends each to one caller at a
/// time. The instance used last is lent first, so that those beyond the current load stay idle and can
/// [time out](InstancePoolBuilder::idle_timeout). A clone is the same pool.
///
/// # Starts
///
/// A start runs as a task of the caller's tokio runtime, at most [`max_starts`](InstancePoolBuilder::max_starts) at a
/// time for each runtime. If the caller goes away, the start goes on and its instance serves the next caller. After a
/// start failed, the pool does not try again for [`retry_pause`](InstancePoolBuilder::retry_pause).
///
/// A start makes no progress while nobody drives its runtime, and counts towards
/// [`max_instances`](InstancePoolBuilder::max_instances) meanwhile, as a lent instance does.
#[derive(Clone)]
pub struct InstancePool {
    shared: Arc<Shared>,
}

impl InstancePool {
    /// Builds a pool of `plugin`'s instances.
    #[must_use]
    pub fn builder(plugin: &Plugin) -> InstancePoolBuilder {
        InstancePoolBuilder::new(plugin)
    }

    /// Lends an idle instance. If there is none, starts one where the pool has room, and waits for that one or for the
    /// first that is given back. Callers are served in the order in which they asked.
    ///
    /// It waits without a limit: put a timeout around it where the caller has one. Dropping the future gives up the
    /// caller's place and loses nothing else. A task that holds an instance and asks for another can wait for itself.
    ///
    /// # Errors
    ///
    /// - [`PoolError::Instantiate`] and [`PoolError::Init`] if an instance would have to start and the start fails, or
    ///   another start failed within [`retry_pause`](InstancePoolBuilder::retry_pause).
    /// - [`PoolError::Interrupted`] if the start panicked, or its runtime was shut down.
    /// - [`PoolError::Closed`] after [`close`](Self::close), also for callers that were waiting.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, unless an instance is idle.
    pub async fn acquire(&self) -> Result<PooledInstance, PoolError> {
        // A task that acquires idle instances in a loop gives way to the others of its thread now and then.
        tokio::task::coop::consume_budget().await;
        self.shared.acquire().await
    }

    /// Lends an idle instance, or `None` if none is idle or the pool is closed. It never waits and starts nothing.
    #[must_use]
    pub fn try_acquire(&self) -> Option<PooledInstance> {
        self.shared.try_acquire()
    }

    /// Starts and configures instances until this many exist, idle and lent ones included, or as many as
    /// [`max_instances`](Self::max_instances) allows. It waits until they have started.
    ///
    /// Dropping the future begins no further start; those that run go on.
    ///
    /// # Errors
    ///
    /// The error of the first start that fails meanwhile, or that failed within
    /// [`retry_pause`](InstancePoolBuilder::retry_pause) before. Instances that did start stay in the pool.
    /// [`PoolError::Closed`] after [`close`](Self::close).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn warm_up(&self, instances: usize) -> Result<(), PoolError> {
        self.shared.warm_up(instances).await
    }

    /// Has the pool use another plugin, such as a new version of the component, while calls go on.
    ///
    /// New instances are of the new plugin from now on, with the same options and configuration. Idle instances of the
    /// old plugin are dropped at once, and lent ones when they are given back. Starts of the old plugin are cut short,
    /// and those that wait for them get an instance of the new one. A remembered failure is forgotten.
    ///
    /// [`max_instances`](Self::max_instances) becomes what the builder was given, or the new plugin's
    /// [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances) if that is less. Lent instances of the old
    /// plugin count towards it.
    pub fn replace_plugin(&self, plugin: &Plugin) {
        self.shared.replace_plugin(plugin);
    }

    /// Closes the pool: lends no further instance, drops idle ones, cuts starts short, and waits until all lent
    /// instances have been given back and dropped.
    ///
    /// It waits without a limit, also for a runtime that is not driven and has a start. The pool stays closed if the future is dropped after its first poll. Any number of
    /// tasks may close the pool, any number of times.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// How many instances there are at most: what the builder was given, or the plugin's own limit if that is less.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        self.shared.max_instances()
    }

    /// The pool's figures, all of one moment.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.shared.stats()
    }
}

impl std::fmt::Debug for InstancePool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePool")
            .field("max_instances", &self.max_instances())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
