//! The credentials endpoint of a container's agent: the request to it, its responses, and the hosts
//! that may be asked over plain http. If a response has no credentials, the error names the source
//! and the address, and no other source is asked.

use super::scene::{Guest, Scene, Source, lending, lent, refused, secret, works, write};
use http::StatusCode;
use std::time::Duration;
use test_support::aws::container::{self, CREDENTIALS};
use test_support::aws::{Container, StandIn};
use test_support::faults::{Action, Delivery, Reply};

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Starts ECS's agent, which requires no token. Its path has a query.
fn ecs(scene: &Scene) -> (StandIn<Container>, Guest) {
    let agent = StandIn::start(Container::ecs(&scene.account)).expect("the agent starts");
    let uri = format!("{}{}", agent.endpoint(), agent.service().path());
    let guest = scene.guest().env(FULL_URI, &uri).reaching(agent.endpoint());
    (agent, guest)
}

#[tokio::test]
async fn request_has_path_and_query_and_accepts_json() {
    let scene = Scene::new().await;
    let (agent, guest) = ecs(&scene);
    guest.works().await;
    let asked = agent.asked(CREDENTIALS);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/v2/credentials/7a1c6c5e?container=1");
    assert_eq!(asked[0].headers["accept"], "application/json");
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn localhost_may_be_asked_over_plain_http() {
    let scene = Scene::new().await;
    let (agent, guest) = ecs(&scene);
    let by_name = agent.endpoint().replace("127.0.0.1", "localhost");
    let uri = format!("{by_name}{}", agent.service().path());
    guest.env(FULL_URI, &uri).reaching(&by_name).works().await;
}

#[tokio::test]
async fn token_is_sent_unchanged_and_token_file_overrides_it() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    guest.clone().env(TOKEN, &secret("other")).works().await;
    let guest = guest.env(TOKEN_FILE, "");
    guest
        .clone()
        .env(TOKEN, &secret("authorization"))
        .works()
        .await;
    let answer = guest.env(TOKEN, &secret("other")).init().await;
    refused(answer, "access-denied", &["AccessDeniedException"]);
}

#[tokio::test]
async fn replaced_token_file_is_read_again() {
    let (scene, lenders) = lending().await;
    let mut store = lenders.lend(Source::Container, scene.guest()).store().await;
    let next = secret("next-authorization");
    lenders.container.service().set_authorization(&next);
    write(lenders.folder.path(), "authorization-token", &next);
    scene.expire_keys();
    works(&mut store).await;
    assert_eq!(lenders.container.count(CREDENTIALS), 2);
}

#[tokio::test]
async fn invalid_token_is_refused_without_a_request() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    for text in [
        secret("a\nx-b: c"),
        format!("{}\n", secret("end")),
        secret("\u{e9}"),
    ] {
        write(lenders.folder.path(), "odd", &text);
        let by_file = guest.clone().env(TOKEN_FILE, &lent("odd")).init().await;
        refused(by_file, "invalid-configuration", &[TOKEN_FILE]);
        let by_value = guest
            .clone()
            .env(TOKEN_FILE, "")
            .env(TOKEN, &text)
            .init()
            .await;
        refused(by_value, "invalid-configuration", &[TOKEN]);
    }
    let missing = guest.env(TOKEN_FILE, &lent("missing")).init().await;
    refused(
        missing,
        "invalid-configuration",
        &[TOKEN_FILE, "does not exist"],
    );
    assert_eq!(lenders.container.count_all(), 0);
}

#[tokio::test]
async fn uri_of_another_machine_is_refused_over_plain_http() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    let plain = "over plain http";
    for (uri, why) in [
        ("/credentials", "not a URL"),
        ("http://192.168.10.120/credentials", plain),
        ("http://169.254.171.23/credentials", plain),
        ("http://[fd00:ec2::2]/credentials", plain),
        ("http://example.com/credentials", plain),
        ("http://127.0.0.1.example.com/credentials", plain),
        ("http://user@127.0.0.1/credentials", "user name"),
        (
            "ftp://127.0.0.1/credentials",
            "neither `http://` nor `https://`",
        ),
        ("not a uri", "not a URL"),
    ] {
        let answer = guest.clone().env(FULL_URI, uri).init().await;
        refused(answer, "invalid-configuration", &[FULL_URI, why]);
    }
    assert_eq!(lenders.container.count_all(), 0);
}

