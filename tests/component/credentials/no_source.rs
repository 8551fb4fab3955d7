//! Where there are no credentials at all, the error lists what was tried and what would have helped.

use super::scene::{Scene, refused};

const TRIED: [&str; 7] = [
    "no AWS credentials",
    "`accessKey`",
    "AWS_ACCESS_KEY_ID",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_DISABLED",
];

#[tokio::test]
async fn the_error_of_every_call_lists_all_sources() {
    let scene = Scene::new().await;
    let guest = scene.guest();
    let mut store = guest.blank().await;
    let answer = store.state().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.binding().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &TRIED);
    // Configured by the environment, it is the call itself that looks for them.
    let mut store = scene.guest_of_environment().blank().await;
    let answer = store.state().get("k", None).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.state().set("k", b"v", None).await;
    refused(answer, "invalid-configuration", &TRIED);
    let answer = store.binding().ping().await;
    refused(answer, "invalid-configuration", &TRIED);
    assert!(
        scene.gate.refused().is_empty(),
        "an unsigned request was sent"
    );
}

#[tokio::test]
async fn where_instance_metadata_is_not_reachable_the_list_says_what_to_allow() {
    let scene = Scene::new().await;
    let guest = scene.guest().env("AWS_EC2_METADATA_DISABLED", "");
    let words = ["no AWS credentials", "`169.254.169.254:80`", "allow-list"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn credentials_that_come_later_are_found_by_the_next_call() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let guest = scene
        .guest()
        .lend(folder.path())
        .env("HOME", super::scene::LENT);
    let mut store = guest.blank().await;
    let answer = store.state().init(guest.metadata_fields()).await;
    refused(answer, "invalid-configuration", &["no AWS credentials"]);
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    let key = scene.account.user("FILES");
    let text = super::lenders::section("default", &key);
    super::lenders::write(&folder.path().join(".aws"), "credentials", &text);
    store
        .state()
        .init(guest.metadata_fields())
        .await
        .expect("init succeeds");
    assert_eq!(scene.signers(), ["FILES"]);
}
