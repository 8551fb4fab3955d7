//! Responses that DynamoDB sends, and responses that no server should send.

use crate::http::Response;
use crate::test_support::{answer, html, with};

/// Responses of GetItem: an item with every type, no item, and an item with all other
/// members.
pub(super) const GET_ITEM: &[&str] = &[
    r#"{"Item":{"key":{"S":"a"},"value":{"B":"AAH+/w=="},"n":{"N":"-1.5E-130"},"yes":{"BOOL":true},"nothing":{"NULL":true},"list":{"L":[{"S":"\ud83d\uddddé"},{"M":{"x":{"SS":["a","b"]}}},{"NS":["1"]},{"BS":["AA=="]}]}}}"#,
    r#"{}"#,
    r#"{"ConsumedCapacity":{"TableName":"orders","CapacityUnits":0.5,"Table":{"CapacityUnits":0.5}},"Item":{},"Unknown":[{"of":"later"}]}"#,
];

/// Responses of PutItem and DeleteItem.
pub(super) const WRITE: &[&str] = &[
    r#"{}"#,
    r#"{"Attributes":{"key":{"S":"a"},"etag":{"S":"0123456789abcdef"}},"ItemCollectionMetrics":{"ItemCollectionKey":{"key":{"S":"a"}},"SizeEstimateRangeGB":[0.0,1.0]}}"#,
];

/// Responses of BatchGetItem: all keys found, some keys unprocessed, no table.
pub(super) const BATCH_GET_ITEM: &[&str] = &[
    r#"{"Responses":{"orders":[{"key":{"S":"a"},"value":{"S":"1"}},{"key":{"S":"b"}}]},"UnprocessedKeys":{}}"#,
    r#"{"Responses":{"orders":[]},"UnprocessedKeys":{"orders":{"Keys":[{"key":{"S":"c"}}],"ConsistentRead":true}}}"#,
    r#"{"Responses":{},"UnprocessedKeys":{}}"#,
];

/// Responses of BatchWriteItem: all items written, some items unprocessed.
pub(super) const BATCH_WRITE_ITEM: &[&str] = &[
    r#"{"UnprocessedItems":{}}"#,
    r#"{"UnprocessedItems":{"orders":[{"PutRequest":{"Item":{"key":{"S":"a"}}}},{"DeleteRequest":{"Key":{"key":{"S":"b"}}}}]}}"#,
];

/// Responses of TransactWriteItems.
pub(super) const TRANSACT_WRITE_ITEMS: &[&str] = &[
    r#"{}"#,
    r#"{"ConsumedCapacity":[{"TableName":"orders","CapacityUnits":4.0}]}"#,
];

/// The errors that every read operation models.
pub(super) const READ_ERRORS: &[&str] = &[
    "InternalServerError",
    "InvalidEndpointException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceNotFoundException",
    "ThrottlingException",
];

/// The errors that BatchWriteItem models in addition to the read errors.
pub(super) const BATCH_WRITE_ERRORS: &[&str] = &[
    "ItemCollectionSizeLimitExceededException",
    "ReplicatedWriteConflictException",
];

/// The errors that PutItem and DeleteItem model in addition to both lists above.
pub(super) const WRITE_ERRORS: &[&str] = &[
    "ConditionalCheckFailedException",
    "TransactionConflictException",
];

/// The errors that TransactWriteItems models in addition to the read errors.
pub(super) const TRANSACTION_ERRORS: &[&str] = &[
    "IdempotentParameterMismatchException",
    "TransactionCanceledException",
    "TransactionInProgressException",
];

/// The errors that no operation models.
pub(super) const UNMODELLED_ERRORS: &[&str] = &[
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "SomethingNew",
    "UnrecognizedClientException",
    "ValidationException",
];

