//! A pool of instances that any number of tasks share.
//!
//! This module keeps these rules:
//!
//! - Idle, lent and starting instances together never exceed `max_instances`.
//! - Callers are served in the order in which they asked. Each gets the first free instance, returned or newly started.
//! - A start belongs to the pool, not to the caller that caused it. It goes on when that caller goes away.
//! - No lock is held while an instance is dropped, a task is spawned or a waiter is woken.

mod builder;
mod members;
mod shared;
mod start;

pub use self::builder::InstancePoolBuilder;

use self::members::Member;
use self::shared::Shared;
use crate::error::{CallError, PoolError};
use crate::instance::{Binding, State};
use crate::plugin::Plugin;
use scopeguard::ScopeGuard;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A pool of instances of one plugin, with the same options and configuration, that any number of tasks share.
///
/// The pool starts and configures instances when they are first needed, keeps them, and lends each to one caller at a
/// time. It lends the instance that was used last, so that instances beyond the current load stay idle and can
/// [time out](InstancePoolBuilder::idle_timeout). A clone is the same pool.
///
/// ```no_run
/// # async fn example(egress: dapr_wasm_host::Egress) -> Result<(), Box<dyn std::error::Error>> {
/// use dapr_wasm_host::{InstanceOptions, InstancePool, Plugin};
///
/// let plugin = Plugin::from_file("dapr_dynamodb.wasm")?;
/// let pool = InstancePool::builder(&plugin)
///     .options(InstanceOptions::new().egress(egress))
///     .state([("table", "orders"), ("region", "eu-west-1")])
///     .build();
///
/// // In any task, with a clone of the pool:
/// let mut instance = pool.acquire().await?;
/// instance.state()?.set("order-1", b"new", None).await?;
/// drop(instance); // gives it back
///
/// pool.close().await; // waits for lent instances
/// # Ok(())
/// # }
/// ```
///
/// # Starts
///
/// A start runs as a task on the caller's tokio runtime, at most [`max_starts`](InstancePoolBuilder::max_starts) at a
/// time for each runtime. If the caller goes away, the start goes on and its instance serves the next caller. After a
/// failed start, the pool does not try again for [`retry_pause`](InstancePoolBuilder::retry_pause).
///
/// A start makes no progress while nobody drives its runtime. Until it ends, it counts towards
/// [`max_instances`](InstancePoolBuilder::max_instances), like a lent instance.
#[derive(Clone)]
pub struct InstancePool {
    shared: Arc<Shared>,
}

impl InstancePool {
    /// Returns a builder for a pool of `plugin`'s instances.
    #[must_use]
    pub fn builder(plugin: &Plugin) -> InstancePoolBuilder {
        InstancePoolBuilder::new(plugin)
    }

    /// Lends an idle instance. If there is none, starts one if the pool has room, and waits for the first instance that is
    /// started or given back. Callers are served in the order in which they asked.
    ///
    /// The wait has no time limit; put a timeout around it if you need one. Dropping the future gives up the caller's place
    /// in the queue and loses nothing else. A task that holds an instance and asks for another can deadlock.
    ///
    /// # Errors
    ///
    /// - [`PoolError::Instantiate`] and [`PoolError::Init`] if a new instance is needed and its start fails, or an earlier
    ///   start failed within [`retry_pause`](InstancePoolBuilder::retry_pause).
    /// - [`PoolError::Interrupted`] if the start panicked, or its runtime was shut down.
    /// - [`PoolError::Closed`] after [`close`](Self::close), also for callers that were waiting.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, unless an instance is idle.
    pub async fn acquire(&self) -> Result<PooledInstance, PoolError> {
        // Makes a task that acquires idle instances in a loop yield to the other tasks of its thread now and then.
        tokio::task::coop::consume_budget().await;
        self.shared.acquire().await
    }

    /// Lends an idle instance. Returns `None` if none is idle or the pool is closed. Never waits and never starts an instance.
    #[must_use]
    pub fn try_acquire(&self) -> Option<PooledInstance> {
        self.shared.try_acquire()
    }

