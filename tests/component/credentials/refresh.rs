//! Renewal of credentials: they are fetched again before they expire, once for all calls. The tests
//! do not wait for that. They set AWS's clock ahead, and an instance whose signature is refused
//! because of the time follows AWS's clock from then on.
//!
//! If a fetch fails while the old credentials are valid, no call fails. At most one call is delayed,
//! by at most 3 s. The fetch is not repeated at every call. After the expiry, the call fails with
//! the error of the fetch.

use super::scene::{Lenders, ROLE, Scene, Source, lending, refused, works};
use crate::fixture::{Store, first_write, set_of};
use dapr_wasm_host::types::SetRequest;
use http::StatusCode;
use std::time::Duration;
use test_support::aws::sts::{ASSUME_ROLE, WITH_WEB_IDENTITY};
use test_support::faults::{Action, Reply};

const MINUTE: Duration = Duration::from_secs(60);

/// The sources with credentials that expire.
const TEMPORARY: [Source; 3] = [
    Source::WebIdentity,
    Source::Container,
    Source::InstanceMetadata,
];

/// The error code that DynamoDB returns if the signer's clock is wrong.
const CLOCK: &str = "InvalidSignatureException";

#[tokio::test]
async fn credentials_are_renewed_before_they_expire() {
    for source in TEMPORARY {
        let (scene, lenders) = lending().await;
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        // Credentials of an hour are renewed in their last quarter, less jitter. This is too early
        // in any case.
        scene.account.clock().advance(44 * MINUTE);
        works(&mut store).await;
        assert_eq!(lenders.asked(source), asked, "{source:?}");
        // With four minutes left, renewal is due in any case.
        scene.account.clock().advance(12 * MINUTE);
        works(&mut store).await;
        assert_eq!(lenders.asked(source), 2 * asked, "{source:?}");
        assert_eq!(scene.gate.refused(), [CLOCK, CLOCK], "{source:?}");
        assert_eq!(scene.gate.passed().len(), 2, "{source:?}");
    }
}

#[tokio::test]
async fn role_is_assumed_again_with_new_credentials() {
    let (scene, lenders) = lending().await;
    let guest = lenders.reaching_sts(lenders.lend(Source::Container, scene.guest()));
    let mut store = guest.metadata("assumeRoleArn", ROLE).store().await;
    scene.expire_keys();
    works(&mut store).await;
    let by = lenders.sts.asked(ASSUME_ROLE);
    let mut by: Vec<_> = by.iter().map(|asked| asked.access_key()).collect();
    by.dedup();
    assert_eq!(by.len(), 2, "the agent's first key was used for both");
    assert_eq!(scene.gate.passed().len(), 2);
}

#[tokio::test]
async fn expired_credentials_are_renewed_once_and_the_call_succeeds() {
    for source in TEMPORARY {
        let (scene, lenders) = lending().await;
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        scene.expire_keys();
        works(&mut store).await;
        assert_eq!(lenders.asked(source), 2 * asked, "{source:?}");
        assert_eq!(
            scene.gate.refused(),
            ["ExpiredTokenException"],
            "{source:?}"
        );
    }
}

/// Returns conditional writes. They are sent as separate requests, several at a time.
fn conditional_writes(many: usize) -> Vec<SetRequest> {
    let write = |number| set_of(&format!("k{number}"), b"v", first_write());
    (0..many).map(write).collect()
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    for source in TEMPORARY {
        let (scene, lenders) = lending().await;
        // The guest is configured by its environment, so the call itself sends the first requests.
        let guest = lenders.lend(source, scene.guest_of_environment());
        let mut store = guest.blank().await;
        let written = store.state().bulk_set(&conditional_writes(40)).await;
        assert!(written.expect("a bulk call").iter().all(Result::is_ok));
        let asked = lenders.asked(source);
        let questions = match source {
            Source::InstanceMetadata => 3,
            _ => 1,
        };
        assert_eq!(asked, questions);

        scene.expire_keys();
        let requests = conditional_writes(80).split_off(40);
        let written = store.state().bulk_set(&requests).await;
        assert!(written.expect("a bulk call").iter().all(Result::is_ok));
        assert_eq!(lenders.asked(source), 2 * asked, "{source:?}");
        let refused = scene.gate.refused();
        assert!(
            refused.len() > 1,
            "{source:?}: the requests did not go out together"
        );
        assert!(refused.iter().all(|code| code == "ExpiredTokenException"));
    }
}

