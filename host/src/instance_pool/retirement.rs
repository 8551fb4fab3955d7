//! When an instance is no longer kept, although nothing went wrong with it.

use super::members::Member;
use super::shared::Shared;
use std::num::NonZeroU64;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The limits that an embedder sets. Without any, an instance is kept as long as the pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retirement {
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) max_calls: Option<NonZeroU64>,
    pub(super) max_memory: Option<usize>,
}

impl Retirement {
    /// Returns true if an instance that was given back is to go.
    pub(super) fn ends_after_use(&self, member: &Member) -> bool {
        let calls = || {
            member
                .instance
                .calls()
                .saturating_sub(member.calls_at_start)
        };
        let memory = || member.instance.memory_size();
        self.max_calls.is_some_and(|most| calls() >= most.get())
            || self.max_memory.is_some_and(|most| memory() > most)
            || self
                .max_age
                .is_some_and(|most| member.started.elapsed() >= most)
    }

    /// Returns true if idle instances go when their time has come.
    pub(super) fn is_timed(&self) -> bool {
        self.idle_timeout.is_some() || self.max_age.is_some()
    }

    /// When an idle instance is to go; `None` if never.
    pub(super) fn due(&self, member: &Member) -> Option<Instant> {
        // A time beyond what the clock can tell never comes.
        let idle = self
            .idle_timeout
            .map(|most| member.idle_since.checked_add(most));
        let age = self.max_age.map(|most| member.started.checked_add(most));
        [idle, age].into_iter().flatten().flatten().min()
    }

    /// Returns true if the time of an idle instance has come.
    pub(super) fn is_due(&self, member: &Member, now: Instant) -> bool {
        self.due(member).is_some_and(|due| due <= now)
    }
}

/// Drops idle instances when their time has come, also while nobody uses the pool.
///
/// It runs on this crate's own thread, since the runtime of a caller may rest for as long as the pool does. It ends
/// when no instance is idle, or with the pool.
pub(super) async fn sweep(pool: Weak<Shared>, earlier: Arc<Notify>) {
    loop {
        // Before it looks, so that what becomes idle afterwards is not missed.
        let earlier = earlier.notified();
        let Some(next) = pool.upgrade().and_then(|pool| pool.sweep()) else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = earlier => {}
        }
    }
}