/// The host of a relative URI is 169.254.170.2, which the instance may not reach here. The error
/// names the address that it would have asked.
#[tokio::test]
async fn relative_uri_goes_to_the_address_of_ecs() {
    let scene = Scene::new().await;
    let (agent, guest) = ecs(&scene);
    let answer = guest.env(RELATIVE_URI, "/credentials?a=1").init().await;
    refused(
        answer,
        "access-denied",
        &["container credentials", "`169.254.170.2:80`"],
    );
    assert_eq!(agent.count_all(), 0);
}

#[tokio::test]
async fn member_case_is_ignored_and_expired_keys_are_refused() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    let key = scene.account.session("ODD", Duration::from_secs(3600));
    let document = serde_json::json!({
        "accesskeyid": key.id,
        "SECRETACCESSKEY": key.secret,
        "token": key.session_token,
        "Other": { "AccessKeyId": "inner" },
    });
    let reply = Reply::text(StatusCode::OK, "text/plain", &document.to_string());
    lenders
        .container
        .order(1, CREDENTIALS, Action::answer(reply));
    guest.works().await;
    assert_eq!(scene.signers(), ["ODD"]);
    lenders.container.service().set_lifetime(Duration::ZERO);
    refused(guest.init().await, "unavailable", &["already expired"]);
}

/// Returns responses of the agent. Each comes with the case of the resulting error, words of its
/// sentence, and the number of times that the agent is asked.
fn answers() -> Vec<(Action, &'static str, &'static str, usize)> {
    let status = |status| Action::answer(Reply::text(status, "text/plain", "no"));
    let json = |text| Action::answer(Reply::text(StatusCode::OK, "application/json", text));
    let words = |status| Action::answer(container::refusal(status, "ItsCode", "its words"));
    let denied = |action, words| (action, "access-denied", words, 1);
    let passing = |action, words| (action, "unavailable", words, 3);
    let bad = "not a valid credentials document";
    let soon =
        r#"{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "soon"}"#;
    let truncated = Action::deliver(Delivery::Truncated(20));
    vec![
        denied(words(StatusCode::BAD_REQUEST), "its words (ItsCode)"),
        denied(words(StatusCode::FORBIDDEN), "403"),
        denied(words(StatusCode::OK), "its words (ItsCode)"),
        denied(status(StatusCode::NOT_FOUND), "404, no"),
        passing(status(StatusCode::INTERNAL_SERVER_ERROR), "500"),
        passing(json("not json"), bad),
        passing(json("[1, 2, 3]"), bad),
        passing(json(r#"{"AccessKeyId": "A", "Secret"#), bad),
        passing(json(r#"{"SecretAccessKey": "S", "Token": "T"}"#), bad),
        passing(json(soon), "Expiration"),
        passing(truncated, "the connection broke"),
        passing(Action::drop_request(), "the connection broke"),
    ]
}

#[tokio::test]
async fn each_failure_is_reported_and_transient_ones_are_retried() {
    for (action, case, words, times) in answers() {
        let (scene, lenders) = lending().await;
        let guest = lenders.lend(Source::Container, scene.guest());
        let guest = lenders.lend(Source::InstanceMetadata, guest);
        lenders.container.order_always(CREDENTIALS, action);
        let site = ["container credentials", lenders.container.endpoint(), words];
        refused(guest.init().await, case, &site);
        assert_eq!(lenders.container.count(CREDENTIALS), times, "{words}");
        assert_eq!(lenders.asked(Source::InstanceMetadata), 0);

        lenders.container.forget_orders();
        guest.works().await;
    }
}

#[tokio::test]
async fn agent_that_never_responds_times_out() {
    let (scene, lenders) = lending().await;
    let guest = lenders.lend(Source::Container, scene.guest());
    let guest = guest
        .metadata("maxAttempts", "1")
        .metadata("requestTimeout", "300ms");
    lenders
        .container
        .order_always(CREDENTIALS, Action::deliver(Delivery::Withheld));
    refused(guest.init().await, "timeout", &["credentials"]);
}
