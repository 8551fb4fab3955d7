//! The instances of a pool and its waiting callers, as plain data, with the decisions about starts and retirement.

use super::start::{Start, StartOutcome};
use super::{PoolStats, PooledInstance};
use crate::error::PoolError;
use crate::instance::Instance;
use crate::plugin::Plugin;
use std::collections::VecDeque;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// An instance of a pool, with the pool's records about it.
pub(super) struct Member {
    /// Boxed, since an instance has several hundred bytes, and each loan moves it several times.
    pub(super) instance: Box<Instance>,
    pub(super) started: Instant,
    /// Kept up to date only if idle instances time out.
    pub(super) idle_since: Instant,
    /// The number of calls that configured the instance.
    pub(super) calls_at_start: u64,
    /// The number of the plugin, counting those that the pool has had.
    generation: u64,
}

impl Member {
    fn new(instance: Box<Instance>, generation: u64) -> Self {
        let now = Instant::now();
        Self {
            started: now,
            idle_since: now,
            calls_at_start: instance.calls(),
            instance,
            generation,
        }
    }
}

/// The channel on which a waiting caller gets its instance.
pub(super) type Answer = oneshot::Sender<Result<PooledInstance, PoolError>>;

struct Waiter {
    ticket: u64,
    runtime: Id,
    /// True if a start was begun for this caller.
    has_start: bool,
    answer: Answer,
}

/// A call of `warm_up`, which waits until this many instances exist.
struct WarmUp {
    ticket: u64,
    runtime: Id,
    instances: usize,
    /// The number of instances that have started since the call. Some may have been retired again.
    started: usize,
    failed: Option<PoolError>,
}

/// A tokio runtime that callers wait on.
///
/// Each runtime has as many starts as its own callers need. If runtimes shared their starts, a runtime that nobody drives
/// could take all of them, and the callers on other runtimes would wait for it.
struct Runtime {
    id: Id,
    handle: Handle,
    waiting: usize,
    warm_ups: usize,
    starting: usize,
}

/// The retirement limits that an embedder sets. Without any, an instance is kept as long as the pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retirement {
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) max_calls: Option<NonZeroU64>,
    pub(super) max_memory: Option<usize>,
}

impl Retirement {
    /// Returns true if an instance that was given back must be retired.
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

    /// Returns true if idle instances are retired after some time.
    fn is_timed(&self) -> bool {
        self.idle_timeout.is_some() || self.max_age.is_some()
    }

    /// Returns the time when an idle instance is due to be retired, or `None` if never.
    fn due(&self, member: &Member) -> Option<Instant> {
        // A time that the clock cannot represent never comes.
        let idle = self
            .idle_timeout
            .map(|most| member.idle_since.checked_add(most));
        let age = self.max_age.map(|most| member.started.checked_add(most));
        [idle, age].into_iter().flatten().flatten().min()
    }

    /// Returns true if an idle instance is due to be retired.
    fn is_due(&self, member: &Member, now: Instant) -> bool {
        self.due(member).is_some_and(|due| due <= now)
    }
}

/// The builder's settings.
pub(super) struct Rules {
    pub(super) max_instances: NonZeroUsize,
    pub(super) max_starts: NonZeroUsize,
    pub(super) retry_pause: Duration,
    pub(super) retirement: Retirement,
}

impl Rules {
    /// Returns the pool's limit of instances with this plugin.
    pub(super) fn max_instances_of(&self, plugin: &Plugin) -> NonZeroUsize {
        self.max_instances.min(plugin.max_instances())
    }
}

/// The work to do after the lock is released.
#[derive(Default)]
#[must_use]
pub(super) struct Due {
    pub(super) starts: Vec<Start>,
    pub(super) refused: Vec<(Answer, PoolError)>,
}

/// The first answer to a caller.
pub(super) enum Asked {
    Lent(Member),
    Waits {
        ticket: u64,
    },
    /// There is no tokio runtime.
    CannotWait,
    Closed,
}

/// The next place of an instance that was offered.
pub(super) enum Offered {
    Handed(Answer, Member),
    /// Kept as idle. `Some` if the sweep task must be woken.
    Idle(Option<Wake>),
    /// The pool was closed or has another plugin.
    Unwanted(Member),
}

/// The way to wake the sweep task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Spawn,
    Notify,
}

