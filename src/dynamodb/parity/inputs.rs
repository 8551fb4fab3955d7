//! Inputs as the state store and the binding build them. They have conditions, tokens,
//! binary values, keys in several scripts, and numbers of 38 digits.

use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, TransactWriteItems,
};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_sdk_dynamodb::types::AttributeValue::{B, Bool, L, M, N, Null, S};
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, WriteRequest,
};
use std::collections::HashMap;

type Builder<O> = <O as super::call::Call>::Builder;
type Attributes = HashMap<String, AttributeValue>;

const TABLE: &str = "orders-α.1";

/// A key with characters that JSON must escape, and characters of one to four bytes in
/// UTF-8.
const KEY: &str = "app||ключ/\"\\\u{1}\t🗝 é";

fn text(value: &str) -> AttributeValue {
    S(value.to_owned())
}

fn attributes<const N: usize>(members: [(&str, AttributeValue); N]) -> Attributes {
    members.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Returns an item with several attributes.
fn item() -> Attributes {
    attributes([
        ("key", text(KEY)),
        ("value", B((0..=255).collect::<Vec<u8>>().into())),
        ("etag", text("0123456789abcdef")),
        ("contentType", text("application/octet-stream")),
        ("expires", N("1700003600".to_owned())),
    ])
}

/// Inputs of GetItem, with and without a strongly consistent read.
pub(super) fn get_item() -> [Builder<GetItem>; 2] {
    let eventual = GetItemInput::builder()
        .table_name(TABLE)
        .key("key", text(KEY));
    [eventual.clone().consistent_read(true), eventual]
}

/// Inputs of PutItem for a conditional set, a plain set, and the binding.
pub(super) fn put_item() -> [Builder<PutItem>; 3] {
    let plain = PutItemInput::builder()
        .table_name(TABLE)
        .set_item(Some(item()));
    let conditional = plain
        .clone()
        .condition_expression("#e = :e AND NOT #t <= :now")
        .expression_attribute_names("#e", "etag")
        .expression_attribute_names("#t", "expires")
        .expression_attribute_values(":e", text("fedcba9876543210"))
        .expression_attribute_values(":now", N("1700000000".to_owned()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let document = attributes([
        ("key", text("")),
        (
            "digits",
            N("-9.9999999999999999999999999999999999999E+125".to_owned()),
        ),
        ("yes", Bool(true)),
        ("nothing", Null(true)),
        (
            "list",
            L(vec![N("1".into()), text("zwei"), L(vec![]), Bool(false)]),
        ),
        (
            "map",
            M(attributes([
                ("", M(HashMap::new())),
                ("n", N("0.1".into())),
            ])),
        ),
    ]);
    let binding = PutItemInput::builder()
        .table_name(TABLE)
        .set_item(Some(document));
    [conditional, plain, binding]
}

/// Inputs of DeleteItem, with and without a condition.
pub(super) fn delete_item() -> [Builder<DeleteItem>; 2] {
    let plain = DeleteItemInput::builder()
        .table_name(TABLE)
        .key("key", text(KEY));
    let conditional = plain
        .clone()
        .condition_expression("#e = :e")
        .expression_attribute_names("#e", "etag")
        .expression_attribute_values(":e", text("fedcba9876543210"));
    [conditional, plain]
}

/// Inputs of BatchGetItem, with 100 keys and with one.
pub(super) fn batch_get_item() -> [Builder<BatchGetItem>; 2] {
    [100, 1].map(|count| {
        let keys = (0..count).map(|n| attributes([("key", text(&format!("{KEY}{n}")))]));
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys.collect()))
            .set_consistent_read((count == 1).then_some(true));
        BatchGetItemInput::builder().request_items(TABLE, request.build().unwrap())
    })
}

/// Inputs of BatchWriteItem, with puts and deletes and with one put.
pub(super) fn batch_write_item() -> [Builder<BatchWriteItem>; 2] {
    [25, 1].map(|count| {
        let requests = (0..count).map(|n| {
            let request = WriteRequest::builder();
            if n % 2 == 0 {
                let put = PutRequest::builder().set_item(Some(item()));
                request.put_request(put.build().unwrap()).build()
            } else {
                let delete = DeleteRequest::builder().key("key", text(&format!("{KEY}{n}")));
                request.delete_request(delete.build().unwrap()).build()
            }
        });
        BatchWriteItemInput::builder().request_items(TABLE, requests.collect())
    })
}

/// Inputs of TransactWriteItems, with a conditional put and delete and with a plain put.
pub(super) fn transact_write_items() -> [Builder<TransactWriteItems>; 2] {
    let put = Put::builder().table_name(TABLE).set_item(Some(item()));
    let first_write = put
        .clone()
        .condition_expression("attribute_not_exists(#k) OR #t <= :now")
        .expression_attribute_names("#k", "key")
        .expression_attribute_names("#t", "expires")
        .expression_attribute_values(":now", N("1700000000".to_owned()));
    let delete = Delete::builder()
        .table_name(TABLE)
        .key("key", text("b"))
        .condition_expression("#e = :e")
        .expression_attribute_names("#e", "etag")
        .expression_attribute_values(":e", text("fedcba9876543210"));
    let step = TransactWriteItem::builder;
    let input =
        TransactWriteItemsInput::builder().client_request_token("0123456789abcdef0123456789abcdef");
    [
        input
            .clone()
            .transact_items(step().put(first_write.build().unwrap()).build())
            .transact_items(step().delete(delete.build().unwrap()).build()),
        input.transact_items(step().put(put.build().unwrap()).build()),
    ]
}
