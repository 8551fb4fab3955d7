//! The state that all clones of a pool share. Each event changes the members under the lock, and acts after it is released.

use super::members::{Answer, Asked, Due, Member, Members, Offered, Rules, Wake};
use super::start::{Setup, StartOutcome};
use super::{PoolStats, PooledInstance};
use crate::background;
use crate::error::PoolError;
use crate::plugin::Plugin;
use scopeguard::ScopeGuard;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use tracing::Span;

pub(super) struct Shared {
    rules: Rules,
    pub(super) setup: Arc<Setup>,
    members: Mutex<Members>,
    /// The number of the pool's current plugin. Starts of an earlier plugin are cancelled.
    pub(super) generation: watch::Sender<u64>,
    /// Notified when an instance started or left, or the pool was closed. Warm-ups and `close` wait for it.
    changed: Notify,
    /// Notified when an idle instance is due before the sweep task would wake.
    earlier: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(plugin: Plugin, rules: Rules, setup: Setup) -> Arc<Self> {
        let max_instances = rules.max_instances_of(&plugin);
        warn_of_less(&rules, max_instances);
        Arc::new(Self {
            rules,
            setup: Arc::new(setup),
            members: Mutex::new(Members::new(plugin, max_instances)),
            generation: watch::Sender::new(0),
            changed: Notify::new(),
            earlier: Arc::default(),
        })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stats(&self) -> PoolStats {
        self.members().stats()
    }

    pub(super) fn max_instances(&self) -> NonZeroUsize {
        self.members().max_instances()
    }

    fn lent(self: &Arc<Self>, member: Member) -> PooledInstance {
        PooledInstance::new(member, Arc::clone(self))
    }

    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<PooledInstance> {
        let mut expired = Vec::new();
        let member = self.members().lend(&self.rules, &mut expired);
        let lent = member.map(|member| self.lent(member));
        self.retire(expired);
        lent
    }

    pub(super) async fn acquire(self: &Arc<Self>) -> Result<PooledInstance, PoolError> {
        let (mut expired, mut due, mut answer) = (Vec::new(), Due::default(), None);
        let asked = {
            let mut members = self.members();
            let asked = members.ask(&self.rules, &mut expired, || {
                let runtime = Handle::try_current().ok()?;
                let (sender, receiver) = oneshot::channel();
                answer = Some(receiver);
                Some((runtime, sender))
            });
            if let Asked::Waits { .. } = asked {
                due = members.due(&self.rules);
            }
            asked
        };
        let ticket = match asked {
            Asked::Lent(member) => {
                let lent = self.lent(member);
                self.retire(expired);
                return Ok(lent);
            }
            Asked::Closed => return Err(PoolError::Closed),
            Asked::CannotWait => {
                self.retire(expired);
                // Panics with tokio's message about the missing runtime.
                drop(Handle::current());
                return Err(PoolError::Interrupted);
            }
            Asked::Waits { ticket } => ticket,
        };
        let place = scopeguard::guard(ticket, |ticket| {
            // Drops the sender outside the lock.
            let given_up = self.members().give_up(ticket);
            drop(given_up);
        });
        self.act(due, Span::current);
        self.retire(expired);
        let answer = match answer {
            Some(answer) => answer.await,
            None => return Err(PoolError::Interrupted),
        };
        ScopeGuard::into_inner(place);
        // This future keeps the pool alive, which does not drop a sender.
        answer.unwrap_or(Err(PoolError::Interrupted))
    }

    /// Takes back a lent instance.
    pub(super) fn take_back(self: &Arc<Self>, member: Member) {
        let lost = member.instance.is_lost();
        if lost || self.rules.retirement.ends_after_use(&member) {
            self.discard(member, lost);
        } else {
            self.offer(member);
        }
    }

    /// Offers an instance, which counts as lent, to waiting callers.
    fn offer(self: &Arc<Self>, mut member: Member) {
        loop {
            let offered = self.members().offer(member, &self.rules);
            match offered {
                Offered::Idle(None) => return,
                Offered::Idle(Some(wake)) => return self.wake(wake),
                Offered::Unwanted(member) => return self.discard(member, false),
                Offered::Handed(answer, handed) => match answer.send(Ok(self.lent(handed))) {
                    // The caller went away just now, so offer the instance to the next one.
                    Err(Ok(lent)) => member = lent.into_member(),
                    Ok(()) | Err(Err(_)) => return,
                },
            }
        }
    }

    /// Drops a lent instance. It counts until its slot is free.
    fn discard(self: &Arc<Self>, member: Member, lost: bool) {
        self.members().leaves();
        drop(member);
        self.members().left(usize::from(lost), usize::from(!lost));
        self.changed();
    }

    /// Drops instances that count as leaving.
    fn retire(self: &Arc<Self>, members: Vec<Member>) {
        if members.is_empty() {
            return;
        }
        let count = members.len();
        drop(members);
        self.members().left(0, count);
        self.changed();
    }

    /// Begins starts and wakes waiters after an instance left, a start ended, or the plugin was replaced.
    fn changed(self: &Arc<Self>) {
        let due = self.members().due(&self.rules);
        self.act(due, Span::none);
        self.changed.notify_waiters();
    }

    /// Begins the starts and refuses the callers of `due`. `span` returns the span of the caller that needs the starts, if
    /// that is known.
    fn act(self: &Arc<Self>, due: Due, span: impl Fn() -> Span) {
        let Due { starts, refused } = due;
        for start in starts {
            start.spawn(self, span());
        }
        refuse(refused);
    }

    pub(super) fn start_ended(
        self: &Arc<Self>,
        runtime: Id,
        generation: u64,
        caller: Option<u64>,
        ended: StartOutcome,
    ) {
        let (started, refused) = self
            .members()
            .start_ended(runtime, generation, caller, ended);
        if let Some(member) = started {
            self.offer(member);
        }
        refuse(refused);
        self.changed();
    }

    pub(super) async fn warm_up(self: &Arc<Self>, instances: usize) -> Result<(), PoolError> {
        let runtime = Handle::current();
        let begun = self.members().begin_warm_up(runtime, instances);
        let ticket = begun.ok_or(PoolError::Closed)?;
        let warm_up = scopeguard::guard(ticket, |ticket| self.members().end_warm_up(ticket));
        let due = self.members().due(&self.rules);
        self.act(due, Span::current);
        loop {
            // Registers before it checks, so that no change is missed.
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(ended) = self.members().warm_up(*warm_up) {
                return ended;
            }
            changed.await;
        }
    }

    pub(super) fn replace_plugin(self: &Arc<Self>, plugin: &Plugin) {
        let max_instances = self.rules.max_instances_of(plugin);
        warn_of_less(&self.rules, max_instances);
        let replaced = self.members().replace_plugin(plugin.clone(), max_instances);
        let (generation, idle, _old) = replaced;
        self.outdate(generation);
        self.retire(idle);
        self.changed();
    }

    pub(super) async fn close(self: &Arc<Self>) {
        let (generation, idle, waiters) = self.members().close();
        self.outdate(generation);
        refuse(
            waiters
                .into_iter()
                .map(|answer| (answer, PoolError::Closed)),
        );
        self.retire(idle);
        // Wakes warm-ups.
        self.changed.notify_waiters();
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.members().is_drained() {
                return;
            }
            changed.await;
        }
    }

