//! Closes connections that nobody may use any more, and answers that nobody reads.
//!
//! One task for each [`Egress`](super::Egress), for as long as it has connections, on the
//! [background](crate::background) thread: a runtime of the embedder may not be driven when it is time.

use super::pool::Pool;
use crate::background;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::Error;

/// How long a connection may be idle before its end is noticed as soon as it comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// True while a task looks after the connections of a pool.
#[derive(Default)]
pub(super) struct IdleReaper(AtomicBool);

impl IdleReaper {
    /// Has a task look after the connections from now on, unless one does. There must be one, or a permit taken for it.
    ///
    /// Errors: the operating system starts no thread.
    pub(super) fn start(&self, pool: &Arc<Pool>) -> Result<(), Error> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let pool = Arc::downgrade(pool);
        let started = background::spawn(reap(pool));
        started.map(drop).map_err(|cause| {
            self.0.store(false, Ordering::SeqCst);
            tracing::warn!("cannot start the thread that closes idle connections: {cause}");
            Error::InternalError(Some("the host cannot start a thread".to_owned()))
        })
    }

    /// Ends it where there is nothing to look after.
    fn may_stop(&self, pool: &Pool) -> bool {
        if pool.is_in_use() {
            return false;
        }
        self.0.store(false, Ordering::SeqCst);
        // Somebody may have opened a connection just before, and found a reaper. Then this task goes on, unless
        // another one has started since.
        !pool.is_in_use() || self.0.swap(true, Ordering::SeqCst)
    }
}

async fn reap(pool: Weak<Pool>) {
    let _if_it_panics = scopeguard::guard(pool.clone(), |pool| {
        if let Some(pool) = pool.upgrade()
            && std::thread::panicking()
        {
            pool.reaper.0.store(false, Ordering::SeqCst);
        }
    });
    let mut next = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| poll_look(&pool, cx, next.as_mut())).await;
}

/// Ready when there is nothing more to look after.
fn poll_look(pool: &Weak<Pool>, cx: &mut Context<'_>, mut next: Pin<&mut Sleep>) -> Poll<()> {
    loop {
        let Some(pool) = pool.upgrade() else {
            return Poll::Ready(());
        };
        let expiry = pool.look(cx);
        if pool.reaper.may_stop(&pool) {
            return Poll::Ready(());
        }
        let unread = pool.limits.unread_timeout.max(LOOK_AT_MOST_EVERY);
        let soon = Instant::now() + LOOK_EVERY.min(unread);
        next.as_mut()
            .reset(expiry.map_or(soon, |expiry| expiry.min(soon)));
        if next.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
    }
}
