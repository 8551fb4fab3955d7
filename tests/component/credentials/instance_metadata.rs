//! EC2 instance metadata, version 2 only: a token, the role's name, then the role's credentials. If
//! a response has no credentials, the error names the source and the address.

use super::scene::{Guest, Lenders, Scene, Source, lending, refused};
use http::StatusCode;
use std::time::Duration;
use test_support::aws::instance_metadata::{CREDENTIALS, ROLE, TOKEN};
use test_support::faults::{Action, Delivery, Reply};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

pub fn on_an_instance(scene: &Scene, lenders: &Lenders) -> Guest {
    lenders.lend(Source::InstanceMetadata, scene.guest())
}

pub fn status(status: StatusCode) -> Action {
    Action::answer(Reply::text(status, "text/html", "<h1>no</h1>"))
}

pub fn text(text: &str) -> Action {
    Action::answer(Reply::text(StatusCode::OK, "text/plain", text))
}

#[tokio::test]
async fn token_is_fetched_once_before_role_and_credentials() {
    let (scene, lenders) = lending().await;
    on_an_instance(&scene, &lenders).works().await;
    let instance = &lenders.instance_metadata;
    let token = instance.asked(TOKEN);
    assert_eq!(
        token[0].headers["x-aws-ec2-metadata-token-ttl-seconds"],
        "21600"
    );
    assert_eq!(
        instance.asked(CREDENTIALS)[0].path,
        "/latest/meta-data/iam/security-credentials/a-role"
    );
    let counts = [TOKEN, ROLE, CREDENTIALS].map(|subject| instance.count(subject));
    assert_eq!(counts, [1, 1, 1]);
}

#[tokio::test]
async fn transient_failure_of_each_request_is_retried() {
    for subject in [TOKEN, ROLE, CREDENTIALS] {
        for fault in [
            status(StatusCode::SERVICE_UNAVAILABLE),
            status(StatusCode::INTERNAL_SERVER_ERROR),
            status(StatusCode::UNAUTHORIZED),
        ] {
            let (scene, lenders) = lending().await;
            lenders.instance_metadata.order(1, subject, fault);
            on_an_instance(&scene, &lenders).works().await;
            assert_eq!(lenders.instance_metadata.count(subject), 2, "{subject}");
        }
    }
}

#[tokio::test]
async fn each_request_has_its_own_second_attempt() {
    let (scene, lenders) = lending().await;
    for subject in [TOKEN, ROLE, CREDENTIALS] {
        let fault = status(StatusCode::SERVICE_UNAVAILABLE);
        lenders.instance_metadata.order(1, subject, fault);
    }
    on_an_instance(&scene, &lenders).works().await;
    let counts = [TOKEN, ROLE, CREDENTIALS].map(|subject| lenders.instance_metadata.count(subject));
    assert_eq!(counts, [2, 2, 2]);
}

#[tokio::test]
async fn instance_without_a_role_is_reported() {
    let (scene, lenders) = lending().await;
    lenders.instance_metadata.service().set_role(None);
    let answer = on_an_instance(&scene, &lenders).init().await;
    let words = ["no AWS credentials", "the instance has no role"];
    refused(answer, "invalid-configuration", &words);
    assert_eq!(lenders.instance_metadata.count(ROLE), 1);
}

/// The metadata service may be late to renew credentials, and AWS accepts such credentials.
#[tokio::test]
async fn expired_credentials_of_the_service_are_still_used() {
    let (scene, lenders) = lending().await;
    let mut key = scene.account.session("LATE", Duration::ZERO);
    let document = serde_json::json!({
        "Code": "Success",
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "Token": key.session_token,
        "Expiration": "2021-09-21T04:16:53Z",
    });
    key.expiry = None;
    scene.account.insert(key);
    lenders
        .instance_metadata
        .order_always(CREDENTIALS, text(&document.to_string()));
    on_an_instance(&scene, &lenders).works().await;
    assert_eq!(scene.signers(), ["LATE"]);
    assert_eq!(lenders.instance_metadata.count(CREDENTIALS), 1);
}

#[tokio::test]
async fn disabled_source_is_not_asked_in_any_spelling() {
    for disabled in ["true", "True", "TRUE"] {
        let (scene, lenders) = lending().await;
        let guest = on_an_instance(&scene, &lenders).env("AWS_EC2_METADATA_DISABLED", disabled);
        let answer = guest.init().await;
        refused(
            answer,
            "invalid-configuration",
            &["AWS_EC2_METADATA_DISABLED is set"],
        );
        assert_eq!(lenders.instance_metadata.count_all(), 0);
    }
}

