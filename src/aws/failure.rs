//! A failed operation, and the sentence and case that the caller gets for it.
//! The rule: a write of which any attempt may have been applied fails as
//! `timeout` or `unavailable`, never with a case that says nothing was written.

use super::case::case;
use super::clock_skew;
use super::message::TransportError;
use super::retry::TOO_MANY_REQUESTS;
use crate::error::Error;
use crate::redact::beginning;
use aws_smithy_runtime_api::client::interceptors::context::Error as ErasedError;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// Longest part of a code or of a sentence of the server that is quoted, in
/// characters. DynamoDB's own are shorter.
const QUOTED: usize = 1_000;

/// What DynamoDB says of a request that nobody has signed.
const UNSIGNED: &[&str] = &[
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
];

/// The status that refuses a request for its size.
const CONTENT_TOO_LARGE: u16 = 413;

/// What went wrong with one attempt.
#[derive(Debug)]
pub enum Problem {
    /// No complete answer came.
    Transport(TransportError),
    /// DynamoDB answered with an error.
    Service(Box<ServiceError>),
    /// An answer came that is not DynamoDB's.
    Foreign {
        /// Its status.
        status: u16,
        /// What is wrong with it.
        cause: String,
        /// What it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The request could not be made, or there was nothing to sign it with.
    Unsent(Error),
}

/// An error answer of DynamoDB.
#[derive(Debug)]
pub struct ServiceError {
    /// The code, such as `ValidationException`.
    pub code: String,
    /// DynamoDB's own sentence; may be empty.
    pub message: String,
    /// The status.
    pub status: u16,
    /// AWS's name of this request, for its support.
    pub request_id: Option<String>,
    /// The server's clock, as the answer has it.
    pub date: Option<String>,
    /// What the server asked to wait.
    pub retry_after: Option<Duration>,
    /// Holds the SDK's typed error.
    pub source: OrchestratorError<ErasedError>,
}

/// A failed operation, after all its attempts.
#[derive(Debug)]
pub struct Failure {
    /// The operation's name.
    pub operation: &'static str,
    /// What went wrong with the last attempt.
    pub problem: Problem,
    /// How many attempts there were.
    pub attempts: u32,
    /// Whether an attempt before the last one may have been applied.
    pub earlier_may_have_been_applied: bool,
    /// When the operation had to be over, as the platform's `Clock::monotonic`
    /// counts.
    pub deadline: Duration,
}

impl Problem {
    /// Whether the attempt may have taken effect.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_been_applied(),
            Self::Service(error) => {
                error.status >= 500 || error.code == "TransactionInProgressException"
            }
            // Whoever says that a request is too large, or one too many, has not let it through.
            Self::Foreign { status, .. } => {
                *status != TOO_MANY_REQUESTS && !self.says_that_the_request_is_too_large()
            }
            Self::Unsent(_) => false,
        }
    }

    /// Returns true if DynamoDB, or a proxy before it, refused the request for its size: "The
    /// server is refusing to process a request because the request content is larger
    /// than the server is willing or able to process" (RFC 9110, section 15.5.14).
    #[must_use]
    pub fn says_that_the_request_is_too_large(&self) -> bool {
        let status = match self {
            Self::Service(error) => error.status,
            Self::Foreign { status, .. } => *status,
            Self::Transport(_) | Self::Unsent(_) => return false,
        };
        status == CONTENT_TOO_LARGE
    }

    /// Whether DynamoDB knows the credentials and takes them no more.
    #[must_use]
    pub fn says_that_credentials_have_expired(&self) -> bool {
        /// Source: `invalidation.rs` of smithy-rs, for the codes.
        const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException"];
        matches!(self, Self::Service(error) if EXPIRED.contains(&error.code.as_str()))
    }

    /// Returns true if the time of signing explains it: then nothing was done, and the same
    /// request signed with the present time is worth sending.
    #[must_use]
    pub fn is_explained_by(&self, signed_at: SystemTime) -> bool {
        matches!(self, Self::Service(error)
            if clock_skew::explains(&error.code, error.date.as_deref(), signed_at))
    }
}

