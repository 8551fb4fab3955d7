//! Closes connections that have expired, and responses that their plugin does not read.
//!
//! Each [`Egress`](super::Egress) has one reaper task while it has connections. The task runs on the
//! [background](crate::background) thread, because a runtime of the embedder may not be running at that time.

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

/// The longest time between two rounds of the reaper. After one round, an idle connection wakes the reaper when the server
/// closes it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// True while a reaper task runs for the pool.
#[derive(Default)]
pub(super) struct IdleReaper(AtomicBool);

impl IdleReaper {
    /// Starts the reaper task unless it runs already. The pool must have a connection, or a permit taken for one.
    ///
    /// Errors: the operating system cannot start a thread.
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

    /// Returns true if the task may end, because the pool has no connections.
    fn may_stop(&self, pool: &Pool) -> bool {
        if pool.is_in_use() {
            return false;
        }
        self.0.store(false, Ordering::SeqCst);
        // A connection may have been opened just before, when this task still counted as running. Then this task
        // continues, unless another one has started since.
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

/// Ready when the pool is gone or has no connections.
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
