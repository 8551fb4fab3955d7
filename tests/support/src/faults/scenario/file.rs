//! What stands in a scenario's file, read whole before anything begins: a word that would have no
//! effect is refused.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{
    Fault,
    error::Wrong,
    fields::duration,
    kinds::{KINDS, Kind},
    when::{When, Which},
};

/// Where the file names none.
const SEED: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For people.
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
pub(super) struct Entry {
    operation: Option<Operations>,
    nth: Option<Spanned<u64>>,
    first: Option<Spanned<u64>>,
    every: Option<Spanned<u64>>,
    percent: Option<Spanned<f64>>,
    action: Spanned<String>,
    pub(super) delay: Option<Spanned<String>>,
    pub(super) error: Option<Spanned<String>>,
    pub(super) message: Option<Spanned<String>>,
    pub(super) status: Option<Spanned<u16>>,
    pub(super) reasons: Option<Spanned<Vec<String>>>,
    pub(super) retry_after: Option<Spanned<String>>,
    pub(super) date: Option<Spanned<String>>,
    pub(super) after_effect: Option<Spanned<bool>>,
    pub(super) processed: Option<Spanned<usize>>,
    pub(super) bytes: Option<Spanned<usize>>,
    pub(super) interval: Option<Spanned<String>>,
    pub(super) r#for: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) body: Option<Spanned<String>>,
}

pub(super) fn read(text: &str) -> Result<Vec<Fault>, Wrong> {
    let file: File = toml::from_str(text)?;
    if file.fault.is_empty() {
        return Err(Wrong {
            span: None,
            sentence: "there is no fault in it: write at least one [[fault]] with an `action`"
                .to_owned(),
        });
    }
    let seed = file.seed.unwrap_or(SEED);
    // Faults that draw with the same odds are not to draw alike.
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
                "`percent` is above 0 and at most 100",
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
                "give one of `nth`, `first`, `every` and `percent`, or none for all requests",
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
                format!("there is no action {name:?}: give one of {names}"),
            )
        })
    }

    /// The fields of the action that stand in the file: their names, places and values.
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
                let sentence =
                    format!("`{field}` means nothing to the action {name:?}: take it out");
                return Err(Wrong::at(span.clone(), sentence));
            }
        }
        Ok(())
    }
}
