//! The figures of a pool.

/// Figures of an [`InstancePool`](crate::InstancePool), all of one moment.
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
    /// Callers that wait in [`acquire`](crate::InstancePool::acquire).
    pub waiting: usize,
    /// Instances that were started and configured since the pool was built.
    pub started: u64,
    /// Instances that were given back [lost](crate::PooledInstance::is_lost) since the pool was built.
    pub lost: u64,
    /// Instances that the pool dropped since it was built for another reason: a limit of the builder, another plugin,
    /// or because the pool was closed.
    pub retired: u64,
    /// Starts that failed since the pool was built. Starts that the pool itself cut short, and callers that were given
    /// a remembered error, are not counted.
    pub failed_starts: u64,
}