/// The state of the sweep task, which drops idle instances when they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    Ended,
    /// The task was spawned or woken, and will check all idle instances.
    Looks,
    SleepsUntil(Instant),
}

pub(super) struct Members {
    plugin: Plugin,
    generation: u64,
    max_instances: NonZeroUsize,
    closed: bool,
    /// The instance that was used last is at the end.
    idle: Vec<Member>,
    in_use: usize,
    starting: usize,
    /// Instances that are being dropped: their slots are not free yet.
    leaving: usize,
    /// In the order in which they asked, which is that of their tickets. Nobody waits while an instance is idle.
    waiters: VecDeque<Waiter>,
    warm_ups: Vec<WarmUp>,
    tickets: u64,
    /// The runtimes of waiters, warm-ups and starts: one, or a few.
    runtimes: Vec<Runtime>,
    /// The error of the last start, if it failed, and the time of the failure.
    failure: Option<(PoolError, Instant)>,
    sweep: Sweep,
    started: u64,
    lost: u64,
    retired: u64,
    failed_starts: u64,
}

impl Members {
    pub(super) fn new(plugin: Plugin, max_instances: NonZeroUsize) -> Self {
        Self {
            plugin,
            generation: 0,
            max_instances,
            closed: false,
            idle: Vec::new(),
            in_use: 0,
            starting: 0,
            leaving: 0,
            waiters: VecDeque::new(),
            warm_ups: Vec::new(),
            tickets: 0,
            runtimes: Vec::new(),
            failure: None,
            sweep: Sweep::Ended,
            started: 0,
            lost: 0,
            retired: 0,
            failed_starts: 0,
        }
    }

    pub(super) fn stats(&self) -> PoolStats {
        PoolStats {
            in_use: self.in_use,
            idle: self.idle.len(),
            starting: self.starting,
            waiting: self.waiters.len(),
            started: self.started,
            lost: self.lost,
            retired: self.retired,
            failed_starts: self.failed_starts,
        }
    }

    pub(super) fn max_instances(&self) -> NonZeroUsize {
        self.max_instances
    }

    fn total(&self) -> usize {
        self.idle.len() + self.in_use + self.starting + self.leaving
    }

    /// Returns true if the pool is closed and no instance of it is left.
    pub(super) fn is_drained(&self) -> bool {
        self.closed && self.total() == 0
    }

    // Lending.

    /// Lends the idle instance that was used last. Moves instances that are due to `expired`, to be dropped outside the lock.
    pub(super) fn lend(&mut self, rules: &Rules, expired: &mut Vec<Member>) -> Option<Member> {
        let now = rules.retirement.is_timed().then(Instant::now);
        while let Some(member) = self.idle.pop() {
            if now.is_none_or(|now| !rules.retirement.is_due(&member, now)) {
                self.in_use += 1;
                return Some(member);
            }
            self.leaving += 1;
            expired.push(member);
        }
        None
    }

    /// Lends an idle instance, or adds the caller to the waiters.
    pub(super) fn ask(
        &mut self,
        rules: &Rules,
        expired: &mut Vec<Member>,
        wait: impl FnOnce() -> Option<(Handle, Answer)>,
    ) -> Asked {
        if self.closed {
            return Asked::Closed;
        }
        if let Some(member) = self.lend(rules, expired) {
            return Asked::Lent(member);
        }
        let Some((runtime, answer)) = wait() else {
            return Asked::CannotWait;
        };
        let ticket = self.ticket();
        self.waiters.push_back(Waiter {
            ticket,
            runtime: runtime.id(),
            has_start: false,
            answer,
        });
        self.enter(runtime, |runtime| runtime.waiting += 1);
        Asked::Waits { ticket }
    }

    /// Hands an instance, which counts as lent, to the caller that has waited longest, or keeps it as idle.
    pub(super) fn offer(&mut self, mut member: Member, rules: &Rules) -> Offered {
        if self.closed || member.generation != self.generation {
            return Offered::Unwanted(member);
        }
        if let Some(answer) = self.remove_waiter(0) {
            return Offered::Handed(answer, member);
        }
        if rules.retirement.idle_timeout.is_some() {
            member.idle_since = Instant::now();
        }
        let wake = self.wake(rules.retirement.due(&member));
        self.in_use -= 1;
        self.idle.push(member);
        Offered::Idle(wake)
    }

