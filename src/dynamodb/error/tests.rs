use super::*;
use crate::test_support::assert_tells;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;

fn service(code: &str, status: u16, earlier: bool) -> OperationError {
    OperationError {
        operation: "PutItem",
        last: AttemptError::Service(Box::new(ServiceError {
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
        deadline: Duration::ZERO,
    }
}

fn transport(error: TransportError) -> OperationError {
    OperationError {
        operation: "PutItem",
        last: AttemptError::Transport(error),
        attempts: 1,
        earlier_may_have_been_applied: false,
        deadline: Duration::ZERO,
    }
}

fn case_of(failure: OperationError) -> String {
    let error = failure.of_write("orders", "http://db/");
    error.to_string().split(':').next().unwrap().to_owned()
}

#[test]
fn dynamodb_error_codes_map_to_cases() {
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
fn errors_with_a_usual_cause_name_the_remedy() {
    let missing = service("ResourceNotFoundException", 400, false);
    let tls = transport(TransportError::Tls("cause".to_owned()));
    for (failure, remedy) in [
        (
            missing,
            "; create the table, or check `table`, `region` and `endpoint`",
        ),
        (
            tls,
            ": if the server speaks plain HTTP, use an `http://` URL",
        ),
    ] {
        let told = failure.of_write("orders", "http://db/").to_string();
        assert!(told.contains(remedy), "{told}");
    }
}

#[test]
fn transport_failures_map_to_cases() {
    let cause = || "cause".to_owned();
    for (error, case) in [
        (TransportError::Dns(cause()), "unavailable"),
        (TransportError::Refused(cause()), "unavailable"),
        (TransportError::Tls(cause()), "unavailable"),
        (TransportError::Certificate(cause()), "unavailable"),
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
fn write_with_unknown_earlier_attempt_is_unavailable() {
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
fn http_429_from_proxy_is_throttled_and_not_applied() {
    let refusal = || AttemptError::UnexpectedResponse {
        status: 429,
        cause: "content type text/html".to_owned(),
        retry_after: None,
    };
    assert!(!refusal().may_have_been_applied());
    let failure = OperationError {
        last: refusal(),
        ..service("", 0, false)
    };
    let error = failure.of_write("orders", "http://db/").to_string();
    assert!(error.starts_with("throttled: "), "{error}");
    assert_tells(&error, &["HTTP 429", "http://db/"]);
}

#[test]
fn only_first_line_of_dynamodb_message_is_quoted() {
    let mut failure = service("InvalidSignatureException", 400, false);
    if let AttemptError::Service(error) = &mut failure.last {
        error.message = "It does not match.\n\nx-amz-security-token:canary".to_owned();
    }
    let error = failure.of_read("orders", "http://db/").to_string();
    assert!(
        error.contains("It does not match.") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn sentence_names_operation_table_code_and_request_id() {
    let error = service("ValidationException", 400, false).of_write("orders", "http://db/");
    assert_eq!(
        error.to_string(),
        "invalid-argument: PutItem on table `orders`: Words of DynamoDB (ValidationException, HTTP 400, request id ID1); endpoint http://db/"
    );
}

fn cancelled(codes: &[&str]) -> TransactWriteItemsError {
    let reasons = codes
        .iter()
        .map(|code| CancellationReason::builder().code(*code).build())
        .collect();
    TransactWriteItemsError::TransactionCanceledException(
        TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons))
            .build(),
    )
}

#[test]
fn conflict_is_retried_unless_a_condition_failed_too() {
    for (codes, verdict) in [
        (
            &["None", "TransactionConflict"][..],
            Some(RetryKind::Conflict),
        ),
        (&["ThrottlingError", "None"], Some(RetryKind::Throttling)),
        (
            &["ProvisionedThroughputExceeded"],
            Some(RetryKind::Throttling),
        ),
        (&["TransactionConflict", "ConditionalCheckFailed"], None),
        (&["ThrottlingError", "ValidationError"], None),
        (&["None"], None),
        (&[], None),
    ] {
        assert_eq!(
            cancellations(&cancelled(codes))
                .next()
                .and_then(|first| first.retry),
            verdict,
            "{codes:?}"
        );
    }
}
