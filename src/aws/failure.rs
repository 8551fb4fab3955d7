//! A failed operation, and the sentence and case that the caller gets for it.
//! The rule: a write of which any attempt may have been applied fails as
//! `timeout` or `unavailable`, never with a case that says nothing was written.

use super::case::case;
use super::message::TransportError;
use crate::error::Error;
use aws_smithy_runtime_api::client::interceptors::context::Error as ErasedError;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use std::fmt::Write as _;
use std::time::Duration;

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
    /// The request could not be made.
    Unsent(String),
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
            Self::Foreign { .. } => true,
            Self::Unsent(_) => false,
        }
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
            Problem::Foreign { status, cause, .. } => write!(
                sentence,
                "{endpoint} gave an answer that is not DynamoDB's (HTTP {status}, {cause}): check `endpoint`"
            ),
            Problem::Unsent(cause) => write!(sentence, "{cause}"),
        };
        if attempts > 1 {
            let _ = write!(sentence, "; after {attempts} attempts");
        }
        let error = case(&self.problem)(sentence);
        if write { self.as_write(error) } else { error }
    }

    /// `error` as that of a write that failed like this.
    #[must_use]
    pub fn as_write(&self, error: Error) -> Error {
        if self.problem.may_have_been_applied() || self.earlier_may_have_been_applied {
            error.with_unknown_outcome()
        } else {
            error
        }
    }
}

/// DynamoDB's own sentence is quoted to its first line break: after it, a
/// signature error repeats what was signed, the session token among it.
fn write_service_error(sentence: &mut String, error: &ServiceError) -> std::fmt::Result {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    match error.message.split(is_break).next() {
        Some("") | None => {}
        Some(line) => write!(sentence, "{line} ")?,
    }
    write!(
        sentence,
        "({}, HTTP {}",
        error.code.escape_debug(),
        error.status
    )?;
    if let Some(id) = &error.request_id {
        write!(sentence, ", request id {id}")?;
    }
    sentence.write_str(")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(code: &str, status: u16, earlier: bool) -> Failure {
        Failure {
            operation: "PutItem",
            problem: Problem::Service(Box::new(ServiceError {
                code: code.to_owned(),
                message: "Words of DynamoDB".to_owned(),
                status,
                request_id: Some("ID1".to_owned()),
                date: None,
                retry_after: None,
                source: OrchestratorError::operation(ErasedError::erase(Error::NotInitialized)),
            })),
            attempts: 1 + u32::from(earlier),
            earlier_may_have_been_applied: earlier,
        }
    }

    fn transport(error: TransportError) -> Failure {
        Failure {
            operation: "PutItem",
            problem: Problem::Transport(error),
            attempts: 1,
            earlier_may_have_been_applied: false,
        }
    }

    fn case_of(failure: Failure) -> String {
        let error = failure.of_write("orders", "http://db/");
        error.to_string().split(':').next().unwrap().to_owned()
    }

    #[test]
    fn each_error_of_dynamodb_has_its_case() {
        for (code, status, case) in [
            ("ResourceNotFoundException", 400, "not-found"),
            ("AccessDeniedException", 400, "access-denied"),
            ("UnrecognizedClientException", 400, "access-denied"),
            ("ExpiredTokenException", 400, "access-denied"),
            ("ConditionalCheckFailedException", 400, "etag-mismatch"),
            ("ProvisionedThroughputExceededException", 400, "throttled"),
            ("RequestLimitExceeded", 400, "throttled"),
            ("TransactionConflictException", 400, "conflict"),
            ("ReplicatedWriteConflictException", 400, "conflict"),
            ("TransactionInProgressException", 400, "unavailable"),
            ("ItemCollectionSizeLimitExceededException", 400, "too-large"),
            ("ValidationException", 400, "invalid-argument"),
            ("InternalServerError", 500, "unavailable"),
            ("SomethingNew", 503, "unavailable"),
            ("SomethingNew", 400, "other"),
        ] {
            assert_eq!(case_of(service(code, status, false)), case, "{code}");
        }
    }

    #[test]
    fn each_transport_failure_has_its_case() {
        let cause = || "cause".to_owned();
        for (error, case) in [
            (TransportError::Dns(cause()), "unavailable"),
            (TransportError::Refused(cause()), "unavailable"),
            (TransportError::Tls(cause()), "unavailable"),
            (TransportError::Reset(cause()), "unavailable"),
            (TransportError::Damaged(cause()), "unavailable"),
            (TransportError::Denied(cause()), "access-denied"),
            (TransportError::Malformed(cause()), "other"),
            (TransportError::ConnectTimeout, "timeout"),
            (TransportError::Timeout, "timeout"),
        ] {
            assert_eq!(case_of(transport(error)), case);
        }
    }

    #[test]
    fn a_write_whose_earlier_attempt_may_have_been_applied_never_says_that_nothing_was_written() {
        for code in [
            "ThrottlingException",
            "AccessDeniedException",
            "ValidationException",
        ] {
            assert_eq!(case_of(service(code, 400, true)), "unavailable", "{code}");
        }
        let read = service("ThrottlingException", 400, true).of_read("orders", "http://db/");
        assert!(matches!(read, Error::Throttled(_)));
    }

    #[test]
    fn of_dynamodbs_sentence_only_the_first_line_is_quoted() {
        let mut failure = service("InvalidSignatureException", 400, false);
        if let Problem::Service(error) = &mut failure.problem {
            error.message = "It does not match.\n\nx-amz-security-token:canary".to_owned();
        }
        let error = failure.of_read("orders", "http://db/").to_string();
        assert!(
            error.contains("It does not match.") && !error.contains("canary"),
            "{error}"
        );
    }

    #[test]
    fn the_sentence_names_operation_table_code_and_request_id() {
        let error = service("ValidationException", 400, false).of_write("orders", "http://db/");
        assert_eq!(
            error.to_string(),
            "invalid-argument: PutItem on table `orders`: Words of DynamoDB (ValidationException, HTTP 400, request id ID1); endpoint http://db/"
        );
    }
}
