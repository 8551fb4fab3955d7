//! Idle connections are looked after: as long as there is any connection, a task closes what nobody may use any more.

use super::pool::Pool;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may be idle before its end is noticed as soon as it comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether a task looks after the connections of a pool.
#[derive(Default)]
pub(super) struct Watched(AtomicBool);

impl Watched {
    /// Has a task look after the connections from now on, unless one does. There must be one, or a place taken for it.
    pub(super) fn start(&self, pool: &Arc<Pool>) {
        if !self.0.swap(true, Ordering::SeqCst) {
            let watch = Watch(Arc::downgrade(pool));
            tokio::spawn(watch.run());
        }
    }

    /// Ends it where there is nothing to look after, or where another task does.
    fn may_stop(&self, pool: &Pool) -> bool {
        if pool.is_in_use() {
            return false;
        }
        self.0.store(false, Ordering::SeqCst);
        // Somebody may have opened a connection just before, and found the pool watched.
        !pool.is_in_use() || self.0.swap(true, Ordering::SeqCst)
    }
}

struct Watch(Weak<Pool>);

impl Watch {
    async fn run(mut self) {
        let mut next = pin!(sleep(Duration::ZERO));
        poll_fn(|cx| self.poll_look(cx, next.as_mut())).await;
        self.0 = Weak::new();
    }

    /// Ready when there is nothing more to look after.
    fn poll_look(&self, cx: &mut Context<'_>, mut next: Pin<&mut Sleep>) -> Poll<()> {
        loop {
            let Some(pool) = self.0.upgrade() else {
                return Poll::Ready(());
            };
            let expiry = pool.look(cx);
            if pool.watched.may_stop(&pool) {
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
        if let Some(pool) = self.0.upgrade() {
            pool.watched.0.store(false, Ordering::SeqCst);
        }
    }
}
