//! Idle connections are looked after: as long as there is any connection, a task on each runtime that opened one closes
//! what nobody may use any more.

use super::pool::Pool;
use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may be idle before its end is noticed as soon as it comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The runtimes of which a task looks after the connections of a pool.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashSet<Id>>);

impl Watched {
    /// Has a task of this runtime look after the connections from now on, unless one does. There must be one, or a place
    /// taken for it.
    pub(super) fn start(&self, pool: &Arc<Pool>) {
        let runtime = Handle::current().id();
        if self.runtimes().insert(runtime) {
            let pool = Arc::downgrade(pool);
            let watch = Watch { pool, runtime };
            tokio::spawn(watch.run());
        }
    }

    /// Ends it where there is nothing to look after, or where another task of that runtime does.
    fn may_stop(&self, pool: &Pool, runtime: Id) -> bool {
        if pool.is_in_use() {
            return false;
        }
        self.runtimes().remove(&runtime);
        // Somebody may have opened a connection just before, and found the pool watched.
        !pool.is_in_use() || !self.runtimes().insert(runtime)
    }

    fn runtimes(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Watch {
    pool: Weak<Pool>,
    runtime: Id,
}

impl Watch {
    async fn run(mut self) {
        let mut next = pin!(sleep(Duration::ZERO));
        poll_fn(|cx| self.poll_look(cx, next.as_mut())).await;
        self.pool = Weak::new();
    }

    /// Ready when there is nothing more to look after.
    fn poll_look(&self, cx: &mut Context<'_>, mut next: Pin<&mut Sleep>) -> Poll<()> {
        loop {
            let Some(pool) = self.pool.upgrade() else {
                return Poll::Ready(());
            };
            let expiry = pool.look(cx, self.runtime);
            if pool.watched.may_stop(&pool, self.runtime) {
                return Poll::Ready(());
            }
            let soon = Instant::now() + LOOK_EVERY;
            next.as_mut()
                .reset(expiry.map_or(soon, |expiry| expiry.min(soon)));
            if next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

// The runtime may end before the pool does.
impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.watched.runtimes().remove(&self.runtime);
        }
    }
}