    /// Records that a lent instance is about to be dropped.
    pub(super) fn leaves(&mut self) {
        self.in_use -= 1;
        self.leaving += 1;
    }

    /// Records that instances were dropped and their slots are free.
    pub(super) fn left(&mut self, lost: usize, retired: usize) {
        self.leaving -= lost + retired;
        self.lost += lost as u64;
        self.retired += retired as u64;
    }

    // Waiting.

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Removes a caller whose future was dropped.
    pub(super) fn give_up(&mut self, ticket: u64) -> Option<Answer> {
        let by_ticket = |waiter: &Waiter| waiter.ticket;
        let known = self.waiters.binary_search_by_key(&ticket, by_ticket);
        self.remove_waiter(known.ok()?)
    }

    /// Removes the caller that gets the error of a start: the one for which it was begun, or else one without a start.
    fn whose_start_failed(&mut self, runtime: Id, caller: Option<u64>) -> Option<Answer> {
        if let Some(answer) = caller.and_then(|ticket| self.give_up(ticket)) {
            return Some(answer);
        }
        let on_it = |waiter: &Waiter| waiter.runtime == runtime;
        let without = |waiter: &Waiter| on_it(waiter) && !waiter.has_start;
        let position = self.waiters.iter().position(without);
        let position = position.or_else(|| self.waiters.iter().position(on_it));
        self.remove_waiter(position?)
    }

    fn remove_waiter(&mut self, position: usize) -> Option<Answer> {
        let waiter = self.waiters.remove(position)?;
        self.change(waiter.runtime, |runtime| runtime.waiting -= 1);
        Some(waiter.answer)
    }

    /// Changes the counts of a runtime, which is added if it is not known. [`Self::change`] removes it when all are zero.
    fn enter(&mut self, handle: Handle, change: impl FnOnce(&mut Runtime)) {
        let id = handle.id();
        if self.runtimes.iter().all(|runtime| runtime.id != id) {
            self.runtimes.push(Runtime {
                id,
                handle,
                waiting: 0,
                warm_ups: 0,
                starting: 0,
            });
        }
        self.change(id, change);
    }

    fn change(&mut self, id: Id, change: impl FnOnce(&mut Runtime)) {
        let mut runtimes = self.runtimes.iter_mut().enumerate();
        if let Some((position, runtime)) = runtimes.find(|(_, runtime)| runtime.id == id) {
            change(runtime);
            if runtime.waiting + runtime.warm_ups + runtime.starting == 0 {
                self.runtimes.swap_remove(position);
            }
        }
    }

    fn runtime(&self, id: Id) -> Option<&Runtime> {
        self.runtimes.iter().find(|runtime| runtime.id == id)
    }

    // Starts.

    /// Begins the starts that callers and warm-ups need. Refuses the callers instead if a start failed a moment ago.
    pub(super) fn due(&mut self, rules: &Rules) -> Due {
        let mut due = Due::default();
        if self.closed || !self.has_room() || self.runtimes.is_empty() {
            return due;
        }
        let failure = self.remembered(rules.retry_pause);
        let waiting = self.runtimes.iter();
        let waiting = waiting.filter(|runtime| runtime.waiting > runtime.starting);
        let waiting: Vec<Id> = waiting.map(|runtime| runtime.id).collect();
        for runtime in waiting {
            self.start_for_callers(runtime, rules, failure.as_ref(), &mut due);
        }
        if !self.warm_ups.is_empty() {
            self.start_for_warm_ups(rules, failure.as_ref(), &mut due);
        }
        due
    }

    /// Begins a start for each caller of a runtime, within the limits.
    fn start_for_callers(
        &mut self,
        id: Id,
        rules: &Rules,
        failure: Option<&PoolError>,
        due: &mut Due,
    ) {
        while self.has_room()
            && let Some(runtime) = self.runtime(id)
            && runtime.waiting > runtime.starting
        {
            if let Some(error) = failure {
                let refused = self.whose_start_failed(id, None);
                due.refused
                    .extend(refused.map(|answer| (answer, error.clone())));
            } else if runtime.starting < rules.max_starts.get() {
                let mut waiters = self.waiters.iter_mut();
                let caller = waiters.find(|waiter| waiter.runtime == id && !waiter.has_start);
                let caller = caller.map(|caller| {
                    caller.has_start = true;
                    caller.ticket
                });
                due.starts.extend(self.begin(id, caller));
            } else {
                return;
            }
        }
    }

