//! An instance on loan.

use super::members::Member;
use super::shared::Shared;
use crate::error::CallError;
use crate::instance::{Binding, State};
use scopeguard::ScopeGuard;
use std::sync::Arc;

/// An instance on loan from an [`InstancePool`](crate::InstancePool). Dropping it gives it back.
///
/// A [lost](Self::is_lost) instance is dropped instead; the pool starts another one when it is needed.
// No `Deref`: with `DerefMut`, `std::mem::swap` could put an instance of another plugin into the pool.
pub struct PooledInstance(ScopeGuard<Lent, fn(Lent)>);

struct Lent {
    member: Member,
    pool: Arc<Shared>,
}

impl PooledInstance {
    pub(super) fn new(member: Member, pool: Arc<Shared>) -> Self {
        let give_back: fn(Lent) = |Lent { member, pool }| pool.take_back(member);
        Self(scopeguard::guard(Lent { member, pool }, give_back))
    }

    /// The member without the loan.
    pub(super) fn into_member(self) -> Member {
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
