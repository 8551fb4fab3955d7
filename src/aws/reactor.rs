//! Waits for WASI pollables: one `poll` for all that a call waits for, and no
//! host call that does not wait. Many requests of one call share it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use wasip2::io::poll::{Pollable, poll};

thread_local! {
    /// What the future that runs now waits for. One call runs at a time.
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// A pollable that somebody waits for.
struct Waiting {
    pollable: Rc<Pollable>,
    ready: Rc<Cell<bool>>,
    waker: Waker,
}

/// Resolves when a pollable is ready.
pub struct Ready {
    pollable: Rc<Pollable>,
    ready: Rc<Cell<bool>>,
    registered: bool,
}

/// Waits for `pollable`.
pub fn ready(pollable: Rc<Pollable>) -> Ready {
    Ready {
        pollable,
        ready: Rc::default(),
        registered: false,
    }
}

impl Future for Ready {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.ready.get() {
            return Poll::Ready(());
        }
        if !self.registered {
            self.registered = true;
            let waiting = Waiting {
                pollable: Rc::clone(&self.pollable),
                ready: Rc::clone(&self.ready),
                waker: context.waker().clone(),
            };
            WAITING.with_borrow_mut(|all| all.push(waiting));
        }
        Poll::Pending
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if self.registered && !self.ready.get() {
            WAITING.with_borrow_mut(|all| all.retain(|w| !Rc::ptr_eq(&w.ready, &self.ready)));
        }
    }
}

/// Set when the future is to be polled again.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end. `None` where it waits for nothing that could ever
/// wake it, which would be an error in the future.
pub fn block_on<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    loop {
        while flag.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
        }
        if !wake_the_ready() {
            return None;
        }
    }
}

/// Blocks until at least one pollable is ready and wakes who waits for it.
/// False where nobody waits.
fn wake_the_ready() -> bool {
    WAITING.with_borrow_mut(|all| {
        if all.is_empty() {
            return false;
        }
        let pollables: Vec<&Pollable> = all.iter().map(|w| &*w.pollable).collect();
        for index in poll(&pollables) {
            if let Some(waiting) = usize::try_from(index).ok().and_then(|i| all.get(i)) {
                waiting.ready.set(true);
                waiting.waker.wake_by_ref();
            }
        }
        all.retain(|waiting| !waiting.ready.get());
        true
    })
}
