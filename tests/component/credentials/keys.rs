//! Keys that are given as they are, in metadata or environment: whole pairs of one place, and what is half given is told.

use super::lenders::{Lenders, SOURCES, Source};
use super::scene::{Scene, refused};

#[tokio::test]
async fn a_temporary_key_goes_with_its_session_token() {
    for (id, secret, token) in [
        ("accessKey", "secretKey", "sessionToken"),
        ("awsAccessKey", "awsSecretKey", "awsSessionToken"),
    ] {
        let scene = Scene::new().await;
        let key = scene
            .account
            .session("", std::time::Duration::from_secs(3600));
        let token_text = key.session_token.as_deref().unwrap_or_default();
        let guest = scene
            .guest()
            .metadata(id, &key.id)
            .metadata(secret, &key.secret);
        refused(guest.init().await, "access-denied", &["is invalid"]);
        guest.metadata(token, token_text).works().await;
        assert_eq!(scene.gate.passed_of(&key.id), 3);
        assert_eq!(scene.gate.refused(), ["UnrecognizedClientException"]);

        let guest = scene.guest().env("AWS_ACCESS_KEY_ID", &key.id);
        let guest = guest.env("AWS_SECRET_ACCESS_KEY", &key.secret);
        guest.env("AWS_SESSION_TOKEN", token_text).works().await;
        assert_eq!(scene.gate.passed_of(&key.id), 6);
    }
}

#[tokio::test]
async fn half_a_pair_is_told_and_no_other_source_makes_it_whole() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let key = scene.account.user("");
    let others = SOURCES.into_iter().skip(2);
    let guest = others.fold(scene.guest(), |guest, other| lenders.lend(other, guest));
    let half = [
        (
            guest.clone().metadata("accessKey", &key.id),
            ["`accessKey`", "`secretKey`"],
        ),
        (
            guest.clone().metadata("secretKey", &key.secret),
            ["`accessKey`", "`secretKey`"],
        ),
        (
            guest.clone().env("AWS_ACCESS_KEY_ID", &key.id),
            ["`AWS_ACCESS_KEY_ID`", "`AWS_SECRET_ACCESS_KEY`"],
        ),
        (
            guest.clone().env("AWS_SECRET_ACCESS_KEY", &key.secret),
            ["`AWS_ACCESS_KEY_ID`", "`AWS_SECRET_ACCESS_KEY`"],
        ),
        // A key of one place, its secret in another.
        (
            lenders
                .lend(Source::Environment, guest)
                .metadata("accessKey", &key.id),
            ["`accessKey`", "`secretKey`"],
        ),
    ];
    for (guest, words) in half {
        refused(guest.init().await, "invalid-configuration", &words);
    }
    assert!(scene.gate.passed().is_empty());
}

#[tokio::test]
async fn an_empty_key_is_no_key_and_the_next_source_is_asked() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::SharedFiles, scene.guest());
    let guest = guest.metadata("accessKey", "").metadata("secretKey", "");
    let guest = guest
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    guest.works().await;
    assert_eq!(scene.signers(), ["FILES"]);
}

#[tokio::test]
async fn a_wrong_secret_is_denied_by_the_table_and_told_by_nobody() {
    let scene = Scene::new().await;
    let key = scene.account.user("");
    let guest = scene.guest().metadata("accessKey", &key.id);
    let guest = guest.metadata("secretKey", &format!("{}-not", key.secret));
    refused(guest.init().await, "access-denied", &["signature"]);
    assert_eq!(scene.gate.refused(), ["InvalidSignatureException"]);
}
