//! One fault after the other: what the first has left unknown, the second does not make known.

use test_support::faults::{Action, Arrived, AwsError};

use super::fault::{Fault, Nature, ONE_BY_ONE, Pace, Strikes};

const fn fault(
    name: &'static str,
    nature: Nature,
    pace: Pace,
    action: fn(&Arrived) -> Action,
) -> Fault {
    Fault {
        name,
        nature,
        pace,
        strikes: Strikes::InTurn(action),
        calls: ONE_BY_ONE,
    }
}

pub const IN_TURN: &[Fault] = &[
    fault(
        "closed without an answer after the effect, then ThrottlingException",
        Nature::Unknown,
        Pace::Throttled,
        |arrived| lost_then(arrived, "ThrottlingException"),
    ),
    fault(
        "closed without an answer after the effect, then AccessDeniedException",
        Nature::Unknown,
        Pace::Prompt,
        |arrived| lost_then(arrived, "AccessDeniedException"),
    ),
    fault(
        "closed without an answer after the effect, then ResourceNotFoundException",
        Nature::Unknown,
        Pace::Prompt,
        |arrived| lost_then(arrived, "ResourceNotFoundException"),
    ),
    fault(
        "closed without an answer after the effect, then TransactionConflictException",
        Nature::Unknown,
        Pace::Prompt,
        |arrived| lost_then(arrived, "TransactionConflictException"),
    ),
    fault(
        "ThrottlingException, then closed without an answer after the effect",
        Nature::UnknownAfterRefusal,
        Pace::Throttled,
        |arrived| match arrived.nth_of_all {
            1 => refused("ThrottlingException"),
            _ => Action::drop_answer(),
        },
    ),
];

fn lost_then(arrived: &Arrived, code: &str) -> Action {
    match arrived.nth_of_all {
        1 => Action::drop_answer(),
        _ => refused(code),
    }
}

fn refused(code: &str) -> Action {
    Action::error(&AwsError::named(code).expect("DynamoDB has an error of this name"))
}
