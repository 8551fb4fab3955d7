//! The file of a scenario. It is read completely before anything starts: texts become durations,
//! statuses and errors. A field without an effect is refused.

use super::super::{Action, AwsError, Delivery, ERRORS, Reply};
use super::kinds::{KINDS, Kind};
use super::{Fault, When, Which, Wrong};
use http::StatusCode;
use serde::Deserialize;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The seed if the file sets none.
const SEED: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// A description for people.
    #[serde(rename = "about")]
    _about: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    fault: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Operations {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    operation: Option<Operations>,
    nth: Option<Spanned<u64>>,
    first: Option<Spanned<u64>>,
    every: Option<Spanned<u64>>,
    percent: Option<Spanned<f64>>,
    action: Spanned<String>,
    delay: Option<Spanned<String>>,
    error: Option<Spanned<String>>,
    message: Option<Spanned<String>>,
    status: Option<Spanned<u16>>,
    reasons: Option<Spanned<Vec<String>>>,
    retry_after: Option<Spanned<String>>,
    date: Option<Spanned<String>>,
    after_effect: Option<Spanned<bool>>,
    processed: Option<Spanned<usize>>,
    bytes: Option<Spanned<usize>>,
    interval: Option<Spanned<String>>,
    r#for: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    body: Option<Spanned<String>>,
}

pub(super) fn read(text: &str) -> Result<Vec<Fault>, Wrong> {
    let file: File = toml::from_str(text)?;
    if file.fault.is_empty() {
        return Err(Wrong {
            span: None,
            sentence: "the scenario has no fault: write at least one [[fault]] with an `action`"
                .to_owned(),
        });
    }
    let seed = file.seed.unwrap_or(SEED);
    // Each fault gets its own seed, so that faults with the same odds do not draw the same numbers.
    let seeds = (0..).map(|number: u64| seed.wrapping_add(number));
    let entries = file.fault.into_iter().zip(seeds);
    entries.map(|(entry, seed)| entry.fault(seed)).collect()
}

impl Entry {
    fn fault(self, seed: u64) -> Result<Fault, Wrong> {
        let which = self.which()?;
        let kind = self.kind()?;
        let given = self.given();
        self.check(kind, &given)?;
        let fields = self.fields()?;
        let delay = duration("delay", self.delay.as_ref())?;
        let words: Vec<String> = given
            .iter()
            .map(|(name, _, value)| format!("{name} {value}"))
            .collect();
        Ok(Fault {
            when: When::new(which, seed),
            action: (kind.make)(&fields).delayed(delay),
            words: [&[kind.name.to_owned()], words.as_slice()]
                .concat()
                .join(", "),
            operations: match self.operation {
                None => Vec::new(),
                Some(Operations::One(operation)) => vec![operation],
                Some(Operations::Several(operations)) => operations,
            },
        })
    }

    fn which(&self) -> Result<Which, Wrong> {
        let counted = |count: &Spanned<u64>, which: fn(u64) -> Which| match *count.get_ref() {
            0 => Err(Wrong::at(count.span(), "requests are counted from 1")),
            count => Ok(which(count)),
        };
        let drawn = |percent: &Spanned<f64>| match *percent.get_ref() {
            percent if percent > 0.0 && percent <= 100.0 => Ok(Which::Percent(percent)),
            _ => Err(Wrong::at(
                percent.span(),
                "`percent` must be above 0 and at most 100",
            )),
        };
        let mut given = [
            self.nth
                .as_ref()
                .map(|nth| (nth.span(), counted(nth, Which::Nth))),
            self.first
                .as_ref()
                .map(|first| (first.span(), counted(first, Which::First))),
            self.every
                .as_ref()
                .map(|every| (every.span(), counted(every, Which::Every))),
            self.percent
                .as_ref()
                .map(|percent| (percent.span(), drawn(percent))),
        ]
        .into_iter()
        .flatten();
        match (given.next(), given.next()) {
            (None, _) => Ok(Which::All),
            (Some((_, which)), None) => which,
            (Some(_), Some((span, _))) => Err(Wrong::at(
                span,
                "set only one of `nth`, `first`, `every` and `percent`, or none for all requests",
            )),
        }
    }

