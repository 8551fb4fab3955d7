//! Tests that the signature is the same as botocore's for the same request.
//! `botocore_signatures.json` holds the requests and botocore's signatures, and
//! `botocore_signatures.py` generates it.

use super::call::{Call, Site};
use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, TransactWriteItems,
};
use crate::test_support::{Scripted, success_of};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, Put, TransactWriteItem, WriteRequest,
};
use serde_json::Value;
use std::collections::BTreeSet;

const FIXTURE: &str = include_str!("botocore_signatures.json");

/// Returns the key in all requests. No map has two members, so the bodies are the same in
/// every run.
fn key() -> (String, AttributeValue) {
    ("key".to_owned(), AttributeValue::S("ключ/🗝 é".to_owned()))
}

/// Compares a request with the case `name` of the fixture.
async fn check<O: Call>(name: &str, site: Site, builder: O::Builder) {
    let fixture: Vec<Value> = serde_json::from_str(FIXTURE).expect("JSON");
    let case = fixture.iter().find(|case| case["name"] == name);
    let case = case.unwrap_or_else(|| panic!("the fixture has no case {name}"));
    let client = site.client(Scripted::new([success_of(O::NAME)]), 1);
    let answer = client.call::<O>(O::input(builder)).await;
    answer.expect("the script says success");
    let [sent] = client.platform().requests().try_into().expect("one");
    assert_eq!(case["url"], sent.url, "{name}");
    assert_eq!(case["region"], site.region, "{name}");
    assert_eq!(case["session_token"].as_str(), site.session_token, "{name}");
    let body = std::str::from_utf8(&sent.body).expect("text");
    assert_eq!(case["body"], body, "{name}");
    for header in [
        "content-type",
        "x-amz-target",
        "x-amz-date",
        "authorization",
    ] {
        assert_eq!(
            case[header].as_str(),
            sent.header(header),
            "{header} of {name}"
        );
    }
}

#[test]
fn fixture_cases_have_unique_names() {
    let fixture: Vec<Value> = serde_json::from_str(FIXTURE).expect("JSON");
    let names: BTreeSet<_> = fixture.iter().map(|case| case["name"].as_str()).collect();
    assert_eq!((names.len(), names.contains(&None)), (9, false));
}

#[tokio::test]
async fn get_item_has_the_same_signature_as_in_botocore() {
    let (name, value) = key();
    let get = GetItemInput::builder()
        .table_name("orders")
        .key(name, value);
    for (case, site) in [
        ("get-item", Site::AWS),
        ("get-item-temporary", Site::TEMPORARY),
        ("get-item-own-endpoint", Site::OWN),
        ("get-item-endpoint-with-path", Site::PATH),
    ] {
        check::<GetItem>(case, site, get.clone()).await;
    }
}

#[tokio::test]
async fn put_item_has_the_same_signature_as_in_botocore() {
    let put = PutItemInput::builder()
        .table_name("orders")
        .item("key", AttributeValue::B(vec![0, 1, 254, 255].into()))
        .condition_expression("attribute_not_exists(#k)")
        .expression_attribute_names("#k", "key");
    check::<PutItem>("put-item", Site::TEMPORARY, put).await;
}

#[tokio::test]
async fn delete_item_has_the_same_signature_as_in_botocore() {
    let (name, value) = key();
    let delete = DeleteItemInput::builder()
        .table_name("orders")
        .key(name, value);
    check::<DeleteItem>("delete-item", Site::AWS, delete).await;
}

#[tokio::test]
async fn batch_get_item_has_the_same_signature_as_in_botocore() {
    let keys = KeysAndAttributes::builder().keys([key()].into());
    let get = BatchGetItemInput::builder().request_items("orders", keys.build().unwrap());
    check::<BatchGetItem>("batch-get-item", Site::AWS, get).await;
}

#[tokio::test]
async fn batch_write_item_has_the_same_signature_as_in_botocore() {
    let (name, value) = key();
    let delete = DeleteRequest::builder().key(name, value).build().unwrap();
    let request = WriteRequest::builder().delete_request(delete).build();
    let write = BatchWriteItemInput::builder().request_items("orders", vec![request]);
    check::<BatchWriteItem>("batch-write-item", Site::AWS, write).await;
}

#[tokio::test]
async fn transaction_has_the_same_signature_as_in_botocore() {
    let (name, value) = key();
    let put = Put::builder().table_name("orders").item(name, value);
    let step = TransactWriteItem::builder().put(put.build().unwrap());
    let write = TransactWriteItemsInput::builder()
        .transact_items(step.build())
        .client_request_token("0123456789abcdef0123456789abcdef");
    check::<TransactWriteItems>("transact-write-items", Site::OWN, write).await;
}
