//! Tests that the same response returns the same output or the same error as in the SDK.
//! Errors are compared by type and by text.

use super::call::{Call, Site, get, put};
use super::inputs;
use super::outcomes::{agree, sdk};
use super::recorded::{
    BATCH_GET_ITEM, BATCH_WRITE_ERRORS, BATCH_WRITE_ITEM, GET_ITEM, READ_ERRORS,
    TRANSACT_WRITE_ITEMS, TRANSACTION_ERRORS, UNMODELLED_ERRORS, WRITE, WRITE_ERRORS, foreign,
    misshapen, spellings,
};
use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, TransactWriteItems,
};
use crate::dynamodb::error::{AttemptError, cancellation_reasons, cancellations, is_condition};
use crate::http::TransportError;
use crate::test_support::{Scripted, answer, success, with};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;

/// Compares the outcome of every response that an operation may get.
async fn check<O: Call>(
    builders: impl IntoIterator<Item = O::Builder>,
    successes: &[&str],
    errors: &[&[&str]],
) {
    let builder = builders.into_iter().next().expect("an input");
    for body in successes {
        let error = agree::<O>(&builder, &answer(200, body)).await;
        assert!(error.is_none(), "{}: {body}", O::NAME);
    }
    for code in errors.iter().copied().flatten() {
        for response in spellings(400, code) {
            let error = agree::<O>(&builder, &response).await.expect("an error");
            let spelled = format!("{error:?}");
            assert!(spelled.starts_with(code), "{code} is modelled: {spelled}");
        }
    }
    for code in UNMODELLED_ERRORS {
        for status in [400, 500] {
            for response in spellings(status, code) {
                let error = agree::<O>(&builder, &response).await.expect("an error");
                let spelled = format!("{error:?}");
                assert!(spelled.starts_with("Unhandled"), "{code}: {spelled}");
            }
        }
    }
    for response in foreign().iter().chain(&misshapen()) {
        agree::<O>(&builder, response).await;
    }
}

#[tokio::test]
async fn every_operation_reads_responses_like_the_sdk() {
    let write_errors = [READ_ERRORS, BATCH_WRITE_ERRORS, WRITE_ERRORS];
    check::<GetItem>(inputs::get_item(), GET_ITEM, &[READ_ERRORS]).await;
    check::<PutItem>(inputs::put_item(), WRITE, &write_errors).await;
    check::<DeleteItem>(inputs::delete_item(), WRITE, &write_errors).await;
    check::<BatchGetItem>(inputs::batch_get_item(), BATCH_GET_ITEM, &[READ_ERRORS]).await;
    let builders = inputs::batch_write_item();
    check::<BatchWriteItem>(builders, BATCH_WRITE_ITEM, &write_errors[..2]).await;
    let builders = inputs::transact_write_items();
    let errors = [READ_ERRORS, TRANSACTION_ERRORS];
    check::<TransactWriteItems>(builders, TRANSACT_WRITE_ITEMS, &errors).await;
}

#[tokio::test]
async fn request_id_of_an_error_is_read_from_either_header() {
    let [builder, _] = inputs::get_item();
    for names in [
        &["x-amzn-requestid"][..],
        &["x-amz-request-id"],
        &["x-amz-request-id", "x-amzn-requestid"],
    ] {
        let mut response = answer(400, r#"{"__type":"ValidationException"}"#);
        response.headers.clear();
        for name in names {
            response = with(response, name, &format!("the {name}"));
        }
        let error = agree::<GetItem>(&builder, &response).await;
        let last = names.last().expect("a name");
        let spelled = format!("{:?}", error.expect("an error"));
        assert!(spelled.contains(&format!("the {last}")), "{spelled}");
    }
}

/// The component does not use it, and a transport may omit the headers of a success.
#[tokio::test]
async fn success_drops_its_request_id_on_purpose() {
    let [builder, _] = inputs::get_item();
    let client = Site::AWS.client(Scripted::new([success()]), 1);
    let ours = get(&client).await;
    let ours = ours.expect("the script says success");
    let theirs = sdk::<GetItem>(&builder, &success()).await;
    let theirs = theirs.expect("the script says success");
    assert_eq!(
        (ours.request_id(), theirs.request_id().is_some()),
        (None, true)
    );
}

#[tokio::test]
async fn failed_condition_returns_the_stored_item() {
    let [builder, ..] = inputs::put_item();
    let response = answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"etag":{"S":"0123456789abcdef"}},"message":"The conditional request failed"}"#,
    );
    agree::<PutItem>(&builder, &response).await;
    let client = Site::AWS.client(Scripted::new([response]), 4);
    let failure = put(&client).await;
    let failure = failure.expect_err("the condition failed");
    let Some(PutItemError::ConditionalCheckFailedException(refusal)) = failure.service_error()
    else {
        panic!("{failure:?}");
    };
    assert_eq!(
        refusal.item().and_then(|item| item.get("etag")),
        Some(&AttributeValue::S("0123456789abcdef".to_owned()))
    );
    assert_eq!(refusal.message(), Some("The conditional request failed"));
}

