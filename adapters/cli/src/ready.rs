//! The calls of the command line are asynchronous for hosts that wait in other ways; here, an imported
//! function has answered when it returns.

use dapr_wasm_command_line::{Failure, Outcome, Stop};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a run that never waits comes to.
pub(super) fn outcome(run: impl Future<Output = Result<Outcome, Stop>>) -> Result<Outcome, Stop> {
    match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Stop::Failed(Failure::here(
            "the program waits for what nothing here can wake it for",
        ))),
    }
}
