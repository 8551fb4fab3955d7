//! Runs the asynchronous calls of the command line. They are asynchronous for other hosts; here, an
//! imported function has finished when it returns.

use dapr_wasm_command_line::{Failure, Outcome, Stop};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Returns the outcome of a run that never waits.
pub(super) fn outcome(run: impl Future<Output = Result<Outcome, Stop>>) -> Result<Outcome, Stop> {
    match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Stop::Failed(Failure::here(
            "the program waits for an event that never comes: this is a bug in the program, please report it",
        ))),
    }
}