#[tokio::test]
async fn each_instance_has_its_own_credentials() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    for _ in 0..3 {
        guest.works().await;
    }
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 3);
    assert_eq!(scene.gate.passed().len(), 3);
}

/// Returns an instance with credentials of six hours that are due for renewal while STS is down.
async fn due_while_sts_is_down() -> (Scene, Lenders, Store) {
    let (scene, lenders) = lending().await;
    lenders.sts.service().set_lifetime(360 * MINUTE);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let store = guest.metadata("maxAttempts", "2").store().await;
    let down = Reply::text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "");
    lenders
        .sts
        .order_always(WITH_WEB_IDENTITY, Action::answer(down));
    scene.account.clock().advance(335 * MINUTE);
    (scene, lenders, store)
}

#[tokio::test]
async fn old_credentials_are_used_while_the_source_is_down() {
    let (scene, lenders, mut store) = due_while_sts_is_down().await;
    works(&mut store).await;
    // One failed fetch, with the configured number of attempts.
    assert_eq!(lenders.sts.count_all(), 1 + 2);
    for _ in 0..10 {
        works(&mut store).await;
    }
    assert_eq!(lenders.sts.count_all(), 1 + 2);
    assert_eq!(scene.gate.passed().len(), 1);

    lenders.sts.forget_orders();
    // Longer than any wait after a failure.
    scene.account.clock().advance(11 * MINUTE);
    works(&mut store).await;
    assert_eq!(lenders.sts.count_all(), 1 + 2 + 1);
    assert_eq!(scene.gate.passed().len(), 2);
}

#[tokio::test]
async fn after_expiry_the_call_fails_with_the_sources_error() {
    let (scene, lenders, mut store) = due_while_sts_is_down().await;
    works(&mut store).await;
    scene.account.clock().advance(26 * MINUTE);
    let answer = store.state().get("k", None).await;
    let words = ["STS (web identity)", lenders.sts.endpoint(), "503"];
    refused(answer, "unavailable", &words);
    lenders.sts.forget_orders();
    works(&mut store).await;
    let refused = scene.gate.refused();
    assert!(refused.iter().all(|code| code == CLOCK));
}

#[tokio::test]
async fn failed_renewal_of_expired_credentials_names_the_source() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    lenders.sts.service().trust("another token");
    scene.expire_keys();
    let answer = store.state().set("k", b"v", None).await;
    let words = ["STS (web identity)", "InvalidIdentityToken"];
    refused(answer, "access-denied", &words);
    assert_eq!(scene.gate.refused(), ["ExpiredTokenException"]);
}

#[tokio::test]
async fn expired_static_keys_are_tried_once() {
    let (scene, lenders) = lending().await;
    for source in [Source::Metadata, Source::Environment] {
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let before = scene.gate.refused().len();
        scene.expire_keys();
        let answer = store.state().get("k", None).await;
        refused(answer, "access-denied", &["expired"]);
        assert_eq!(scene.gate.refused().len(), before + 1, "{source:?}");
    }
}

#[tokio::test]
async fn renewed_credentials_that_are_expired_fail_the_call() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    // From now on, the table treats all credentials that STS issues as expired.
    scene.account.expire_all(true);
    let answer = store.state().get("k", None).await;
    refused(answer, "access-denied", &["expired"]);
    assert_eq!(lenders.sts.count_all(), 2);
    assert_eq!(scene.gate.refused(), ["ExpiredTokenException"; 2]);
    scene.account.expire_all(false);
    works(&mut store).await;
}
