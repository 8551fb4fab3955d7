//! Faults of connections, and what HTTP allows and a client has to cope with.

use std::time::Duration;

use test_support::faults::{Action, Delivery};

use super::fault::{ALL, Fault, Nature, ONE_BY_ONE, Pace, SHORT, Strikes, fault};

/// Outlasts every cell, which opens the door itself.
const OUTAGE: Delivery = Delivery::Outage(Duration::from_secs(600));
const NOTICEABLE: Duration = Duration::from_millis(50);
/// Between two bytes. The shortest body has two of them.
const TOO_SLOW: Duration = Duration::from_secs(SHORT.as_secs() - 1);

/// What breaks, and what stays away.
pub const BROKEN: &[Fault] = {
    use Nature::Unknown;
    use Pace::{Prompt, Silent};
    &[
        Fault {
            name: "connections are refused",
            nature: Nature::NotSent,
            pace: Prompt,
            strikes: Strikes::Connections,
            calls: ALL,
        },
        fault(
            "closed without an answer, without effect",
            Unknown,
            Prompt,
            ALL,
            |_| Action::drop_request(),
        ),
        fault(
            "closed without an answer, after the effect",
            Unknown,
            Prompt,
            ALL,
            |_| Action::drop_answer(),
        ),
        fault("reset, without effect", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::Reset).without_effect()
        }),
        fault("reset, after the effect", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::Reset)
        }),
        fault(
            "the server goes down, without effect",
            Unknown,
            Prompt,
            ONE_BY_ONE,
            |_| Action::deliver(OUTAGE).without_effect(),
        ),
        fault(
            "the server goes down, after the effect",
            Unknown,
            Prompt,
            ONE_BY_ONE,
            |_| Action::deliver(OUTAGE),
        ),
        fault("ends within the body", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::Truncated(1))
        }),
        fault("ends before the body", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::Truncated(0))
        }),
        fault(
            "ends within a body of untold length",
            Unknown,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::TruncatedUnframed(1)),
        ),
        fault(
            "ends before a body of untold length",
            Unknown,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::TruncatedUnframed(0)),
        ),
        fault("one bit is turned", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::Corrupted)
        }),
        fault(
            "compressed, though nobody asked",
            Unknown,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::Gzipped),
        ),
        fault("two lengths that differ", Unknown, Prompt, ALL, |_| {
            Action::deliver(Delivery::TwoLengths)
        }),
        fault("no answer, without effect", Unknown, Silent, ALL, |_| {
            Action::deliver(Delivery::Withheld).without_effect()
        }),
        fault("no answer, after the effect", Unknown, Silent, ALL, |_| {
            Action::deliver(Delivery::Withheld)
        }),
        fault(
            "nothing after the status line",
            Unknown,
            Silent,
            ALL,
            |_| Action::deliver(Delivery::WithheldInHead),
        ),
        fault(
            "nothing after the first byte of the body",
            Unknown,
            Silent,
            ALL,
            |_| Action::deliver(Delivery::WithheldAfter(1)),
        ),
        fault("byte by byte, too slowly", Unknown, Silent, ALL, |_| {
            Action::deliver(Delivery::Trickled(TOO_SLOW))
        }),
        Fault {
            name: "takes effect when the client has given up",
            nature: Unknown,
            pace: Silent,
            strikes: Strikes::AfterTheCall,
            calls: ALL,
        },
    ]
};

/// What is no fault, though seldom seen.
pub const HARMLESS: &[Fault] = {
    use Nature::Harmless;
    use Pace::Prompt;
    &[
        fault("none", Harmless, Prompt, ALL, |_| Action::pass()),
        Fault {
            name: "the kept connection is reset before the call",
            nature: Harmless,
            pace: Prompt,
            strikes: Strikes::KeptConnection,
            calls: ALL,
        },
        fault("50 ms late", Harmless, Prompt, ALL, |_| {
            Action::pass().delayed(NOTICEABLE)
        }),
        fault("byte by byte", Harmless, Prompt, ALL, |_| {
            Action::deliver(Delivery::Trickled(Duration::from_millis(1)))
        }),
        fault("in chunks of a byte", Harmless, Prompt, ALL, |_| {
            Action::deliver(Delivery::Chunked)
        }),
        fault("after `100 Continue`", Harmless, Prompt, ALL, |_| {
            Action::deliver(Delivery::AfterInterim)
        }),
        fault("the length twice, the same", Harmless, Prompt, ALL, |_| {
            Action::deliver(Delivery::LengthTwice)
        }),
        fault(
            "closed after the answer, as announced",
            Harmless,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::Last),
        ),
        fault(
            "closed after the answer, unannounced",
            Harmless,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::HungUp),
        ),
        fault(
            "followed by an answer that nobody asked for",
            Harmless,
            Prompt,
            ALL,
            |_| Action::deliver(Delivery::Followed),
        ),
    ]
};