#[tokio::test]
async fn cancelled_transaction_returns_its_reasons() {
    let [builder, _] = inputs::transact_write_items();
    let response = answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"etag":{"S":"e"}},"Message":"The conditional request failed"}]}"#,
    );
    let error = agree::<TransactWriteItems>(&builder, &response).await;
    let error = error.expect("an error");
    let reasons = cancellation_reasons(&error);
    let first = cancellations(&error).next().expect("a reason");
    assert_eq!((first.position, reasons.len()), (1, 2));
    let reason = first.reason;
    assert!(is_condition(reason));
    assert_eq!(reason.message(), Some("The conditional request failed"));
    assert!(reason.item().is_some_and(|item| item.contains_key("etag")));
}

/// The SDK reads it as an absent item, so a lost body would look like a lost item.
#[tokio::test]
async fn success_without_a_body_is_refused_on_purpose() {
    let [builder, _] = inputs::get_item();
    let response = answer(200, "");
    let theirs = sdk::<GetItem>(&builder, &response).await;
    assert_eq!(theirs.expect("an output").item, None);
    let client = Site::AWS.client(Scripted::new([response]), 4);
    let failure = get(&client).await;
    let failure = failure.expect_err("no body");
    assert!(matches!(
        failure.last,
        AttemptError::UnexpectedResponse { status: 200, .. }
    ));
}

/// The SDK reads it as an absent item, or as a successful write.
#[tokio::test]
async fn success_of_another_server_is_refused_on_purpose() {
    let something_else = answer(200, r#"{"status":"ok"}"#);
    let [builder, _] = inputs::get_item();
    let theirs = sdk::<GetItem>(&builder, &something_else).await;
    assert_eq!(theirs.expect("an output").item, None);
    let client = Site::AWS.client(Scripted::new([something_else.clone()]), 1);
    let failure = get(&client).await;
    let unexpected = |last| matches!(last, AttemptError::UnexpectedResponse { status: 200, .. });
    assert!(unexpected(failure.expect_err("no answer").last));

    let [builder, ..] = inputs::put_item();
    assert!(sdk::<PutItem>(&builder, &something_else).await.is_ok());
    let failure = put(&client).await;
    assert!(unexpected(failure.expect_err("no answer").last));
}

/// The SDK reads it as if all items were absent.
#[tokio::test]
async fn batch_get_without_responses_is_refused_on_purpose() {
    let [builder, _] = inputs::batch_get_item();
    for body in ["{}", r#"{"UnprocessedKeys":{}}"#, r#"{"Responses":null}"#] {
        let response = answer(200, body);
        let theirs = sdk::<BatchGetItem>(&builder, &response).await;
        assert_eq!(theirs.expect("an output").responses, None);
        let client = Site::AWS.client(Scripted::new([response]), 1);
        let input = BatchGetItem::input(builder.clone());
        let failure = client.call::<BatchGetItem>(input).await;
        let last = failure.expect_err("no answer").last;
        assert!(
            matches!(last, AttemptError::UnexpectedResponse { status: 200, .. }),
            "{body}"
        );
    }
}

/// The SDK ignores the checksum.
#[tokio::test]
async fn body_with_wrong_checksum_is_requested_again_on_purpose() {
    let [builder, _] = inputs::get_item();
    let damaged = with(
        answer(200, r#"{"Item":{"key":{"S":"b"}}}"#),
        "x-amz-crc32",
        "1",
    );
    let theirs = sdk::<GetItem>(&builder, &damaged).await;
    assert!(theirs.expect("an output").item.is_some());
    let whole = with(success(), "x-amz-crc32", "2745614147");
    let client = Site::AWS.client(Scripted::new([damaged.clone(), whole]), 4);
    let input = GetItem::input(builder);
    let ours = client.call::<GetItem>(input.clone()).await;
    assert_eq!(ours.expect("the second response is whole").item, None);
    assert_eq!(client.platform().attempts(), 2);

    let client = Site::AWS.client(Scripted::new([damaged]), 4);
    let failure = client.call::<GetItem>(input).await.expect_err("damaged");
    let damaged = matches!(
        failure.last,
        AttemptError::Transport(TransportError::Damaged(_))
    );
    assert!(damaged, "{failure:?}");
}