    fn start_for_warm_ups(&mut self, rules: &Rules, failure: Option<&PoolError>, due: &mut Due) {
        let mut warm_ups = std::mem::take(&mut self.warm_ups);
        let unfinished = warm_ups
            .iter_mut()
            .filter(|warm_up| warm_up.failed.is_none());
        for warm_up in unfinished {
            while self.has_room()
                && self.total() < warm_up.instances
                && warm_up.started + self.starting < warm_up.instances
            {
                if let Some(error) = failure {
                    warm_up.failed = Some(error.clone());
                    break;
                }
                let runtime = self.runtime(warm_up.runtime);
                if runtime.is_none_or(|runtime| runtime.starting >= rules.max_starts.get()) {
                    break;
                }
                due.starts.extend(self.begin(warm_up.runtime, None));
            }
        }
        self.warm_ups = warm_ups;
    }

    fn has_room(&self) -> bool {
        self.total() < self.max_instances.get()
    }

    fn begin(&mut self, runtime: Id, caller: Option<u64>) -> Option<Start> {
        let mut runtimes = self.runtimes.iter_mut();
        let runtime = runtimes.find(|known| known.id == runtime)?;
        runtime.starting += 1;
        self.starting += 1;
        Some(Start {
            runtime: runtime.handle.clone(),
            plugin: self.plugin.clone(),
            generation: self.generation,
            caller,
        })
    }

    /// Returns the error of a start that failed within `pause`.
    fn remembered(&self, pause: Duration) -> Option<PoolError> {
        let (error, failed) = self.failure.as_ref()?;
        (failed.elapsed() < pause).then(|| error.clone())
    }

    /// Records the end of a start. Returns the started instance, which counts as lent, and the callers that get an error.
    pub(super) fn start_ended(
        &mut self,
        runtime: Id,
        generation: u64,
        mut caller: Option<u64>,
        ended: StartOutcome,
    ) -> (Option<Member>, Vec<(Answer, PoolError)>) {
        self.starting -= 1;
        let (error, interrupted) = match ended {
            StartOutcome::Started(instance) => {
                self.change(runtime, |runtime| runtime.starting -= 1);
                self.started += 1;
                self.in_use += 1;
                if generation == self.generation {
                    for warm_up in &mut self.warm_ups {
                        warm_up.started += 1;
                    }
                    self.failure = None;
                }
                return (Some(Member::new(instance, generation)), Vec::new());
            }
            StartOutcome::CutShort => {
                self.change(runtime, |runtime| runtime.starting -= 1);
                return (None, Vec::new());
            }
            StartOutcome::Failed(error) => (error, false),
            StartOutcome::Interrupted => (PoolError::Interrupted, true),
        };
        self.failed_starts += 1;
        let mut refused = Vec::new();
        // The failure of a plugin that was replaced says nothing about the new one.
        if generation == self.generation {
            if error.is_worth_remembering() {
                self.failure = Some((error.clone(), Instant::now()));
            }
            for warm_up in &mut self.warm_ups {
                warm_up.failed.get_or_insert_with(|| error.clone());
            }
            // One caller fails, unless the other starts are enough for all callers. If the runtime may have been shut down,
            // it would drop every further start, so all callers without one fail.
            while let Some(figures) = self.runtime(runtime)
                && figures.waiting >= figures.starting
                && (interrupted || refused.is_empty())
                && let Some(answer) = self.whose_start_failed(runtime, caller.take())
            {
                refused.push((answer, error.clone()));
            }
        }
        self.change(runtime, |runtime| runtime.starting -= 1);
        (None, refused)
    }

    // Warming up.

    /// Returns the ticket of a new warm-up, or `None` if the pool is closed.
    pub(super) fn begin_warm_up(&mut self, runtime: Handle, instances: usize) -> Option<u64> {
        if self.closed {
            return None;
        }
        let ticket = self.ticket();
        self.warm_ups.push(WarmUp {
            ticket,
            runtime: runtime.id(),
            instances,
            started: 0,
            failed: None,
        });
        self.enter(runtime, |runtime| runtime.warm_ups += 1);
        Some(ticket)
    }

