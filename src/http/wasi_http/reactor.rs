//! Waits for WASI pollables, each with a deadline. All waits of a call share one `poll`, and
//! all deadlines share one timer. Nearly all requests get their response in time, and leave
//! the timer to the next request.

use crate::http::wasi::nanos;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};

thread_local! {
    /// The waits of the running future. Only one call runs at a time.
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting { waits: Vec::new(), timer: None }) };
}

struct Waiting {
    waits: Vec<Rc<Wait>>,
    timer: Option<Timer>,
}

/// A wait for a pollable or a deadline.
struct Wait {
    /// The pollable. `None` waits for the deadline only.
    pollable: Option<Pollable>,
    deadline: Duration,
    outcome: Cell<Option<Outcome>>,
    waker: Cell<Option<Waker>>,
}

/// The outcome of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The pollable is ready.
    Ready,
    /// The deadline has passed.
    Passed,
}

/// A pollable that is ready once the time `due` has come.
struct Timer {
    pollable: Pollable,
    due: Duration,
}

/// A future that resolves when its pollable is ready or its deadline has passed.
pub struct Until {
    wait: Rc<Wait>,
    registered: bool,
}

/// Waits for `pollable`, until `deadline`.
pub fn ready(pollable: Pollable, deadline: Duration) -> Until {
    Until::new(Some(pollable), deadline)
}

/// Waits until `deadline`.
pub async fn sleep_until(deadline: Duration) {
    Until::new(None, deadline).await;
}

impl Until {
    fn new(pollable: Option<Pollable>, deadline: Duration) -> Self {
        Self {
            wait: Rc::new(Wait {
                pollable,
                deadline,
                outcome: Cell::default(),
                waker: Cell::default(),
            }),
            registered: false,
        }
    }
}

impl Future for Until {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = self.wait.outcome.get() {
            return Poll::Ready(outcome);
        }
        self.wait.waker.set(Some(context.waker().clone()));
        if !self.registered {
            self.registered = true;
            WAITING.with_borrow_mut(|waiting| waiting.waits.push(Rc::clone(&self.wait)));
        }
        Poll::Pending
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        if self.registered && self.wait.outcome.get().is_none() {
            WAITING.with_borrow_mut(|waiting| {
                waiting.waits.retain(|wait| !Rc::ptr_eq(wait, &self.wait));
            });
        }
    }
}

/// Waits until a wait has ended, and wakes its future. Returns false if there are no waits.
pub fn wait() -> bool {
    WAITING.with_borrow_mut(Waiting::block)
}

impl Waiting {
    /// Blocks until a wait may have ended, and wakes the futures whose wait has ended.
    /// Returns false if there are no waits.
    fn block(&mut self) -> bool {
        let Some(first) = self.waits.iter().map(|wait| wait.deadline).min() else {
            return false;
        };
        // A timer of an earlier request that is due before this deadline can be reused. At
        // worst it wakes early, and another timer replaces it.
        let timer = match self.timer.take() {
            Some(timer) if timer.due <= first => timer,
            _ => Timer::at(first),
        };
        let mut pollables = vec![&timer.pollable];
        pollables.extend(self.waits.iter().filter_map(|wait| wait.pollable.as_ref()));
        let ready = poll(&pollables);
        let due = ready.contains(&0).then_some(timer.due);
        let mut index = 0;
        self.waits.retain(|wait| {
            let mut outcome = None;
            if wait.pollable.is_some() {
                index += 1;
                outcome = ready.contains(&index).then_some(Outcome::Ready);
            }
            // The deadline counts first: a host may report a pollable as ready although it
            // has no data.
            if due.is_some_and(|due| wait.deadline <= due) {
                outcome = Some(Outcome::Passed);
            }
            let ended = outcome.is_some();
            wait.outcome.set(outcome);
            if ended && let Some(waker) = wait.waker.take() {
                waker.wake();
            }
            !ended
        });
        self.timer = due.is_none().then_some(timer);
        true
    }
}

impl Timer {
    fn at(due: Duration) -> Self {
        Self {
            pollable: monotonic_clock::subscribe_instant(nanos(due)),
            due,
        }
    }
}