    /// Starts and configures instances until this many exist, counting idle and lent ones, or until
    /// [`max_instances`](Self::max_instances) is reached. Waits until they have started.
    ///
    /// If you drop the future, no further start begins, and those that run go on.
    ///
    /// # Errors
    ///
    /// - The error of the first start that fails meanwhile, or that failed within
    ///   [`retry_pause`](InstancePoolBuilder::retry_pause) before. Instances that did start stay in the pool.
    /// - [`PoolError::Closed`] after [`close`](Self::close).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn warm_up(&self, instances: usize) -> Result<(), PoolError> {
        self.shared.warm_up(instances).await
    }

    /// Switches the pool to another plugin, such as a new version of the component, while calls go on.
    ///
    /// From now on, the pool starts instances of the new plugin, with the same options and configuration. Idle instances of
    /// the old plugin are dropped at once, and lent ones when they are given back. Starts of the old plugin are cancelled,
    /// and the callers that wait for them get an instance of the new plugin. The pool forgets a remembered failure.
    ///
    /// [`max_instances`](Self::max_instances) becomes the limit of the builder, or the new plugin's
    /// [`PluginBuilder::max_instances`](crate::PluginBuilder::max_instances) if that is lower. Lent instances of the old
    /// plugin count towards it.
    pub fn replace_plugin(&self, plugin: &Plugin) {
        self.shared.replace_plugin(plugin);
    }

    /// Closes the pool, and waits until all lent instances have been given back and dropped. The pool lends no further
    /// instance, drops idle ones and cancels starts.
    ///
    /// The wait has no time limit, also while a start is on a runtime that nobody drives. If the future is dropped after its
    /// first poll, the pool stays closed. Any number of tasks may close the pool, any number of times.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// Returns the limit of instances: that of the builder, or that of the plugin if it is lower.
    #[must_use]
    pub fn max_instances(&self) -> NonZeroUsize {
        self.shared.max_instances()
    }

    /// Returns the pool's figures, all of one moment.
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

/// An instance on loan from an [`InstancePool`]. Dropping it gives the instance back.
///
/// A [lost](Self::is_lost) instance is discarded instead, and the pool starts another one when it is needed.
///
/// ```no_run
/// # async fn example(pool: dapr_wasm_host::InstancePool) -> Result<(), Box<dyn std::error::Error>> {
/// let mut instance = pool.acquire().await?;
/// let item = instance.state()?.get("order-1", None).await?;
/// drop(instance); // gives it back
/// println!("{item:?}");
/// # Ok(())
/// # }
/// ```
// No `Deref`: with `DerefMut`, `std::mem::swap` could put an instance of another plugin into the pool.
pub struct PooledInstance(ScopeGuard<Loan, fn(Loan)>);

struct Loan {
    member: Member,
    pool: Arc<Shared>,
}

impl PooledInstance {
    fn new(member: Member, pool: Arc<Shared>) -> Self {
        let give_back: fn(Loan) = |Loan { member, pool }| pool.take_back(member);
        Self(scopeguard::guard(Loan { member, pool }, give_back))
    }

    /// Takes the member out of its loan, so that it is not given back.
    fn into_member(self) -> Member {
        ScopeGuard::into_inner(self.0).member
    }

    /// Returns a handle for the calls of the state store.
    ///
    /// # Errors
    ///
    /// [`CallError::NotExported`] if the component is not a state store.
    pub fn state(&mut self) -> Result<State<'_>, CallError> {
        self.0.member.instance.state()
    }

    /// Returns a handle for the calls of the output binding.
    ///
    /// # Errors
    ///
    /// [`CallError::NotExported`] if the component is not an output binding.
    pub fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        self.0.member.instance.binding()
    }

    /// Returns true if a call trapped, exceeded its time limit, or was dropped before it was done. Every further call returns
    /// [`CallError::InstanceLost`], and the pool does not lend the instance again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.member.instance.is_lost()
    }

    /// Returns the captured standard error and removes it; see [`Instance::take_stderr`](crate::Instance::take_stderr).
    #[must_use = "the returned text is no longer in the capture"]
    pub fn take_stderr(&mut self) -> String {
        self.0.member.instance.take_stderr()
    }

    /// Returns the size of the instance's linear memory, in bytes. It grows in pages of 64 KiB and never shrinks. Only pages
    /// that were touched take memory of this process.
    #[must_use]
    pub fn memory_size(&self) -> usize {
        self.0.member.instance.memory_size()
    }
}

impl std::fmt::Debug for PooledInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PooledInstance")
            .field(&self.0.member.instance)
            .finish()
    }
}

/// The figures of an [`InstancePool`], all of one moment, from [`InstancePool::stats`].
///
/// Every instance that was started is in use, idle, lost or retired, except while it is being dropped.
///
/// ```no_run
/// # fn example(pool: dapr_wasm_host::InstancePool) {
/// let stats = pool.stats();
/// println!("{} in use, {} idle, {} callers wait", stats.in_use, stats.idle, stats.waiting);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The number of lent instances, including those that were just handed to a waiting caller.
    pub in_use: usize,
    /// The number of instances that can be lent at once.
    pub idle: usize,
    /// The number of instances that are being started or configured.
    pub starting: usize,
    /// The number of callers that wait in [`acquire`](InstancePool::acquire).
    pub waiting: usize,
    /// The number of instances that were started and configured since the pool was built.
    pub started: u64,
    /// The number of instances that were given back [lost](PooledInstance::is_lost) since the pool was built.
    pub lost: u64,
    /// The number of instances that the pool has dropped for another reason: a limit of the builder, another plugin, or a
    /// closed pool.
    pub retired: u64,
    /// The number of starts that failed since the pool was built. Starts that the pool itself cancelled are not counted, nor
    /// are callers that got a remembered error.
    pub failed_starts: u64,
}