    /// Returns the outcome of a warm-up if it has ended.
    pub(super) fn warm_up(&self, ticket: u64) -> Option<Result<(), PoolError>> {
        if self.closed {
            return Some(Err(PoolError::Closed));
        }
        let mut warm_ups = self.warm_ups.iter();
        let warm_up = warm_ups.find(|warm_up| warm_up.ticket == ticket)?;
        if let Some(error) = &warm_up.failed {
            return Some(Err(error.clone()));
        }
        let ready = self.idle.len() + self.in_use;
        let wanted = warm_up.instances.min(self.max_instances.get());
        (ready.max(warm_up.started) >= wanted).then_some(Ok(()))
    }

    pub(super) fn end_warm_up(&mut self, ticket: u64) {
        let mut warm_ups = self.warm_ups.iter();
        if let Some(known) = warm_ups.position(|warm_up| warm_up.ticket == ticket) {
            let warm_up = self.warm_ups.swap_remove(known);
            self.change(warm_up.runtime, |runtime| runtime.warm_ups -= 1);
        }
    }

    // Changing and closing.

    /// Switches to another plugin. Returns the new generation, and the idle instances and the old plugin, to be dropped.
    pub(super) fn replace_plugin(
        &mut self,
        plugin: Plugin,
        max_instances: NonZeroUsize,
    ) -> (u64, Vec<Member>, Plugin) {
        self.generation += 1;
        self.max_instances = max_instances;
        self.failure = None;
        for waiter in &mut self.waiters {
            waiter.has_start = false;
        }
        let old = std::mem::replace(&mut self.plugin, plugin);
        (self.generation, self.all_idle_leave(), old)
    }

    /// Closes the pool. Returns the new generation, the idle instances to drop, and the callers to refuse.
    pub(super) fn close(&mut self) -> (u64, Vec<Member>, Vec<Answer>) {
        self.closed = true;
        self.generation += 1;
        let mut waiters = Vec::with_capacity(self.waiters.len());
        while let Some(answer) = self.remove_waiter(0) {
            waiters.push(answer);
        }
        (self.generation, self.all_idle_leave(), waiters)
    }

    fn all_idle_leave(&mut self) -> Vec<Member> {
        let idle = std::mem::take(&mut self.idle);
        self.leaving += idle.len();
        idle
    }

    // Sweeping.

    /// Decides if the sweep task must be woken for an instance that is due at this time.
    fn wake(&mut self, due: Option<Instant>) -> Option<Wake> {
        let due = due?;
        let wake = match self.sweep {
            Sweep::Ended => Wake::Spawn,
            Sweep::SleepsUntil(next) if due < next => Wake::Notify,
            Sweep::Looks | Sweep::SleepsUntil(_) => return None,
        };
        self.sweep = Sweep::Looks;
        Some(wake)
    }

    /// Removes the instances that are due. Also returns the time when the next one is due, if any is.
    pub(super) fn sweep(&mut self, rules: &Rules) -> (Vec<Member>, Option<Instant>) {
        let now = Instant::now();
        let expired = |member: &mut Member| rules.retirement.is_due(member, now);
        let expired: Vec<_> = self.idle.extract_if(.., expired).collect();
        self.leaving += expired.len();
        let due = self.idle.iter();
        let next = due.filter_map(|member| rules.retirement.due(member)).min();
        self.sweep = next.map_or(Sweep::Ended, Sweep::SleepsUntil);
        (expired, next)
    }

    /// Records that the sweep task is not running.
    pub(super) fn sweep_ended(&mut self) {
        self.sweep = Sweep::Ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::components::binding_by_hand;

    #[test]
    fn sweep_is_woken_only_for_an_earlier_due_time() {
        let plugin = Plugin::builder().without_cache();
        let plugin = plugin.from_bytes(&binding_by_hand()).unwrap();
        let mut members = Members::new(plugin, NonZeroUsize::MIN);
        let due = |seconds| Some(Instant::now() + Duration::from_secs(seconds));
        assert_eq!(members.wake(None), None);
        assert_eq!(members.wake(due(60)), Some(Wake::Spawn));
        // The task has not checked yet.
        assert_eq!(members.wake(due(30)), None);
        members.sweep = Sweep::SleepsUntil(due(60).unwrap());
        assert_eq!(members.wake(due(90)), None);
        assert_eq!(members.wake(due(30)), Some(Wake::Notify));
        assert_eq!(members.wake(due(20)), None);
    }
}