impl Failure {
    /// The typed error of the operation, where DynamoDB answered with one.
    #[must_use]
    pub fn service_error<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        match &self.problem {
            Problem::Service(error) => error.source.as_operation_error()?.downcast_ref(),
            Problem::Transport(_) | Problem::Foreign { .. } | Problem::Unsent(_) => None,
        }
    }

    /// The error of a read.
    #[must_use]
    pub fn of_read(self, table: &str, endpoint: &str) -> Error {
        self.into_error(table, endpoint, false)
    }

    /// The error of a write.
    #[must_use]
    pub fn of_write(self, table: &str, endpoint: &str) -> Error {
        self.into_error(table, endpoint, true)
    }

    fn into_error(self, table: &str, endpoint: &str, write: bool) -> Error {
        let mut sentence = format!("{} on table `{table}`: ", self.operation);
        let attempts = self.attempts;
        // Writing to a string cannot fail.
        let _ = match &self.problem {
            Problem::Transport(error) => write!(sentence, "{error}; endpoint {endpoint}"),
            Problem::Service(error) => write_service_error(&mut sentence, error)
                .and_then(|()| write!(sentence, "; endpoint {endpoint}")),
            Problem::Foreign { status, cause, .. } if *status == CONTENT_TOO_LARGE => write!(
                sentence,
                "the request is larger than {endpoint} takes (HTTP {status}, {cause}): use smaller values, or raise the limit of the proxy before DynamoDB"
            ),
            Problem::Foreign { status, cause, .. } if *status == TOO_MANY_REQUESTS => write!(
                sentence,
                "{endpoint} limits requests (HTTP {status}, {cause}; not an answer of DynamoDB): send fewer requests, or raise the limit of the proxy or gateway before it"
            ),
            Problem::Foreign { status, cause, .. } => write!(
                sentence,
                "{endpoint} gave an answer that is not DynamoDB's (HTTP {status}, {cause}): check `endpoint`"
            ),
            Problem::Unsent(error) => write!(sentence, "{}", error.sentence()),
        };
        if attempts > 1 {
            let _ = write!(sentence, "; after {attempts} attempts");
        }
        let error = case(&self.problem)(sentence);
        if write { self.as_write(error) } else { error }
    }

    /// Whether any attempt may have taken effect.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        self.problem.may_have_been_applied() || self.earlier_may_have_been_applied
    }

    /// `error` as that of a write that failed like this.
    #[must_use]
    pub fn as_write(&self, error: Error) -> Error {
        if self.may_have_been_applied() {
            error.with_unknown_outcome()
        } else {
            error
        }
    }
}

/// No request was made.
#[cold]
#[inline(never)]
pub(super) fn unsent(operation: &'static str, cause: String) -> Box<Failure> {
    failure(operation, Problem::Unsent(Error::Other(cause)), 0)
}

/// Whatever was asked for has happened.
#[cold]
#[inline(never)]
pub(super) fn misread(operation: &'static str) -> Box<Failure> {
    let problem = Problem::Foreign {
        status: 200,
        cause: "the SDK gave an output of another type".to_owned(),
        retry_after: None,
    };
    failure(operation, problem, 1)
}

fn failure(operation: &'static str, problem: Problem, attempts: u32) -> Box<Failure> {
    Box::new(Failure {
        operation,
        problem,
        attempts,
        earlier_may_have_been_applied: false,
        deadline: Duration::ZERO,
    })
}

/// DynamoDB's own sentence as ours quote it: to its first line break, for after it
/// a signature error repeats what was signed, the session token among it.
pub(crate) fn first_line(message: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let line = message.split(is_break).next().unwrap_or_default();
    beginning(line, QUOTED)
}

fn write_service_error(sentence: &mut String, error: &ServiceError) -> std::fmt::Result {
    let line = first_line(&error.message);
    if !line.is_empty() {
        write!(sentence, "{line} ")?;
    }
    sentence.push('(');
    let code = beginning(&error.code, QUOTED);
    sentence.extend(code.chars().flat_map(char::escape_debug));
    write!(sentence, ", HTTP {}", error.status)?;
    if let Some(id) = &error.request_id {
        write!(sentence, ", request id {id}")?;
    }
    sentence.push(')');
    if UNSIGNED.contains(&error.code.as_str()) {
        sentence.push_str(
            "; where `signing` is `host`, the host has to sign: have it do so, or remove `signing`",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
