//! The extra load that retries put on a server that refuses half of its requests. The
//! retry quota limits it after every call, not only on average.
//!
//! The retry of a throttled request costs 5 tokens of 500. A successful call returns 1
//! token if it needed no retry, and the 5 tokens of its last retry otherwise. So for any
//! server `5 × retries <= 500 + first + 5 × later`. Here `first` counts the calls that
//! succeeded at their first attempt, and `later` those that succeeded at another.
//!
//! If every second request is throttled, a call makes 1.875 requests while the bucket
//! lasts, which is about 300 calls, and 1.2 requests afterwards. After 660 calls the
//! average of all calls is below 1.5. For transient faults a retry costs 14 tokens. Then
//! the bucket lasts about 90 calls, and a call makes 1.07 requests afterwards. After 170
//! calls the average of all calls is below 1.5.

use super::call::get;
use crate::aws::retry::{CAPACITY, RETRY_COST, SUCCESS_REWARD, THROTTLING_RETRY_COST};
use crate::dynamodb::Client;
use crate::http::Clock;
use crate::test_support::{Scene, Scripted, config, refusal, success};
use std::cell::RefCell;
use std::time::Duration;

const SEEDS: std::ops::Range<u64> = 0..16;

/// Returns a client of a server that answers a request with `fault` with probability 1/2.
fn instance(seed: u64, fault: impl Fn(&mut fastrand::Rng) -> Scene + 'static) -> Client<Scripted> {
    let mut coin = fastrand::Rng::with_seed(seed);
    let platform = Scripted::answering(move |_| match coin.bool() {
        true => fault(&mut coin),
        false => success().into(),
    });
    // The spread of the jitter shows only with real randomness.
    let random = RefCell::new(fastrand::Rng::with_seed(!seed));
    let platform = platform.drawing(move |_| random.borrow_mut().u64(..));
    Client::new(platform, config().client)
}

fn throttled(_: &mut fastrand::Rng) -> Scene {
    refusal(400, "ThrottlingException").into()
}

fn failed(_: &mut fastrand::Rng) -> Scene {
    refusal(500, "InternalServerError").into()
}

/// Reads an item. Returns the number of requests, and true if the read succeeded.
async fn read(client: &Client<Scripted>) -> (usize, bool) {
    let before = client.platform().attempts();
    let answer = get(client).await;
    let requests = client.platform().attempts() - before;
    (requests, answer.is_ok())
}

/// Makes calls. After each call the number of retries must be within the quota. After
/// `settled` calls there must be at most 1.5 requests per call.
async fn keeps_within_its_quota(client: &Client<Scripted>, cost: u32, settled: usize) {
    let [cost, capacity, reward] = [cost, CAPACITY, SUCCESS_REWARD].map(|n| n as usize);
    let (mut retries, mut first, mut later) = (0, 0, 0);
    for calls in 1..=settled + 500 {
        let (requests, succeeded) = read(client).await;
        retries += requests - 1;
        match (requests, succeeded) {
            (1, true) => first += 1,
            (_, true) => later += 1,
            (_, false) => {}
        }
        let allowed = capacity + reward * first + cost * later;
        assert!(
            cost * retries <= allowed,
            "{retries} retries of {calls} calls"
        );
        if calls >= settled {
            assert!(2 * retries <= calls, "{retries} retries of {calls} calls");
        }
    }
    assert!(retries > capacity / cost, "the quota was never needed");
}

#[tokio::test]
async fn throttled_calls_add_less_than_half_the_load() {
    for seed in SEEDS {
        keeps_within_its_quota(&instance(seed, throttled), THROTTLING_RETRY_COST, 900).await;
    }
}

#[tokio::test]
async fn failed_reads_add_less_than_half_the_load() {
    for seed in SEEDS {
        keeps_within_its_quota(&instance(seed, failed), RETRY_COST, 300).await;
    }
}

#[tokio::test]
async fn no_call_exceeds_the_operation_timeout() {
    /// The durations of responses. Half of them exceed the request timeout.
    const SECONDS: std::ops::Range<u64> = 0..20;
    let slow = |random: &mut fastrand::Rng| {
        let code = ["ThrottlingException", "InternalServerError"];
        let refusal = refusal(400, code[random.usize(..code.len())]);
        Scene::from(refusal).after(Duration::from_secs(random.u64(SECONDS)))
    };
    for seed in SEEDS {
        let client = instance(seed, slow);
        let mut longest = Duration::ZERO;
        for _ in 0..50 {
            let begin = client.platform().monotonic();
            read(&client).await;
            longest = longest.max(client.platform().monotonic() - begin);
        }
        let allowed = client.limits().operation_timeout();
        assert!(longest <= allowed, "{longest:?}");
        assert!(longest > allowed / 4, "no call took more than one attempt");
    }
}

#[tokio::test]
async fn waits_spread_evenly_from_zero_to_their_limit() {
    /// The number of throttled calls for which the quota still allows retries.
    const CALLS: usize = 200;
    const PARTS: usize = 5;
    let mut counts = [[0_usize; PARTS]; 3];
    for seed in SEEDS {
        let client = instance(seed, throttled);
        for _ in 0..CALLS {
            let before = client.platform().waits().len();
            read(&client).await;
            let waits = client.platform().waits();
            for (retry, wait) in waits[before..].iter().enumerate() {
                let longest = [1.0, 2.0, 2.0][retry];
                let part = wait.as_secs_f64() / longest * PARTS as f64;
                counts[retry][part as usize] += 1;
            }
        }
    }
    for parts in counts {
        let mean = parts.iter().sum::<usize>() / PARTS;
        assert!(mean > 50, "{parts:?}");
        for count in parts {
            assert!(count.abs_diff(mean) < mean / 3, "{parts:?}");
        }
    }
}
