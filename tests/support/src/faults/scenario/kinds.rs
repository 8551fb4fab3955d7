//! The actions of a scenario, by name, each with the fields that it takes.

use super::super::{Action, Delivery, Reply};
use super::file::Fields;
use http::StatusCode;

/// An action of a scenario.
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The fields that it cannot do without.
    pub needs: &'static [&'static str],
    /// The fields that it can do without, beside `delay`, which all take.
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

/// Says that the request is passed on before it is answered so.
const AFTER_EFFECT: &str = "after-effect";
const JSON: &str = "application/x-amz-json-1.0";

/// All actions.
pub const KINDS: &[Kind] = &[
    kind(
        "pass",
        &[],
        &[],
        "nothing but its `delay`, and later faults do not meet it",
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
        "answered with this error of DynamoDB; `reasons` are those of a cancelled transaction",
        |fields| match &fields.error {
            Some(error) => fields.answer(error.reply()),
            None => Action::pass(),
        },
    ),
    kind(
        "unprocessed",
        &[],
        &["processed"],
        "of a batch so many are `processed`, 0 by default, and the rest comes back",
        |fields| Action::leave_unprocessed(fields.processed),
    ),
    kind(
        "one-partition",
        &[],
        &[],
        "of what a BatchGetItem reads, all beyond 1 MB comes back unprocessed",
        |_| Action::one_partition(),
    ),
    kind(
        "close",
        &[],
        &[AFTER_EFFECT],
        "its connection is closed without an answer",
        |fields| fields.ends(Delivery::Closed),
    ),
    kind(
        "reset",
        &[],
        &[AFTER_EFFECT],
        "its connection is reset without an answer",
        |fields| fields.ends(Delivery::Reset),
    ),
    kind(
        "outage",
        &["for"],
        &[AFTER_EFFECT],
        "all connections are reset, and new ones refused `for` so long",
        |fields| fields.ends(Delivery::Outage(fields.time)),
    ),
    kind(
        "withhold",
        &[],
        &[AFTER_EFFECT],
        "it is never answered, and its connection stays open",
        |fields| fields.ends(Delivery::Withheld),
    ),
    kind(
        "stall",
        &["bytes"],
        &[],
        "nothing comes after the head and so many `bytes` of the body",
        |fields| Action::deliver(Delivery::WithheldAfter(fields.bytes)),
    ),
    kind(
        "trickle",
        &["interval"],
        &[],
        "a byte of the body comes in every `interval`",
        |fields| Action::deliver(Delivery::Trickled(fields.interval)),
    ),
    kind(
        "truncate",
        &["bytes"],
        &[],
        "the connection ends after so many `bytes` of the body",
        |fields| Action::deliver(Delivery::Truncated(fields.bytes)),
    ),
    kind("corrupt", &[], &[], "one bit of the body is turned", |_| {
        Action::deliver(Delivery::Corrupted)
    }),
    kind(
        "gzip",
        &[],
        &[],
        "the answer is compressed, asked for or not",
        |_| Action::deliver(Delivery::Gzipped),
    ),
    kind(
        "follow",
        &[],
        &[],
        "another answer follows that nobody asked for",
        |_| Action::deliver(Delivery::Followed),
    ),
    kind(
        "hang-up",
        &[],
        &[],
        "the connection is closed after the answer, without notice",
        |_| Action::deliver(Delivery::HungUp),
    ),
    kind(
        "html",
        &[],
        &["status", AFTER_EFFECT],
        "answered with a page of HTML, HTTP 200 by default",
        |fields| fields.answer(Reply::html(fields.status(StatusCode::OK))),
    ),
    kind(
        "redirect",
        &["to"],
        &["status", AFTER_EFFECT],
        "sent `to` another address, HTTP 307 by default",
        |fields| {
            let status = fields.status(StatusCode::TEMPORARY_REDIRECT);
            fields.answer(Reply::redirect(status, &fields.to))
        },
    ),
    kind(
        "answer",
        &["body"],
        &["status", AFTER_EFFECT],
        "answered with this `body`, which may be empty, HTTP 200 by default",
        |fields| {
            let status = fields.status(StatusCode::OK);
            fields.answer(Reply::text(status, JSON, &fields.body).with_checksum())
        },
    ),
];
