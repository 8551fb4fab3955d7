//! A fetch that fails while the old credentials are good fails no call, delays one by at most 3 s, and is not repeated at
//! every call; past that, its error is the call's.

use std::time::Duration;

use http::StatusCode;
use test_support::aws::sts::WITH_WEB_IDENTITY;
use test_support::faults::{Action, Reply};

use super::lenders::{Lenders, Source};
use super::scene::{Scene, refused, works};
use crate::fixture::Store;

const MINUTE: Duration = Duration::from_secs(60);

/// An instance whose credentials of six hours are due to be fetched again, and STS is down.
async fn due_while_sts_is_down() -> (Scene, Lenders, Store) {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
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
async fn the_old_credentials_serve_on_and_the_source_is_left_alone_for_a_while() {
    let (scene, lenders, mut store) = due_while_sts_is_down().await;
    works(&mut store).await;
    // Once in vain, with the attempts that are configured.
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
async fn past_the_expiry_the_failure_of_the_source_is_that_of_the_call() {
    let (scene, lenders, mut store) = due_while_sts_is_down().await;
    works(&mut store).await;
    scene.account.clock().advance(26 * MINUTE);
    let answer = store.state().get("k", None).await;
    let words = ["STS (web identity)", lenders.sts.endpoint(), "503"];
    refused(answer, "unavailable", &words);
    lenders.sts.forget_orders();
    works(&mut store).await;
    assert!(
        scene
            .gate
            .refused()
            .iter()
            .all(|code| code == "InvalidSignatureException")
    );
}

#[tokio::test]
async fn credentials_that_are_called_expired_and_cannot_be_renewed_fail_with_the_sources_words() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    lenders.sts.service().trust("another token");
    for id in scene.gate.passed().into_keys() {
        scene.account.expire(&id);
    }
    let answer = store.state().set("k", b"v", None).await;
    let words = ["STS (web identity)", "InvalidIdentityToken"];
    refused(answer, "access-denied", &words);
    assert_eq!(scene.gate.refused(), ["ExpiredTokenException"]);
}

#[tokio::test]
async fn keys_that_have_expired_and_are_all_there_is_are_tried_once() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    for source in [Source::Metadata, Source::Environment] {
        let mut store = lenders.lend(source, scene.guest()).store().await;
        let before = scene.gate.refused().len();
        for id in scene.gate.passed().into_keys() {
            scene.account.expire(&id);
        }
        let answer = store.state().get("k", None).await;
        refused(answer, "access-denied", &["expired"]);
        assert_eq!(scene.gate.refused().len(), before + 1, "{source:?}");
    }
}

#[tokio::test]
async fn renewed_credentials_that_are_expired_as_well_are_the_end_of_the_call() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    // Whatever STS gives from now on, the table takes for expired.
    scene.account.expire_all(true);
    refused(
        store.state().get("k", None).await,
        "access-denied",
        &["expired"],
    );
    assert_eq!(lenders.sts.count_all(), 2);
    assert_eq!(scene.gate.refused(), ["ExpiredTokenException"; 2]);
    scene.account.expire_all(false);
    works(&mut store).await;
}