    fn kind(&self) -> Result<&'static Kind, Wrong> {
        let name = self.action.get_ref();
        KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let names = names.join(", ");
            Wrong::at(
                self.action.span(),
                format!("unknown action {name:?}: use one of {names}"),
            )
        })
    }

    /// Returns the fields of the action that the file sets: their names, positions and values.
    fn given(&self) -> Vec<(&'static str, Range<usize>, String)> {
        fn of<T: std::fmt::Debug>(
            name: &'static str,
            field: Option<&Spanned<T>>,
        ) -> Option<(&'static str, Range<usize>, String)> {
            field.map(|field| (name, field.span(), format!("{:?}", field.get_ref())))
        }
        [
            of("delay", self.delay.as_ref()),
            of("error", self.error.as_ref()),
            of("message", self.message.as_ref()),
            of("status", self.status.as_ref()),
            of("reasons", self.reasons.as_ref()),
            of("retry-after", self.retry_after.as_ref()),
            of("date", self.date.as_ref()),
            of("after-effect", self.after_effect.as_ref()),
            of("processed", self.processed.as_ref()),
            of("bytes", self.bytes.as_ref()),
            of("interval", self.interval.as_ref()),
            of("for", self.r#for.as_ref()),
            of("to", self.to.as_ref()),
            of("body", self.body.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn check(&self, kind: &Kind, given: &[(&str, Range<usize>, String)]) -> Result<(), Wrong> {
        let Kind {
            name, needs, takes, ..
        } = kind;
        for needed in *needs {
            if !given.iter().any(|(given, _, _)| given == needed) {
                let sentence = format!("the action {name:?} needs the field `{needed}`: add it");
                return Err(Wrong::at(self.action.span(), sentence));
            }
        }
        for (field, span, _) in given {
            if *field != "delay" && !needs.contains(field) && !takes.contains(field) {
                let sentence = format!("the action {name:?} has no field `{field}`: remove it");
                return Err(Wrong::at(span.clone(), sentence));
            }
        }
        Ok(())
    }
}

/// The fields of one action. A field that is not set has its default, unless the action needs it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) error: Option<AwsError>,
    pub(super) status: Option<StatusCode>,
    pub(super) after_effect: bool,
    pub(super) processed: usize,
    pub(super) bytes: usize,
    pub(super) interval: Duration,
    pub(super) time: Duration,
    pub(super) to: String,
    pub(super) body: String,
}

impl Fields {
    pub(super) fn status(&self, default: StatusCode) -> StatusCode {
        self.status.unwrap_or(default)
    }

    pub(super) fn answer(&self, reply: Reply) -> Action {
        self.effect(Action::answer(reply))
    }

    pub(super) fn ends(&self, delivery: Delivery) -> Action {
        self.effect(Action::deliver(delivery))
    }

    /// Makes the action without effect, unless the file sets `after-effect`.
    fn effect(&self, action: Action) -> Action {
        match self.after_effect {
            true => action.after_effect(),
            false => action.without_effect(),
        }
    }
}

impl Entry {
    fn fields(&self) -> Result<Fields, Wrong> {
        let status = match &self.status {
            Some(status) => Some(StatusCode::from_u16(*status.get_ref()).map_err(|_| {
                Wrong::at(
                    status.span(),
                    "`status` must be an HTTP status from 100 to 999",
                )
            })?),
            None => None,
        };
        Ok(Fields {
            error: self.error(status)?,
            status,
            after_effect: value(self.after_effect.as_ref()),
            processed: value(self.processed.as_ref()),
            bytes: value(self.bytes.as_ref()),
            interval: duration("interval", self.interval.as_ref())?,
            time: duration("for", self.r#for.as_ref())?,
            to: value(self.to.as_ref()),
            body: value(self.body.as_ref()),
        })
    }

    fn error(&self, status: Option<StatusCode>) -> Result<Option<AwsError>, Wrong> {
        let Some(code) = &self.error else {
            return Ok(None);
        };
        let message = value(self.message.as_ref());
        let mut error = match (AwsError::named(code.get_ref()), status) {
            (Some(error), _) => error,
            (None, Some(status)) => AwsError::new(status, code.get_ref(), ""),
            (None, None) => {
                let names: Vec<&str> = ERRORS.iter().map(|error| error.code).collect();
                let sentence = format!(
                    "unknown error {:?}: set its `status` as well, or use one of {}",
                    code.get_ref(),
                    names.join(", ")
                );
                return Err(Wrong::at(code.span(), sentence));
            }
        };
        error.status = status.unwrap_or(error.status);
        if !message.is_empty() {
            error.message = message;
        }
        error.reasons = value(self.reasons.as_ref());
        if self.retry_after.is_some() {
            error.retry_after = Some(duration("retry-after", self.retry_after.as_ref())?);
        }
        error.date = self.date.as_ref().map(|date| date.get_ref().clone());
        Ok(Some(error))
    }
}

fn value<T: Clone + Default>(field: Option<&Spanned<T>>) -> T {
    field
        .map(|field| field.get_ref().clone())
        .unwrap_or_default()
}

fn duration(name: &str, field: Option<&Spanned<String>>) -> Result<Duration, Wrong> {
    let Some(field) = field else {
        return Ok(Duration::ZERO);
    };
    humantime::parse_duration(field.get_ref()).map_err(|error| {
        let sentence =
            format!("`{name}` is not a duration ({error}): write one such as \"200ms\" or \"2s\"");
        Wrong::at(field.span(), sentence)
    })
}
