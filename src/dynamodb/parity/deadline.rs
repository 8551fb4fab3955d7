//! Tests that every call ends: because of its number of attempts, its deadline or the
//! retry quota.

use super::call::{Site, get};
use crate::dynamodb::Client;
use crate::dynamodb::error::{AttemptError, OperationError};
use crate::http::{Clock, TransportError};
use crate::test_support::{Scene, Scripted, refusal, success, with};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The request timeout that `Site::client` sets.
const ATTEMPT: Duration = Duration::from_secs(10);

async fn fail(scenes: Vec<Scene>, most: u32) -> (Client<Scripted>, OperationError) {
    let client = Site::AWS.client(Scripted::new(scenes).random(u64::MAX), most);
    let answer = get(&client).await;
    let failure = answer.expect_err("nothing on the script succeeds");
    (client, *failure)
}

#[tokio::test]
async fn silent_server_ends_the_call_at_its_deadline() {
    let silence = Scene::from(success()).after(Duration::from_secs(3_600));
    let (client, failure) = fail(vec![silence], 4).await;
    assert_eq!(failure.attempts, 4);
    let timed_out = matches!(
        failure.last,
        AttemptError::Transport(TransportError::Timeout)
    );
    assert!(timed_out, "{failure:?}");
    let platform = client.platform();
    assert_eq!(platform.monotonic(), client.limits().operation_timeout());
    assert_eq!(platform.monotonic(), ATTEMPT * 4);
    let totals: Vec<_> = platform.timeouts().iter().map(|t| t.total).collect();
    assert_eq!(totals[..3], [ATTEMPT; 3]);
    let waited: Duration = platform.waits().iter().sum();
    assert_eq!(totals[3], ATTEMPT - waited, "the last one has what is left");
}

#[tokio::test]
async fn connect_timeout_never_exceeds_the_total_timeout() {
    let nearly = Scene::from(refusal(400, "ThrottlingException")).after(ATTEMPT);
    let (client, _) = fail(vec![nearly], 4).await;
    for timeouts in client.platform().timeouts() {
        let total = timeouts.total;
        assert!(total <= ATTEMPT);
        assert_eq!(timeouts.connect, total.min(SECOND * 3));
    }
}

#[tokio::test]
async fn wait_past_the_deadline_is_not_started() {
    let slow = Scene::from(refusal(400, "ThrottlingException")).after(ATTEMPT);
    let (client, failure) = fail(vec![slow], 4).await;
    assert_eq!(failure.attempts, 4, "10 + 1 + 10 + 2 + 10 + 4 + 3");
    assert!(client.platform().monotonic() <= client.limits().operation_timeout());

    let asked = with(
        refusal(400, "ThrottlingException"),
        "x-amz-retry-after",
        "60000",
    );
    let slow = Scene::from(asked).after(ATTEMPT);
    let (client, failure) = fail(vec![slow], 2).await;
    assert_eq!(failure.attempts, 2, "10 + 6 is before 20");
    assert_eq!(client.platform().waits().len(), 1);
    let late = client.platform().monotonic();
    assert_eq!(late, client.limits().operation_timeout());

    let fast = with(
        refusal(400, "ThrottlingException"),
        "x-amz-retry-after",
        "60000",
    );
    let fast = Scene::from(fast).after(ATTEMPT - SECOND);
    let (client, failure) = fail(vec![fast], 3).await;
    assert_eq!(failure.attempts, 2, "9 + 6 + 9 and another 7 are past 30");
    assert_eq!(client.platform().waits().len(), 1);
    assert!(matches!(failure.last, AttemptError::Service(_)));
}

#[tokio::test]
async fn call_after_a_timeout_has_its_own_deadline() {
    let silence = Scene::from(success()).after(Duration::from_secs(3_600));
    let scenes = vec![silence.clone(), silence, success().into()];
    let (client, failure) = fail(scenes, 2).await;
    assert_eq!(failure.attempts, 2);
    get(&client).await.unwrap();
    assert_eq!(client.platform().timeouts()[2].total, ATTEMPT);
}
