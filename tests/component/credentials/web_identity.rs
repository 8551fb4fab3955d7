//! A web identity token is a file that somebody else replaces; STS takes it, unsigned, for the credentials of a role.

use std::fs;
use std::os::unix::fs::symlink;

use test_support::aws::sts::{Form, WITH_WEB_IDENTITY};

use super::lenders::{Lenders, ROLE, Source, lent, secret, write};
use super::scene::{Scene, refused, works};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

#[tokio::test]
async fn the_request_is_the_form_that_sts_documents_and_is_not_signed() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    guest
        .clone()
        .env("AWS_ROLE_SESSION_NAME", "a.name@b")
        .works()
        .await;
    guest.works().await;
    let asked = lenders.sts.asked(WITH_WEB_IDENTITY);
    let names = [
        "Action",
        "Version",
        "RoleArn",
        "RoleSessionName",
        "WebIdentityToken",
    ];
    for (request, session) in asked.iter().zip(["a.name@b", "DaprDefaultSession"]) {
        let form = Form::read(&request.body);
        assert_eq!(form.names(), names);
        assert_eq!(form.text("RoleArn"), ROLE);
        assert_eq!(form.text("RoleSessionName"), session);
        assert!(!request.headers.contains_key("authorization"));
    }
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn a_token_that_was_replaced_is_read_again_at_the_next_refresh() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.store().await;
    let next = secret("next-web-identity");
    lenders.sts.service().trust(&next);
    write(lenders.folder.path(), "web-identity-token", &next);
    expire(&scene);
    works(&mut store).await;
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 2);
}

/// Kubernetes replaces a directory's link, not the file.
#[tokio::test]
async fn a_token_behind_a_link_that_was_replaced_is_read_again() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let folder = lenders.folder.path();
    let (first, next) = (secret("first"), secret("next"));
    for (name, token) in [("..2026_1", &first), ("..2026_2", &next)] {
        fs::create_dir(folder.join(name)).unwrap();
        write(&folder.join(name), "token", token);
    }
    symlink("..2026_1", folder.join("..data")).unwrap();
    symlink("..data/token", folder.join("token")).unwrap();
    lenders.sts.service().trust(&first);
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let mut store = guest.env(TOKEN_FILE, &lent("token")).store().await;
    symlink("..2026_2", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    lenders.sts.service().trust(&next);
    expire(&scene);
    works(&mut store).await;
    assert_eq!(lenders.sts.count(WITH_WEB_IDENTITY), 2);
}

#[tokio::test]
async fn a_token_file_that_cannot_be_used_is_named_and_no_other_source_is_asked() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let folder = lenders.folder.path();
    let guest = lenders.lend(Source::WebIdentity, scene.guest());
    let guest = lenders.lend(Source::Container, guest);
    write(folder, "empty", "\n");
    fs::write(folder.join("binary"), [0xff, 0xfe]).unwrap();
    fs::write(folder.join("huge"), vec![b'a'; 20_001]).unwrap();
    fs::create_dir(folder.join("directory")).unwrap();
    symlink("/etc/hostname", folder.join("outside")).unwrap();
    for (path, why) in [
        (lent("missing"), "is not there"),
        (
            "/elsewhere/token".to_owned(),
            "in no directory that the host lends",
        ),
        (lent("empty"), "is empty"),
        (lent("binary"), "is no text"),
        (lent("huge"), "too large"),
        (lent("directory"), "cannot be read"),
        (lent("outside"), "does not let it read"),
    ] {
        let answer = guest.clone().env(TOKEN_FILE, &path).init().await;
        let words = [TOKEN_FILE, path.as_str(), why];
        refused(answer, "invalid-configuration", &words);
    }
    assert_eq!(lenders.sts.count_all() + lenders.container.count_all(), 0);
}

#[tokio::test]
async fn a_token_file_without_a_role_is_told_and_a_role_alone_is_none_of_its_business() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = scene.guest().env(TOKEN_FILE, &lent("web-identity-token"));
    refused(
        guest.init().await,
        "invalid-configuration",
        &[TOKEN_FILE, "AWS_ROLE_ARN"],
    );
    let guest = lenders.lend(Source::Container, scene.guest());
    guest.env("AWS_ROLE_ARN", ROLE).works().await;
}

fn expire(scene: &Scene) {
    for id in scene.gate.passed().into_keys() {
        scene.account.expire(&id);
    }
}