    /// Cancels the starts of earlier generations. Two threads may call this in either order.
    fn outdate(&self, generation: u64) {
        self.generation
            .send_modify(|current| *current = generation.max(*current));
    }

    fn wake(self: &Arc<Self>, wake: Wake) {
        match wake {
            Wake::Notify => self.earlier.notify_one(),
            Wake::Spawn => {
                let pool = Arc::downgrade(self);
                let sweeping = sweep(pool, Arc::clone(&self.earlier));
                if let Err(error) = background::spawn(sweeping) {
                    tracing::warn!(
                        "cannot start the thread that drops idle instances, so they stay until the pool is used: {error}"
                    );
                    self.members().sweep_ended();
                }
            }
        }
    }

    /// Drops the idle instances that are due. Returns the time when the next one is due, if any is.
    fn sweep(self: &Arc<Self>) -> Option<Instant> {
        let (expired, next) = self.members().sweep(&self.rules);
        self.retire(expired);
        next
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Wakes the sweep task, so that it ends.
        self.earlier.notify_one();
    }
}

/// Drops idle instances when they are due, also while nobody uses the pool.
///
/// This task runs on this crate's own thread, since a caller's runtime may be idle for as long as the pool. It ends when
/// no idle instance is left to wait for, or with the pool.
async fn sweep(pool: Weak<Shared>, earlier: Arc<Notify>) {
    loop {
        // Registers before it checks, so that no instance that becomes idle afterwards is missed.
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

fn refuse(callers: impl IntoIterator<Item = (Answer, PoolError)>) {
    for (answer, error) in callers {
        let _gone_away = answer.send(Err(error));
    }
}

fn warn_of_less(rules: &Rules, max_instances: NonZeroUsize) {
    if max_instances < rules.max_instances {
        tracing::warn!(
            "the instance pool has room for {max_instances} instances instead of {}, because its plugin allows no more; raise PluginBuilder::max_instances",
            rules.max_instances
        );
    }
}
