//! DynamoDB's errors, by name: each has the status and the `__type` with which DynamoDB sends it.
//!
//! Sources: "Error handling with DynamoDB" in the Developer Guide and "Common errors" in the API
//! reference for names, statuses and sentences. The namespaces are those that DynamoDB was seen to send:
//! its own for what its model declares, `com.amazon.coral.service` for what the framework before it
//! says of credentials and requests, and `com.amazon.coral.availability` for its throttling (dynalite,
//! whose tests were run against DynamoDB: <https://github.com/architect/dynalite>).

pub(super) const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";
const FRAMEWORK: &str = "com.amazon.coral.service#";
const AVAILABILITY: &str = "com.amazon.coral.availability#";

/// An error that DynamoDB is known to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownError {
    /// Its name: `ThrottlingException`.
    pub code: &'static str,
    pub(super) namespace: &'static str,
    pub(super) status: u16,
    pub(super) message: &'static str,
}

const fn known(
    namespace: &'static str,
    code: &'static str,
    status: u16,
    message: &'static str,
) -> KnownError {
    KnownError {
        code,
        namespace,
        status,
        message,
    }
}

/// The errors that have a name here.
pub const ERRORS: &[KnownError] = &[
    known(
        FRAMEWORK,
        "AccessDeniedException",
        400,
        "User is not authorized to perform this operation",
    ),
    known(
        DYNAMODB,
        "ConditionalCheckFailedException",
        400,
        "The conditional request failed",
    ),
    known(
        FRAMEWORK,
        "ExpiredTokenException",
        400,
        "The security token included in the request is expired",
    ),
    known(
        DYNAMODB,
        "IdempotentParameterMismatchException",
        400,
        "The client request token was used with other parameters",
    ),
    known(
        DYNAMODB,
        "InternalServerError",
        500,
        "The request processing has failed because of an unknown error, exception or failure.",
    ),
    known(
        FRAMEWORK,
        "InvalidSignatureException",
        400,
        "Signature expired: it is now earlier than the request was signed",
    ),
    known(
        DYNAMODB,
        "ItemCollectionSizeLimitExceededException",
        400,
        "Collection size exceeded.",
    ),
    known(
        DYNAMODB,
        "LimitExceededException",
        400,
        "Too many operations for a given subscriber.",
    ),
    known(
        DYNAMODB,
        "ProvisionedThroughputExceededException",
        400,
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
    ),
    known(
        DYNAMODB,
        "ReplicatedWriteConflictException",
        400,
        "The request was in conflict with one in another Region",
    ),
    known(
        DYNAMODB,
        "RequestLimitExceeded",
        400,
        "Throughput exceeds the current throughput limit for your account.",
    ),
    known(
        DYNAMODB,
        "ResourceNotFoundException",
        400,
        "Requested resource not found",
    ),
    known(
        FRAMEWORK,
        "ServiceUnavailable",
        503,
        "The service is unavailable. Please try again shortly.",
    ),
    known(
        AVAILABILITY,
        "ThrottlingException",
        400,
        "Rate of requests exceeds the allowed throughput.",
    ),
    known(
        DYNAMODB,
        "TransactionCanceledException",
        400,
        "Transaction cancelled, please refer cancellation reasons for specific reasons",
    ),
    known(
        DYNAMODB,
        "TransactionConflictException",
        400,
        "Transaction is ongoing for the item",
    ),
    known(
        DYNAMODB,
        "TransactionInProgressException",
        400,
        "The transaction with the given request token is already in progress",
    ),
    known(
        FRAMEWORK,
        "UnrecognizedClientException",
        400,
        "The security token included in the request is invalid.",
    ),
    known(
        "com.amazon.coral.validate#",
        "ValidationException",
        400,
        "The request is not valid",
    ),
];
