//! Tests that waits come from the same intervals as the SDK's. They have full jitter below
//! a limit that doubles, and are extended if the server asks for a wait. Only the last wait
//! after throttling is shorter, on purpose.

use super::call::{Call, Site, get};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::GetItem;
use crate::http::Response;
use crate::test_support::{Scripted, html, refusal, with};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The number of calls. It is large enough for one wait to come near the limit.
const CALLS: usize = 200;

type Interval = RangeInclusive<Duration>;

/// Returns the pipeline's waits if the server always gives the same response, with fixed
/// randomness.
async fn waits(response: &Response, random: u64) -> Vec<Duration> {
    let platform = Scripted::new([response.clone()]).random(random);
    let client = Site::AWS.client(platform, 4);
    let failure = get(&client).await;
    failure.expect_err("the answer lasts");
    client.platform().waits()
}

/// Returns the pipeline's shortest and longest wait before each retry.
async fn ours(response: &Response) -> Vec<Interval> {
    let shortest = waits(response, 0).await;
    let longest = waits(response, u64::MAX).await;
    let middle = waits(response, u64::MAX / 2).await;
    let intervals: Vec<_> = shortest
        .into_iter()
        .zip(longest)
        .map(|(a, b)| a..=b)
        .collect();
    for (wait, interval) in middle.iter().zip(&intervals) {
        assert!(interval.contains(wait), "{wait:?} in {interval:?}");
    }
    intervals
}

/// Returns all waits of the SDK before each retry.
async fn theirs(response: &Response) -> Vec<Vec<Duration>> {
    let [builder, _] = inputs::get_item();
    let mut waits = vec![vec![]; 3];
    for _ in 0..CALLS {
        let stage = Stage::new([response.clone()]);
        let answer = GetItem::send(builder.clone(), &stage.client(Site::AWS, 4)).await;
        answer.expect_err("the answer lasts");
        for (waits, wait) in waits.iter_mut().zip(stage.waits()) {
            waits.push(wait);
        }
    }
    waits
}

/// Intervals in milliseconds.
type Expected = [(u64, u64); 3];

/// Asserts that the pipeline's intervals are `expected`, and that the SDK's waits lie in
/// them and fill them.
async fn same(response: Response, expected: Expected) {
    are(&ours(&response).await, expected);
    fill(theirs(&response).await, expected);
}

fn are(ours: &[Interval], expected: Expected) {
    assert_eq!(ours.len(), 3);
    for (interval, (from, to)) in ours.iter().zip(expected) {
        let near = |wait: Duration, millis| wait.abs_diff(Duration::from_millis(millis));
        assert!(
            near(*interval.start(), from) < Duration::from_micros(1),
            "{interval:?}"
        );
        assert!(
            near(*interval.end(), to) < Duration::from_micros(1),
            "{interval:?}"
        );
    }
}

fn fill(theirs: Vec<Vec<Duration>>, expected: Expected) {
    for (waits, (from, to)) in theirs.into_iter().zip(expected) {
        let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
        assert_eq!(waits.len(), CALLS);
        for wait in &waits {
            assert!((from..=to).contains(wait), "{wait:?} in {from:?}..{to:?}");
        }
        let longest = waits.into_iter().max().expect("waits");
        assert!(longest >= to - (to - from) / 5, "{longest:?} of {to:?}");
    }
}

#[tokio::test]
async fn transient_fault_waits_up_to_25_50_and_100_ms() {
    same(
        refusal(500, "InternalServerError"),
        [(0, 25), (0, 50), (0, 100)],
    )
    .await;
    same(html(502), [(0, 25), (0, 50), (0, 100)]).await;
}

#[tokio::test]
async fn throttling_waits_at_most_2_s_on_purpose() {
    for response in [
        refusal(400, "ThrottlingException"),
        refusal(503, "SlowDown"),
    ] {
        are(&ours(&response).await, [(0, 1_000), (0, 2_000), (0, 2_000)]);
        let theirs = theirs(&response).await;
        fill(theirs, [(0, 1_000), (0, 2_000), (0, 4_000)]);
    }
}

#[tokio::test]
async fn server_may_delay_a_retry_by_at_most_5_s() {
    let asked = |response, millis| with(response, "x-amz-retry-after", millis);
    let throttling = || refusal(400, "ThrottlingException");
    let fault = || refusal(500, "SomethingNew");
    let throttled = asked(throttling(), "60000");
    let expected = |last| [(5_000, 6_000), (5_000, 7_000), (5_000, last)];
    are(&ours(&throttled).await, expected(7_000));
    fill(theirs(&throttled).await, expected(9_000));
    same(
        asked(fault(), "60000"),
        [(5_000, 5_025), (5_000, 5_050), (5_000, 5_100)],
    )
    .await;
    same(
        asked(html(503), "60000"),
        [(5_000, 5_025), (5_000, 5_050), (5_000, 5_100)],
    )
    .await;
    let unreadable = asked(fault(), "soon");
    same(unreadable, [(0, 25), (0, 50), (0, 100)]).await;
}
