//! The fields of an action, read: words become durations, statuses and errors, or are refused.

use std::time::Duration;

use http::StatusCode;
use toml::Spanned;

use super::super::{Action, AwsError, Delivery, ERRORS, Reply};
use super::{error::Wrong, file::Entry};

/// The fields of one action. What is missing is at its default, unless the action needs it.
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

    /// Without effect, unless the file asks for it.
    fn effect(&self, action: Action) -> Action {
        match self.after_effect {
            true => action.after_effect(),
            false => action.without_effect(),
        }
    }
}

impl Entry {
    pub(super) fn fields(&self) -> Result<Fields, Wrong> {
        let status = match &self.status {
            Some(status) => Some(StatusCode::from_u16(*status.get_ref()).map_err(|_| {
                Wrong::at(status.span(), "`status` is an HTTP status: from 100 to 999")
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
                    "{:?} is no known error: give its `status` as well, or one of {}",
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

pub(super) fn duration(name: &str, field: Option<&Spanned<String>>) -> Result<Duration, Wrong> {
    let Some(field) = field else {
        return Ok(Duration::ZERO);
    };
    humantime::parse_duration(field.get_ref()).map_err(|error| {
        let sentence =
            format!("`{name}` is no duration ({error}): write one such as \"200ms\" or \"2s\"");
        Wrong::at(field.span(), sentence)
    })
}
