//! What a history knows of each client, and of what its clients no longer wait for.

use super::{gate::Waiting, history::Call, store::Request};
use test_support::faults::Reply;

/// A request whose sender has heard that it failed.
pub(super) struct Late {
    pub(super) client: usize,
    /// The number of its call.
    pub(super) call: usize,
    pub(super) request: Request,
}

/// One client.
pub(super) struct ClientState {
    pub(super) calls_left: usize,
    /// The call that is not answered yet, and its number.
    pub(super) call: Option<(usize, Call)>,
    pub(super) stand: Stand,
}

/// Where a client stands.
pub(super) enum Stand {
    /// It has no call.
    Idle,
    /// Its request waits.
    Waiting(Waiting),
    /// Its request is done and the answer under way.
    Answered(Waiting, Reply),
}
