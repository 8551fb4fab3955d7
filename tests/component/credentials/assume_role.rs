//! `assumeRoleArn` and the fields that go with it, as STS gets them.

use test_support::aws::sts::{ASSUME_ROLE, Form};

use super::lenders::{Lenders, ROLE, Source};
use super::scene::{Guest, Scene, refused};

async fn asked_with(more: impl FnOnce(Guest) -> Guest) -> Form {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::Metadata, scene.guest());
    let guest = lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE);
    more(guest).works().await;
    let asked = lenders.sts.asked(ASSUME_ROLE);
    assert_eq!(asked.len(), 1);
    Form::read(&asked[0].body)
}

#[tokio::test]
async fn the_session_has_daprs_name_unless_another_is_given_under_either_name() {
    let form = asked_with(|guest| guest).await;
    assert_eq!(
        form.names(),
        ["Action", "Version", "RoleArn", "RoleSessionName"]
    );
    assert_eq!(form.text("RoleArn"), ROLE);
    assert_eq!(form.text("RoleSessionName"), "DaprDefaultSession");
    for name in ["sessionName", "assumeRoleSessionName"] {
        let form = asked_with(|guest| guest.metadata(name, "my=session")).await;
        assert_eq!(form.text("RoleSessionName"), "my=session", "{name}");
    }
}

#[tokio::test]
async fn an_external_id_arrives_with_every_character_that_it_may_have() {
    let external_id = "_+=,.@:/-aZ09";
    let form = asked_with(|guest| guest.metadata("externalId", external_id)).await;
    assert_eq!(form.text("ExternalId"), external_id);
}

#[tokio::test]
async fn sts_is_where_its_own_variable_says_or_else_that_of_all_services() {
    for has_its_own in [false, true] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        let endpoint = lenders.sts.endpoint();
        let guest = lenders.lend(Source::Metadata, scene.guest());
        let guest = guest.metadata("assumeRoleArn", ROLE).reaching(endpoint);
        let guest = match has_its_own {
            true => guest
                .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
                .env("AWS_ENDPOINT_URL_STS", endpoint),
            false => guest.env("AWS_ENDPOINT_URL", endpoint),
        };
        guest.works().await;
        assert_eq!(lenders.sts.count(ASSUME_ROLE), 1);
    }
}

#[tokio::test]
async fn a_role_that_has_no_credentials_to_be_assumed_with_says_what_was_tried() {
    let scene = Scene::new().await;
    let guest = scene.guest().metadata("assumeRoleArn", ROLE);
    let words = ["accessKey", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn a_name_or_an_external_id_without_a_role_is_told() {
    let scene = Scene::new().await;
    for name in ["sessionName", "assumeRoleSessionName", "externalId"] {
        let guest = scene.guest().metadata(name, "a-name");
        let words = [name, "assumeRoleArn"];
        refused(guest.init().await, "invalid-configuration", &words);
    }
}

#[tokio::test]
async fn iam_roles_anywhere_is_said_not_to_be_supported() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::Metadata, scene.guest());
    for name in ["trustAnchorArn", "trustProfileArn"] {
        let guest = guest
            .clone()
            .metadata(name, "arn:aws:rolesanywhere:eu-central-1:123456789012:x");
        let words = [name, "IAM Roles Anywhere", "not supported"];
        refused(guest.init().await, "invalid-configuration", &words);
    }
}

#[tokio::test]
async fn what_sts_says_of_a_bad_role_reaches_the_caller() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::Metadata, scene.guest());
    let guest = lenders
        .reaching_sts(guest)
        .metadata("assumeRoleArn", "a-role");
    let words = ["ValidationError", "RoleArn is no role's"];
    refused(guest.init().await, "invalid-configuration", &words);
}

#[tokio::test]
async fn the_wrong_secret_is_refused_by_sts_and_told_by_nobody() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let key = scene.account.user("");
    let guest = scene.guest().metadata("accessKey", &key.id);
    let guest = guest.metadata("secretKey", &format!("{}-not", key.secret));
    let guest = lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE);
    refused(
        guest.init().await,
        "access-denied",
        &["SignatureDoesNotMatch"],
    );
}
