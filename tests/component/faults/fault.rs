//! A fault: what becomes of a request, what can be known from that, and the times that its cells are given.

use std::time::Duration;

use test_support::faults::{Action, Arrived};

use super::calls::Call;

/// What can be known of a request that met a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It has taken effect, and the answer says so.
    Harmless,
    /// DynamoDB, or what stands before it, says that it has not taken effect.
    Refused,
    /// It was never sent.
    NotSent,
    /// Nothing.
    Unknown,
    /// Nothing of the second one; of the first one that it has not taken effect.
    UnknownAfterRefusal,
}

/// How an instance is configured for the cells of a fault: their results must not depend on the machine's speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every answer comes at once: the request timeout is one that no machine needs.
    Prompt,
    /// As prompt, and the waits are long.
    Throttled,
    /// Answers stay away, so that the request timeout is waited for.
    Silent,
}

pub struct Fault {
    pub name: &'static str,
    pub nature: Nature,
    pub pace: Pace,
    pub strikes: Strikes,
    /// The calls that can meet it; all where there is none.
    pub calls: &'static [Call],
}

/// How it comes about.
#[derive(Clone, Copy)]
pub enum Strikes {
    Requests(fn(&Arrived) -> Action),
    /// To every request, and to each something else.
    InTurn(fn(&Arrived) -> Action),
    /// Each request is passed on when the call has ended.
    AfterTheCall,
    /// The server is away before the call begins.
    Connections,
    /// The server has cut the connection that was kept for the call.
    KeptConnection,
}

/// The calls of a fault that all can meet.
pub const ALL: &[Call] = &[];

/// The calls whose requests are sent one after the other.
pub const ONE_BY_ONE: &[Call] = &[
    Call::Get,
    Call::GetStrong,
    Call::BulkGet,
    Call::Set,
    Call::SetFirstWrite,
    Call::SetWithEtag,
    Call::BulkSet,
    Call::Delete,
    Call::DeleteWithEtag,
    Call::BulkDelete,
    Call::Transact,
    Call::Create,
];

pub const fn fault(
    name: &'static str,
    nature: Nature,
    pace: Pace,
    calls: &'static [Call],
    action: fn(&Arrived) -> Action,
) -> Fault {
    Fault {
        name,
        nature,
        pace,
        strikes: Strikes::Requests(action),
        calls,
    }
}

/// The request timeout of cells that wait for it. Requests that meet no fault are to be answered within it as well.
pub const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(30);

impl Pace {
    pub fn attempts(self) -> u32 {
        match self {
            Self::Prompt => 3,
            // Each wait for throttling is twice the one before.
            Self::Throttled | Self::Silent => 2,
        }
    }

    pub fn request_timeout(self) -> Duration {
        match self {
            Self::Prompt | Self::Throttled => LONG,
            Self::Silent => SHORT,
        }
    }

    /// What a call may take at most, as it is configured.
    pub fn longest(self) -> Duration {
        self.request_timeout() * self.attempts()
    }
}

impl Fault {
    pub fn concerns(&self, call: Call) -> bool {
        self.calls.is_empty() || self.calls.contains(&call)
    }
}
