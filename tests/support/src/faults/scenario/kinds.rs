//! The actions of a scenario, each with its name and fields.

use super::super::{Action, Delivery, Reply};
use super::file::Fields;
use http::StatusCode;

/// An action of a scenario.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The fields that the action requires.
    pub needs: &'static [&'static str],
    /// The optional fields, in addition to `delay`, which every action has.
    pub takes: &'static [&'static str],
    /// A description for people.
    pub about: &'static str,
    pub(super) make: fn(&Fields) -> Action,
}

const fn kind(
    name: &'static str,
    needs: &'static [&'static str],
    takes: &'static [&'static str],
    about: &'static str,
    make: fn(&Fields) -> Action,
) -> Kind {
    Kind {
        name,
        needs,
        takes,
        about,
        make,
    }
}

/// The field that passes the request on before the response.
const AFTER_EFFECT: &str = "after-effect";
const JSON: &str = "application/x-amz-json-1.0";

/// All actions.
pub const KINDS: &[Kind] = &[
    kind(
        "pass",
        &[],
        &[],
        "passes the request on after its `delay`; later faults do not apply to it",
        |_| Action::pass(),
    ),
    kind(
        "error",
        &["error"],
        &[
            "message",
            "status",
            "reasons",
            "retry-after",
            "date",
            AFTER_EFFECT,
        ],
        "responds with this error of DynamoDB; `reasons` are those of a cancelled transaction",
        |fields| match &fields.error {
            Some(error) => fields.answer(error.reply()),
            None => Action::pass(),
        },
    ),
    kind(
        "unprocessed",
        &[],
        &["processed"],
        "passes on `processed` entries of a batch, by default none, and returns the rest",
        |fields| Action::leave_unprocessed(fields.processed),
    ),
    kind(
        "one-partition",
        &[],
        &[],
        "limits a BatchGetItem to 1 MB and returns the other keys as unprocessed",
        |_| Action::one_partition(),
    ),
    kind(
        "close",
        &[],
        &[AFTER_EFFECT],
        "closes the connection without a response",
        |fields| fields.ends(Delivery::Closed),
    ),
    kind(
        "reset",
        &[],
        &[AFTER_EFFECT],
        "resets the connection without a response",
        |fields| fields.ends(Delivery::Reset),
    ),
    kind(
        "outage",
        &["for"],
        &[AFTER_EFFECT],
        "resets all connections, and refuses new ones `for` this time",
        |fields| fields.ends(Delivery::Outage(fields.time)),
    ),
    kind(
        "withhold",
        &[],
        &[AFTER_EFFECT],
        "never responds, and keeps the connection open",
        |fields| fields.ends(Delivery::Withheld),
    ),
    kind(
        "stall",
        &["bytes"],
        &[],
        "sends nothing after the head and this many `bytes` of the body",
        |fields| Action::deliver(Delivery::WithheldAfter(fields.bytes)),
    ),
    kind(
        "trickle",
        &["interval"],
        &[],
        "sends one byte of the body per `interval`",
        |fields| Action::deliver(Delivery::Trickled(fields.interval)),
    ),
    kind(
        "truncate",
        &["bytes"],
        &[],
        "ends the connection after this many `bytes` of the body",
        |fields| Action::deliver(Delivery::Truncated(fields.bytes)),
    ),
    kind("corrupt", &[], &[], "flips one bit of the body", |_| {
        Action::deliver(Delivery::Corrupted)
    }),
    kind(
        "gzip",
        &[],
        &[],
        "compresses the response, even if not requested",
        |_| Action::deliver(Delivery::Gzipped),
    ),
    kind(
        "follow",
        &[],
        &[],
        "sends another response that nobody requested",
        |_| Action::deliver(Delivery::Followed),
    ),
    kind(
        "hang-up",
        &[],
        &[],
        "closes the connection after the response, without notice",
        |_| Action::deliver(Delivery::HungUp),
    ),
    kind(
        "html",
        &[],
        &["status", AFTER_EFFECT],
        "responds with an HTML page, HTTP 200 by default",
        |fields| fields.answer(Reply::html(fields.status(StatusCode::OK))),
    ),
    kind(
        "redirect",
        &["to"],
        &["status", AFTER_EFFECT],
        "redirects the client `to` another address, HTTP 307 by default",
        |fields| {
            let status = fields.status(StatusCode::TEMPORARY_REDIRECT);
            fields.answer(Reply::redirect(status, &fields.to))
        },
    ),
    kind(
        "answer",
        &["body"],
        &["status", AFTER_EFFECT],
        "responds with this `body`, which may be empty, HTTP 200 by default",
        |fields| {
            let status = fields.status(StatusCode::OK);
            fields.answer(Reply::text(status, JSON, &fields.body).with_checksum())
        },
    ),
];
