//! Tests that the fast decoder gives the same output as the SDK for a plain body, and
//! leaves other bodies to the SDK.

use super::call::Call;
use super::inputs;
use super::outcomes::{nameless, sdk};
use super::recorded::{BATCH_GET_ITEM, GET_ITEM, foreign, misshapen};
use crate::dynamodb::codec::{BatchGetItem, GetItem};
use crate::test_support::answer;

/// Items of the state store, and similar ones.
const PLAIN_ITEMS: &[&str] = &[
    r#"{"key":{"S":"a"},"value":{"S":"1"},"etag":{"S":"0123456789abcdef"}}"#,
    r#"{"key":{"S":"a"},"value":{"B":"AAH+/w=="},"expires":{"N":"1700003600"},"contentType":{"S":""}}"#,
    r#" { "k" : { "S" : "\ud83d\uddddé \"\\\/\b\f\n\r\t\u0041 ключ 🗝" } } "#,
    r#"{"\u006bey":{"\u0053":"escaped names"},"n":{"N":"-1.5E-130"}}"#,
    r#"{"twice":{"S":"first"},"twice":{"S":"last"}}"#,
    r#"{"b":{"B":""},"":{"S":""}}"#,
    r#"{}"#,
];

/// Items that only the SDK may read or reject.
const OTHER_ITEMS: &[&str] = &[
    r#"{"key":{"S":"a"},"yes":{"BOOL":true}}"#,
    r#"{"key":{"S":"a"},"list":{"L":[{"S":"b"}]}}"#,
    r#"{"key":{"S":"a","N":"1"}}"#,
    r#"{"key":{"S":"a","S":"b"}}"#,
    r#"{"key":{"S":"a","__type":"x"}}"#,
    r#"{"key":{"NEW":"type"}}"#,
    r#"{"key":{"B":"%%%"}}"#,
    r#"{"key":{"B":"AAH\/"}}"#,
    r#"{"key":{"B":"AA\u003d\u003d"}}"#,
    r#"{"key":{"B":"AA"}}"#,
    r#"{"key":{"S":"\ud83d"}}"#,
    r#"{"key":{"S":7}}"#,
    r#"{"key":{"N":7}}"#,
    r#"{"key":{"S":null}}"#,
    r#"{"key":{}}"#,
    r#"{"key":["S"]}"#,
    r#"{"key":"S"}"#,
    r#"{"key":null}"#,
    r#"[]"#,
];

/// Unprocessed keys in responses to requests that the state store sends.
const PLAIN_UNPROCESSED: &[&str] = &[
    "{}",
    r#"{"orders":{"Keys":[{"key":{"S":"c"}},{"key":{"S":"d"}}]}}"#,
    r#"{"orders":{"Keys":[{"key":{"S":"c"}}],"ConsistentRead":true}}"#,
    r#"{"orders":{"Keys":[],"ConsistentRead":null}}"#,
];

/// Unprocessed keys in responses to other requests, and some that DynamoDB should not send.
const OTHER_UNPROCESSED: &[&str] = &[
    r#"{"orders":{"Keys":[{"key":{"S":"c"}}],"ProjectionExpression":"key"}}"#,
    r#"{"orders":{"Keys":[{"key":{"NULL":true}}]}}"#,
    r#"{"orders":{"Keys":null}}"#,
    r#"{"orders":{}}"#,
    r#"{"orders":[[{"key":{"S":"c"}}],true]}"#,
    r#"{"orders":null}"#,
    "null",
];

/// Returns true if the fast decoder reads `body`. Then its output must be the SDK's.
async fn is_plain<O: Call>(builder: &O::Builder, body: &[u8]) -> bool {
    let Some(ours) = O::fast_decode(body) else {
        return false;
    };
    let mut response = nameless(&answer(200, ""));
    response.body = body.to_vec();
    let theirs = sdk::<O>(builder, &response).await;
    assert_eq!(Some(ours), theirs.ok(), "{}", String::from_utf8_lossy(body));
    true
}

fn got(item: &str) -> String {
    format!(r#"{{"Item":{item}}}"#)
}

fn batch(items: &[&str], unprocessed: &str) -> String {
    let items = items.join(",");
    format!(r#"{{"UnprocessedKeys":{unprocessed},"Responses":{{"orders":[{items}]}}}}"#)
}

#[tokio::test]
async fn fast_decoder_reads_plain_items() {
    let [get, _] = inputs::get_item();
    let [batch_get, _] = inputs::batch_get_item();
    assert!(is_plain::<GetItem>(&get, b"{}").await, "an absent item");
    for item in PLAIN_ITEMS {
        assert!(
            is_plain::<GetItem>(&get, got(item).as_bytes()).await,
            "{item}"
        );
    }
    for items in [PLAIN_ITEMS, &[]] {
        for unprocessed in PLAIN_UNPROCESSED {
            let body = batch(items, unprocessed);
            let plain = is_plain::<BatchGetItem>(&batch_get, body.as_bytes());
            assert!(plain.await, "{unprocessed}");
        }
    }
}

#[tokio::test]
async fn other_items_are_left_to_the_sdk() {
    let [get, _] = inputs::get_item();
    let [batch_get, _] = inputs::batch_get_item();
    for item in OTHER_ITEMS {
        assert!(
            !is_plain::<GetItem>(&get, got(item).as_bytes()).await,
            "{item}"
        );
        let body = batch(&[PLAIN_ITEMS[0], item], "{}");
        assert!(
            !is_plain::<BatchGetItem>(&batch_get, body.as_bytes()).await,
            "{item}"
        );
    }
    for unprocessed in OTHER_UNPROCESSED {
        let body = batch(PLAIN_ITEMS, unprocessed);
        let plain = is_plain::<BatchGetItem>(&batch_get, body.as_bytes());
        assert!(!plain.await, "{unprocessed}");
    }
}

#[tokio::test]
async fn fast_decoder_never_disagrees_with_the_sdk() {
    let [get, _] = inputs::get_item();
    let [batch_get, _] = inputs::batch_get_item();
    let recorded = GET_ITEM.iter().chain(BATCH_GET_ITEM);
    let recorded = recorded.map(|body| answer(200, body));
    let cut = batch(PLAIN_ITEMS, "{}");
    let cut = (0..cut.len()).map(|end| {
        let mut response = answer(200, "");
        response.body = cut.as_bytes()[..end].to_vec();
        response
    });
    let arrays = ["[null]", "[{}]", "[{},{}]", r#"{"Item":[]}"#];
    let arrays = arrays.map(|body| answer(200, body));
    let all = recorded
        .chain(foreign())
        .chain(misshapen())
        .chain(cut)
        .chain(arrays);
    for response in all.filter(|response| !response.body.is_empty()) {
        is_plain::<GetItem>(&get, &response.body).await;
        is_plain::<BatchGetItem>(&batch_get, &response.body).await;
    }
}
