//! Tests of the refresh before expiry. Credentials are fetched once for all calls that need
//! them. Valid credentials stay in use if a fetch fails.

use super::stage::{drawing, signer, signers, stage};
use crate::credentials::Signers;
use crate::error::Error;
use crate::http::Clock;
use crate::test_support::{Scene, Scripted, answer, start};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::future::join_all;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// The environment of a source on the same machine.
pub(super) const CONTAINER: &[(&str, &str)] =
    &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")];

const HOUR: Duration = Duration::from_secs(3_600);

/// Returns the response of a container endpoint with the credentials `number`, which expire
/// `after` the start of the test.
pub(super) fn lent(number: u32, after: Duration) -> Scene {
    let expiry = DateTime::from(start() + after);
    let expiry = expiry.fmt(Format::DateTime).expect("a moment");
    answer(
        200,
        &format!(
            r#"{{"AccessKeyId":"ASIA{number}","SecretAccessKey":"secret-c4n4ry","Token":"token-c4n4ry","Expiration":"{expiry}"}}"#
        ),
    )
    .into()
}

/// Returns a source with new credentials at each request. The first expire after one hour of the
/// test, the second after two, and so on.
fn lender(random: u64) -> Rc<Scripted> {
    let number = Cell::new(0);
    drawing(random, move |_| {
        number.set(number.get() + 1);
        lent(number.get(), HOUR * number.get()).after(Duration::from_secs(1))
    })
}

/// Returns the access key id that signs now.
async fn id(stage: &Scripted, signers: &Signers<Scripted>) -> String {
    super::stage::id(stage, signers).await.expect("a signer")
}

async fn pass(duration: Duration) {
    tokio::time::advance(duration).await;
}

#[tokio::test(start_paused = true)]
async fn credentials_are_fetched_once_until_15_minutes_before_expiry() {
    let stage = lender(0);
    let signers = signers(&stage, CONTAINER);
    assert_eq!(stage.sent().len(), 0);
    for minutes in [0, 20, 24] {
        pass(Duration::from_secs(60 * minutes)).await;
        assert_eq!(id(&stage, &signers).await, "ASIA1");
    }
    assert_eq!(stage.sent().len(), 1);
    pass(Duration::from_secs(60)).await;
    assert_eq!(
        id(&stage, &signers).await,
        "ASIA2",
        "45 minutes have passed"
    );
    assert_eq!(stage.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn jitter_delays_the_fetch_by_at_most_half_of_the_window() {
    let stage = lender(u64::MAX);
    let signers = signers(&stage, CONTAINER);
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    pass(Duration::from_secs(52 * 60)).await;
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    pass(Duration::from_secs(60)).await;
    assert_eq!(id(&stage, &signers).await, "ASIA2");
}

#[tokio::test(start_paused = true)]
async fn calls_without_credentials_wait_for_one_fetch() {
    let stage = lender(0);
    let signers = signers(&stage, CONTAINER);
    let ids = join_all((0..50).map(|_| id(&stage, &signers))).await;
    assert_eq!(stage.sent().len(), 1);
    assert!(ids.iter().all(|id| id == "ASIA1"));
}

#[tokio::test(start_paused = true)]
async fn early_fetch_does_not_delay_other_calls() {
    let stage = lender(0);
    let signers = signers(&stage, CONTAINER);
    id(&stage, &signers).await;
    pass(HOUR - Duration::from_secs(300)).await;
    let mut ids = join_all((0..50).map(|_| id(&stage, &signers))).await;
    assert_eq!(stage.sent().len(), 2);
    ids.sort();
    assert_eq!(ids[48..], ["ASIA1", "ASIA2"]);
}

#[tokio::test(start_paused = true)]
async fn failed_fetch_fails_no_call_before_expiry() {
    let stage = stage({
        let first = Cell::new(true);
        move |_| match first.replace(false) {
            true => lent(1, HOUR),
            false => answer(403, "").into(),
        }
    });
    let signers = signers(&stage, CONTAINER);
    id(&stage, &signers).await;
    stage.sent();
    pass(HOUR - Duration::from_secs(600)).await;
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    assert_eq!(stage.sent().len(), 1, "it has been tried");
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    assert_eq!(stage.sent().len(), 0, "and not at each call");
    pass(Duration::from_secs(301)).await;
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    assert_eq!(stage.sent().len(), 1, "but some minutes later");
    pass(Duration::from_secs(300)).await;
    let error = signer(&stage, &signers)
        .await
        .expect_err("they have expired");
    assert!(error.to_string().contains("container"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_from_a_source_are_refused() {
    let stage = stage(|_| lent(1, Duration::ZERO));
    let signers = signers(&stage, CONTAINER);
    let error = signer(&stage, &signers).await.expect_err("expired");
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn source_that_hangs_is_asked_again_by_the_next_call() {
    let stage = stage({
        let number = Cell::new(0);
        move |_| {
            number.set(number.get() + 1);
            match number.get() {
                1 => lent(1, HOUR).after(HOUR),
                _ => lent(2, HOUR),
            }
        }
    });
    let signers = signers(&stage, CONTAINER);
    let until = stage.monotonic() + Duration::from_secs(2);
    let error = signers.signer(stage.now(), until).await.expect_err("late");
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert_eq!(stage.monotonic(), until);
    assert_eq!(id(&stage, &signers).await, "ASIA2");
}

#[tokio::test(start_paused = true)]
async fn source_that_hangs_delays_a_call_by_three_seconds() {
    let stage = stage({
        let first = Cell::new(true);
        move |_| match first.replace(false) {
            true => lent(1, HOUR),
            false => lent(2, HOUR).after(HOUR),
        }
    });
    let signers = signers(&stage, CONTAINER);
    id(&stage, &signers).await;
    pass(HOUR - Duration::from_secs(600)).await;
    let begin = stage.monotonic();
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    assert_eq!(stage.monotonic() - begin, Duration::from_secs(3));
    assert_eq!(id(&stage, &signers).await, "ASIA1");
    assert_eq!(stage.monotonic() - begin, Duration::from_secs(3));
}
