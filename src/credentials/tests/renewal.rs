//! Tests of credentials that DynamoDB refuses as expired. They are fetched once more, and the
//! request is sent once more.

use super::expiry::{CONTAINER, lent};
use super::stage::{self, client, parse};
use crate::dynamodb::Client;
use crate::dynamodb::codec::GetItem;
use crate::test_support::{Scene, Scripted, config, refusal, success, with};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Returns a container that provides `ASIA1`, `ASIA2` and so on, and a DynamoDB that accepts
/// those from `good` on.
fn stage(good: u32) -> Rc<Scripted> {
    let lender = Cell::new(0);
    stage::stage(move |sent| -> Scene {
        if sent.method == "GET" {
            lender.set(lender.get() + 1);
            return lent(lender.get(), Duration::from_secs(3_600)).after(Duration::from_secs(1));
        }
        let authorization = sent.header("authorization").expect("a signature");
        let number = authorization
            .split("ASIA")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        match number.expect("an id").parse::<u32>() {
            Ok(number) if number >= good => success().into(),
            _ => refusal(400, "ExpiredTokenException").into(),
        }
    })
}

async fn get(client: &Client<Scripted>) -> Result<(), String> {
    let input = GetItemInput::builder()
        .table_name("orders")
        .key("pk", AttributeValue::S("k".to_owned()))
        .build()
        .expect("an input");
    let answer = client.call::<GetItem>(input).await;
    answer
        .map(drop)
        .map_err(|failure| failure.of_read("orders", "here").to_string())
}

/// Returns the number of requests to the container and to DynamoDB.
fn requests(stage: &Scripted) -> (usize, usize) {
    let sent = stage.sent();
    let to_the_container = sent.iter().filter(|sent| sent.method == "GET").count();
    (to_the_container, sent.len() - to_the_container)
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_fetched_again_and_the_call_succeeds() {
    let stage = stage(2);
    let client = client(&stage, CONTAINER);
    assert_eq!(get(&client).await, Ok(()));
    assert_eq!(requests(&stage), (2, 2));
    assert_eq!(get(&client).await, Ok(()));
    assert_eq!(requests(&stage), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_share_one_fetch_after_expiry() {
    let stage = stage(2);
    let client = client(&stage, CONTAINER);
    let calls = join_all((0..20).map(|_| get(&client))).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!(requests(&stage), (2, 40));
}

#[tokio::test(start_paused = true)]
async fn second_refusal_is_returned() {
    let stage = stage(u32::MAX);
    let client = client(&stage, CONTAINER);
    let error = get(&client).await.expect_err("expired");
    assert!(error.starts_with("access-denied"), "{error}");
    assert!(error.contains("ExpiredTokenException"), "{error}");
    assert_eq!(requests(&stage), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn request_with_static_keys_is_not_sent_twice() {
    let stage = stage::stage(|_| refusal(400, "ExpiredTokenException"));
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret-c4n4ry"),
    ];
    let client = client(&stage, &keys);
    let error = get(&client).await.expect_err("expired");
    assert!(error.starts_with("access-denied"), "{error}");
    assert_eq!(requests(&stage), (0, 1));
}

/// The machine's clock was eight hours behind, and an error showed the server's time. Then the
/// clock is corrected, and the estimate is wrong until another response shows the time.
#[tokio::test]
async fn corrected_clock_does_not_invalidate_credentials() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let mut requests = 0;
    let platform = Scripted::answering(move |sent| -> Scene {
        if sent.method == "GET" {
            return lent(1, hours(9));
        }
        requests += 1;
        match requests {
            1 => with(
                refusal(400, "RequestTimeTooSkewed"),
                "Date",
                "Wed, 15 Nov 2023 06:13:20 GMT",
            )
            .into(),
            2 => Scene::from(success()).asleep_for(hours(8)),
            _ => success().into(),
        }
    });
    let mut config = config();
    config.client.signing = parse(&[], CONTAINER).unwrap();
    let store = config.store(platform);
    for _ in 0..5 {
        store.get("a".to_owned(), None).await.unwrap();
    }
}
