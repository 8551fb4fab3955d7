//! Credentials are fetched again before they expire, once for all calls. Nobody waits for that here: AWS's clock is set ahead,
//! and an instance whose signature is refused for the time reckons with AWS's from then on.

use std::time::Duration;

use dapr_wasm_host::types::{Concurrency, SetOptions, SetRequest};
use test_support::aws::sts::{ASSUME_ROLE, WITH_WEB_IDENTITY};

use super::lenders::{Lenders, ROLE, Source};
use super::scene::{Scene, works};

const MINUTE: Duration = Duration::from_secs(60);

/// What DynamoDB says where a clock is off.
const CLOCK: &str = "InvalidSignatureException";

#[tokio::test]
async fn credentials_are_fetched_again_before_they_expire() {
    for source in [
        Source::WebIdentity,
        Source::Container,
        Source::InstanceMetadata,
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        // Of an hour, the last quarter less jitter is left: too early in any case.
        scene.account.clock().advance(44 * MINUTE);
        works(&mut store).await;
        assert_eq!(lenders.asked(source), asked, "{source:?}");
        // And now late in any case, with four minutes left.
        scene.account.clock().advance(12 * MINUTE);
        works(&mut store).await;
        assert_eq!(lenders.asked(source), 2 * asked, "{source:?}");
        assert_eq!(scene.gate.refused(), [CLOCK, CLOCK], "{source:?}");
        assert_eq!(scene.gate.passed().len(), 2, "{source:?}");
    }
}

#[tokio::test]
async fn a_role_is_assumed_again_with_credentials_that_are_asked_for_again() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.reaching_sts(lenders.lend(Source::Container, scene.guest()));
    let mut store = guest.metadata("assumeRoleArn", ROLE).store().await;
    for id in scene.gate.passed().into_keys() {
        scene.account.expire(&id);
    }
    works(&mut store).await;
    let by = lenders.sts.asked(ASSUME_ROLE);
    let mut by: Vec<_> = by.iter().map(|asked| asked.access_key()).collect();
    by.dedup();
    assert_eq!(by.len(), 2, "the agent's first key was used for both");
    assert_eq!(scene.gate.passed().len(), 2);
}

#[tokio::test]
async fn what_the_table_calls_expired_is_renewed_once_and_the_call_succeeds() {
    for source in [
        Source::WebIdentity,
        Source::Container,
        Source::InstanceMetadata,
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let asked = lenders.asked(source);
        for id in scene.gate.passed().into_keys() {
            scene.account.expire(&id);
        }
        works(&mut store).await;
        assert_eq!(lenders.asked(source), 2 * asked, "{source:?}");
        assert_eq!(
            scene.gate.refused(),
            ["ExpiredTokenException"],
            "{source:?}"
        );
    }
}

/// Requests that are conditional go out one by one, several at a time.
fn conditional_writes(many: usize) -> Vec<SetRequest> {
    let write = |number| SetRequest {
        key: format!("k{number}"),
        value: b"v".to_vec(),
        options: Some(SetOptions {
            etag: None,
            concurrency: Some(Concurrency::FirstWrite),
            ttl: None,
            content_type: None,
        }),
    };
    (0..many).map(write).collect()
}

#[tokio::test]
async fn requests_that_go_out_together_make_one_fetch() {
    for source in [
        Source::WebIdentity,
        Source::Container,
        Source::InstanceMetadata,
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        // Configured by its environment: the first requests are those of the call.
        let guest = lenders.lend(source, scene.guest_of_environment());
        let mut store = guest.blank().await;
        let written = store.state().bulk_set(&conditional_writes(40)).await;
        assert!(written.expect("a bulk call").iter().all(Result::is_ok));
        let asked = lenders.asked(source);
        assert_eq!(
            asked,
            if source == Source::InstanceMetadata {
                3
            } else {
                1
            }
        );

        for id in scene.gate.passed().into_keys() {
            scene.account.expire(&id);
        }
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
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    for _ in 0..3 {
        guest.works().await;
    }
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 3);
    assert_eq!(scene.gate.passed().len(), 3);
}