#[tokio::test]
async fn endpoint_overrides_mode_and_invalid_ones_are_refused() {
    let (scene, lenders) = lending().await;
    let guest = on_an_instance(&scene, &lenders);
    guest.clone().env(MODE, "IPv6").works().await;
    let answer = guest.clone().env(ENDPOINT, "not a uri").init().await;
    refused(answer, "invalid-configuration", &[ENDPOINT]);
    let answer = guest
        .clone()
        .env(ENDPOINT, "")
        .env(MODE, "IPv7")
        .init()
        .await;
    refused(answer, "invalid-configuration", &[MODE, "`IPv6`"]);
}

/// The instance may not reach these addresses here. The error names the address that it would have
/// asked.
#[tokio::test]
async fn mode_selects_the_address_in_any_case() {
    let scene = Scene::new().await;
    let guest = scene.guest().env("AWS_EC2_METADATA_DISABLED", "false");
    for (mode, address) in [
        ("", "`169.254.169.254:80`"),
        ("IPv4", "`169.254.169.254:80`"),
        ("IPv6", "`[fd00:ec2::254]:80`"),
        ("ipV6", "`[fd00:ec2::254]:80`"),
    ] {
        let answer = guest.clone().env(MODE, mode).init().await;
        refused(answer, "invalid-configuration", &[address]);
    }
}

/// A response without credentials.
struct Refusal {
    question: &'static str,
    answer: Action,
    case: &'static str,
    words: &'static str,
    /// The number of times that the question is asked.
    times: usize,
}

fn refusals() -> Vec<Refusal> {
    let denied = |question, answer, words| Refusal {
        question,
        answer,
        case: "access-denied",
        words,
        times: 1,
    };
    let passing = |question, answer, words| Refusal {
        case: "unavailable",
        times: 2,
        ..denied(question, answer, words)
    };
    let odd = |question, answer| Refusal {
        times: 1,
        ..passing(
            question,
            text(answer),
            "not a valid response of instance metadata",
        )
    };
    let unauthorized =
        r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}"#;
    let half = r#"{"Code": "Success", "AccessKeyId": "A", "Secr"#;
    let no_credentials = "not a valid credentials document";
    let truncated = Action::deliver(Delivery::Truncated(20));
    vec![
        denied(TOKEN, status(StatusCode::FORBIDDEN), "403"),
        denied(TOKEN, status(StatusCode::BAD_REQUEST), "400"),
        denied(TOKEN, status(StatusCode::NOT_FOUND), "404"),
        passing(TOKEN, status(StatusCode::SERVICE_UNAVAILABLE), "503"),
        odd(TOKEN, "two lines\nof a page"),
        odd(TOKEN, ""),
        denied(ROLE, status(StatusCode::FORBIDDEN), "403"),
        passing(ROLE, status(StatusCode::BAD_GATEWAY), "502"),
        odd(ROLE, "../../other?a=1"),
        odd(ROLE, "<html> </html>"),
        denied(CREDENTIALS, status(StatusCode::NOT_FOUND), "404"),
        passing(
            CREDENTIALS,
            status(StatusCode::INTERNAL_SERVER_ERROR),
            "500",
        ),
        denied(
            CREDENTIALS,
            text(unauthorized),
            "EC2 cannot assume the role",
        ),
        passing(CREDENTIALS, text(half), no_credentials),
        passing(CREDENTIALS, text("garbage"), no_credentials),
        passing(CREDENTIALS, truncated, "the connection broke"),
        passing(TOKEN, Action::drop_request(), "the connection broke"),
    ]
}

#[tokio::test]
async fn each_failure_is_reported_with_source_and_address() {
    for refusal in refusals() {
        let Refusal {
            question, words, ..
        } = refusal;
        let (scene, lenders) = lending().await;
        let instance = &lenders.instance_metadata;
        instance.order_always(question, refusal.answer);
        let site = ["EC2 instance metadata", instance.endpoint(), words];
        let answer = on_an_instance(&scene, &lenders).init().await;
        refused(answer, refusal.case, &site);
        let times = instance.count(question);
        assert_eq!(times, refusal.times, "{question}: {words}");
    }
}

#[tokio::test]
async fn endpoint_that_never_responds_times_out_after_two_tries() {
    let (scene, lenders) = lending().await;
    let silent = Action::deliver(Delivery::Withheld);
    lenders.instance_metadata.order_always(TOKEN, silent);
    let answer = on_an_instance(&scene, &lenders).init().await;
    refused(answer, "timeout", &["EC2 instance metadata", "1000 ms"]);
    assert_eq!(lenders.instance_metadata.count(TOKEN), 2);
}
