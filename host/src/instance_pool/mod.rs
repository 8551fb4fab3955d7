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

/// An instance on loan from an [`InstancePool`]. Dropping it gives it back.
///
/// A [lost](Self::is_lost) instance is dropped instead; the pool starts another one when it is needed.
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

    /// The member without the loan.
    fn into_member(self) -> Member {
        ScopeGuard::into_inner(self.0).member
    }

    /// The instance as a state store.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn state(&mut self) -> Result<State<'_>, CallError> {
        self.0.member.instance.state()
    }

    /// The instance as an output binding.
    ///
    /// Errors: [`CallError::NotExported`].
    pub fn binding(&mut self) -> Result<Binding<'_>, CallError> {
        self.0.member.instance.binding()
    }

    /// Returns true if a call trapped, was abandoned or took too long. Every further call gives [`CallError::InstanceLost`], and
    /// the pool does not lend the instance again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.0.member.instance.is_lost()
    }

    /// As [`Instance::take_stderr`](crate::Instance::take_stderr).
    #[must_use = "what it returns is kept no more"]
    pub fn take_stderr(&mut self) -> String {
        self.0.member.instance.take_stderr()
    }

    /// The linear memory that the instance has now, in bytes. It grows, in pages of 64 KiB, and never shrinks; of it
    /// only what was touched takes room in this process.
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

/// Figures of an [`InstancePool`], all of one moment.
///
/// Every instance that was started is in use, idle, lost or retired, except while it is being dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Lent instances, including those that were just handed to a waiting caller.
    pub in_use: usize,
    /// Instances that can be lent at once.
    pub idle: usize,
    /// Instances that are being started or configured.
    pub starting: usize,
    /// Callers that wait in [`acquire`](InstancePool::acquire).
    pub waiting: usize,
    /// Instances that were started and configured since the pool was built.
    pub started: u64,
    /// Instances that were given back [lost](PooledInstance::is_lost) since the pool was built.
    pub lost: u64,
    /// Instances that the pool dropped since it was built for another reason: a limit of the builder, another plugin,
    /// or because the pool was closed.
    pub retired: u64,
    /// Starts that failed since the pool was built. Starts that the pool itself cut short, and callers that were given
    /// a remembered error, are not counted.
    pub failed_starts: u64,
}