/// Returns one error in all forms that servers use.
pub(super) fn spellings(status: u16, code: &str) -> Vec<Response> {
    let header = |body| {
        let uri = format!("{code}:http://internal.amazon.com/coral/com.amazonaws.dynamodb/");
        with(answer(status, body), "x-amzn-errortype", &uri)
    };
    let prefix = "com.amazonaws.dynamodb.v20120810#";
    let bodies = [
        format!(r#"{{"__type":"{prefix}{code}","message":"Why é"}}"#),
        format!(r#"{{"__type":"{prefix}{code}","Message":"Why"}}"#),
        format!(r#"{{"__type":"com.amazon.coral.service#{code}","message":"Why"}}"#),
        format!(r#"{{"__type":"{code}","message":"Why"}}"#),
        format!(r#"{{"__type":"{code}","Message":"Why"}}"#),
        format!(r#"{{"code":"{code}","message":null}}"#),
        format!(r#"{{"__type":"{code}"}}"#),
        format!(r#"{{"message":"Why","more":[1,{{}}],"__type":"{prefix}{code}"}}"#),
    ];
    let mut spellings: Vec<_> = bodies.iter().map(|body| answer(status, body)).collect();
    spellings.push(header(r#"{"message":"Why"}"#));
    spellings.push(header(r#"{"__type":"AnotherException","Message":"Why"}"#));
    spellings.push(header("{}"));
    spellings
}

/// Returns responses that are not DynamoDB's, or are incomplete. None of them has an error
/// code.
pub(super) fn foreign() -> Vec<Response> {
    let mut foreign: Vec<_> = [200, 301, 400, 403, 404, 413, 500, 502, 503, 504]
        .map(html)
        .into();
    for status in [400, 404, 500, 502, 503] {
        foreign.push(answer(status, ""));
        foreign.push(answer(status, "{}"));
        foreign.push(answer(status, r#"{"message":"no code"}"#));
        foreign.push(answer(
            status,
            r#"{"__type":"com.amazonaws.dynamodb.v2012081"#,
        ));
        foreign.push(answer(status, r#"{"__type":7}"#));
        foreign.push(answer(status, r#"["ValidationException"]"#));
    }
    let mut bytes = answer(200, "{}");
    bytes.body = b"{\"Item\":{\"key\":{\"S\":\"\xff\xfe\"}}}".to_vec();
    foreign.push(bytes);
    foreign
}

/// Returns responses with status 200 whose body is truncated JSON, JSON of another shape,
/// or not JSON.
pub(super) fn misshapen() -> Vec<Response> {
    [
        r#"{"Item":{"key":{"S":"a"}},"Responses":{"orders":[{"key":{"S":"a"#,
        r#"{"Item":"text","Attributes":"text","Responses":"text","UnprocessedItems":"text","ConsumedCapacity":"text"}"#,
        r#"{"Item":{"key":{"S":1}},"Attributes":{"key":{"S":1}},"Responses":{"orders":[{"key":{"S":1}}]},"UnprocessedItems":{"orders":[7]},"ConsumedCapacity":[7]}"#,
        r#"{"Item":{"key":{}},"Attributes":{"key":{}},"Responses":{"orders":[{"key":{}}]}}"#,
        r#"{"Item":{"key":{"S":"a","N":"1"}},"Attributes":{"key":{"S":"a","N":"1"}}}"#,
        r#"{"Item":{"key":{"B":"%%%"}},"Attributes":{"key":{"B":"%%%"}}}"#,
        r#"{"Item":{"key":{"NEW":"type"}},"Attributes":{"key":{"NEW":"type"}},"Responses":{"orders":[{"key":{"NEW":"type"}}]}}"#,
        r#"{"Item":null,"Attributes":null,"Responses":null,"UnprocessedKeys":null,"UnprocessedItems":null}"#,
        r#"{"Item":{"key":null},"Responses":{"orders":null}}"#,
        r#"[]"#,
        r#"null"#,
        r#""text""#,
        r#"{} {}"#,
        r#"{"Item":{}}}"#,
        r#"{"#,
        " ",
        "\u{0}\u{1}\u{2}garbage",
    ]
    .map(|body| answer(200, body))
    .into()
}
