//! What STS may answer instead of credentials: each is told with the source, the address and STS's own words, and a secret that
//! STS repeats is not.

use http::StatusCode;
use std::time::Duration;
use test_support::aws::sts::{ASSUME_ROLE, WITH_WEB_IDENTITY, refusal};
use test_support::faults::{Action, Delivery, Reply};

use super::lenders::{Lenders, ROLE, Source, secret};
use super::scene::{Guest, Scene, refused};

/// A role for the keys of the environment.
fn over_keys(scene: &Scene, lenders: &Lenders) -> Guest {
    let guest = lenders.lend(Source::Environment, scene.guest());
    lenders.reaching_sts(guest).metadata("assumeRoleArn", ROLE)
}

fn with_a_token(scene: &Scene, lenders: &Lenders) -> Guest {
    lenders.lend(Source::WebIdentity, scene.guest())
}

fn xml(text: &str) -> Action {
    Action::answer(Reply::text(StatusCode::OK, "text/xml", text))
}

fn error(status: u16, code: &str, message: &str) -> Action {
    let status = StatusCode::from_u16(status).expect("a status");
    Action::answer(refusal(status, code, message))
}

fn empty(status: StatusCode) -> Action {
    Action::answer(Reply::text(status, "text/xml", ""))
}

/// What it answers, the case that follows, and words of its sentence.
fn answers() -> Vec<(Action, &'static str, &'static [&'static str])> {
    let denied = "User is not authorized to perform: sts:AssumeRole";
    vec![
        (
            error(403, "AccessDenied", denied),
            "access-denied",
            &["AccessDenied", "not authorized"],
        ),
        (
            error(400, "InvalidIdentityToken", "No provider"),
            "access-denied",
            &["No provider"],
        ),
        (
            error(400, "ExpiredTokenException", "Token expired"),
            "access-denied",
            &["Token expired"],
        ),
        (
            error(403, "RegionDisabledException", "off"),
            "invalid-configuration",
            &["RegionDisabled"],
        ),
        (
            error(400, "ValidationError", "no ARN"),
            "invalid-configuration",
            &["no ARN"],
        ),
        (
            error(400, "IDPCommunicationError", "no keys"),
            "unavailable",
            &["no keys"],
        ),
        (
            error(400, "Throttling", "Rate exceeded"),
            "throttled",
            &["Rate exceeded"],
        ),
        (
            error(500, "InternalFailure", "oh"),
            "unavailable",
            &["InternalFailure", "500"],
        ),
        (
            empty(StatusCode::SERVICE_UNAVAILABLE),
            "unavailable",
            &["503"],
        ),
        (empty(StatusCode::OK), "unavailable", &["not that of STS"]),
        (
            Action::answer(Reply::html(StatusCode::FORBIDDEN)),
            "unavailable",
            &["403", "not that of STS"],
        ),
        (
            xml("{\"AccessKeyId\": \"A\"}"),
            "unavailable",
            &["not that of STS"],
        ),
        (
            xml("<AssumeRoleResponse><AssumeRoleResult><Credentials>"),
            "unavailable",
            &["not that of STS"],
        ),
        (
            xml(
                "<R><S><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken></Credentials></S></R>",
            ),
            "unavailable",
            &["expiration"],
        ),
        (
            xml(
                "<R><S><Credentials><AccessKeyId>A</AccessKeyId><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></S></R>",
            ),
            "unavailable",
            &["incomplete"],
        ),
        (
            xml(&"<a>".repeat(100_000)),
            "unavailable",
            &["300000 bytes"],
        ),
        (
            Action::deliver(Delivery::Truncated(300)),
            "unavailable",
            &[],
        ),
        (Action::drop_request(), "unavailable", &[]),
        (Action::deliver(Delivery::Withheld), "timeout", &["300 ms"]),
    ]
}

#[tokio::test]
async fn each_answer_that_gives_no_credentials_is_told_with_the_source_and_the_address() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let short = |guest: Guest| {
        guest
            .metadata("maxAttempts", "1")
            .metadata("requestTimeout", "300ms")
    };
    for (subject, guest, source) in [
        (
            WITH_WEB_IDENTITY,
            with_a_token(&scene, &lenders),
            "STS (web identity)",
        ),
        (
            ASSUME_ROLE,
            over_keys(&scene, &lenders),
            "STS (`assumeRoleArn`)",
        ),
    ] {
        let guest = short(guest);
        for (action, case, words) in answers() {
            let mut store = guest.blank().await;
            lenders.sts.order(1, subject, action);
            let answer = store.state().init(guest.metadata_fields()).await;
            let mut words = words.to_vec();
            words.extend([source, lenders.sts.endpoint()]);
            refused(answer, case, &words);
        }
    }
    assert!(scene.gate.passed().is_empty());
    assert!(scene.gate.refused().is_empty());
}

#[tokio::test]
async fn what_passes_is_tried_again_within_the_attempts_that_are_configured() {
    for (refusal, attempts) in [
        (empty(StatusCode::SERVICE_UNAVAILABLE), 2),
        (error(400, "IDPCommunicationError", "no keys"), 2),
        (Action::drop_request(), 2),
    ] {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        lenders.sts.order(1, WITH_WEB_IDENTITY, refusal.clone());
        with_a_token(&scene, &lenders).works().await;
        assert_eq!(lenders.sts.count_all(), attempts);
    }
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    lenders
        .sts
        .order_always(WITH_WEB_IDENTITY, empty(StatusCode::BAD_GATEWAY));
    let guest = with_a_token(&scene, &lenders).metadata("maxAttempts", "3");
    refused(guest.init().await, "unavailable", &["502"]);
    assert_eq!(lenders.sts.count_all(), 3);
}

#[tokio::test]
async fn what_sts_refuses_for_good_is_asked_once() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let denied = error(403, "AccessDenied", "no");
    lenders.sts.order_always(ASSUME_ROLE, denied);
    refused(
        over_keys(&scene, &lenders).init().await,
        "access-denied",
        &[],
    );
    assert_eq!(lenders.sts.count_all(), 1);
}

#[tokio::test]
async fn a_secret_that_sts_repeats_is_not_told() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let token = secret("web-identity");
    let repeated = error(400, "InvalidIdentityToken", &format!("Bad token: {token}"));
    lenders.sts.order_always(WITH_WEB_IDENTITY, repeated);
    let answer = with_a_token(&scene, &lenders).init().await;
    refused(answer, "access-denied", &["Bad token: ***"]);
}

#[tokio::test]
async fn credentials_that_have_expired_when_they_come_are_no_credentials() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    lenders.sts.service().set_lifetime(Duration::ZERO);
    let answer = with_a_token(&scene, &lenders).init().await;
    refused(answer, "unavailable", &["expired already"]);
    assert!(scene.gate.refused().is_empty());
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_set_by_stss_answer() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    scene.account.clock().advance(Duration::from_secs(1800));
    over_keys(&scene, &lenders).works().await;
    assert_eq!(lenders.sts.count(ASSUME_ROLE), 2);
}
