//! What instance metadata may answer instead of credentials: where there is an answer, it is told with the source and the address.

use http::StatusCode;
use test_support::aws::instance_metadata::{CREDENTIALS, ROLE, TOKEN};
use test_support::faults::{Action, Delivery};

use super::instance_metadata::{on_an_instance, status, text};
use super::lenders::Lenders;
use super::scene::{Scene, refused};

/// The question, what is answered, the case that follows, words of its sentence, and how often it is asked.
fn answers() -> Vec<(&'static str, Action, &'static str, &'static str, usize)> {
    let unauthorized =
        r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}"#;
    let half = r#"{"Code": "Success", "AccessKeyId": "A", "Secr"#;
    vec![
        (
            TOKEN,
            status(StatusCode::FORBIDDEN),
            "access-denied",
            "403",
            1,
        ),
        (
            TOKEN,
            status(StatusCode::BAD_REQUEST),
            "access-denied",
            "400",
            1,
        ),
        (
            TOKEN,
            status(StatusCode::NOT_FOUND),
            "access-denied",
            "404",
            1,
        ),
        (
            TOKEN,
            status(StatusCode::SERVICE_UNAVAILABLE),
            "unavailable",
            "503",
            2,
        ),
        (
            TOKEN,
            text("two lines\nof a page"),
            "unavailable",
            "not that of instance metadata",
            1,
        ),
        (
            TOKEN,
            text(""),
            "unavailable",
            "not that of instance metadata",
            1,
        ),
        (
            ROLE,
            status(StatusCode::FORBIDDEN),
            "access-denied",
            "403",
            1,
        ),
        (
            ROLE,
            status(StatusCode::BAD_GATEWAY),
            "unavailable",
            "502",
            2,
        ),
        (
            ROLE,
            text("../../other?a=1"),
            "unavailable",
            "not that of instance metadata",
            1,
        ),
        (
            ROLE,
            text("<html> </html>"),
            "unavailable",
            "not that of instance metadata",
            1,
        ),
        (
            CREDENTIALS,
            status(StatusCode::NOT_FOUND),
            "access-denied",
            "404",
            1,
        ),
        (
            CREDENTIALS,
            status(StatusCode::INTERNAL_SERVER_ERROR),
            "unavailable",
            "500",
            2,
        ),
        (
            CREDENTIALS,
            text(unauthorized),
            "access-denied",
            "EC2 cannot assume the role",
            1,
        ),
        (
            CREDENTIALS,
            text(half),
            "unavailable",
            "is not one of credentials",
            2,
        ),
        (
            CREDENTIALS,
            text("garbage"),
            "unavailable",
            "is not one of credentials",
            2,
        ),
        (
            CREDENTIALS,
            Action::deliver(Delivery::Truncated(20)),
            "unavailable",
            "the connection broke",
            2,
        ),
        (
            TOKEN,
            Action::drop_request(),
            "unavailable",
            "the connection broke",
            2,
        ),
    ]
}

#[tokio::test]
async fn each_answer_that_gives_no_credentials_is_told_with_the_source_and_the_address() {
    for (subject, action, case, words, times) in answers() {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
        lenders.instance_metadata.order_always(subject, action);
        let site = [
            "EC2 instance metadata",
            lenders.instance_metadata.endpoint(),
            words,
        ];
        let answer = on_an_instance(&scene, &lenders).init().await;
        refused(answer, case, &site);
        assert_eq!(
            lenders.instance_metadata.count(subject),
            times,
            "{subject}: {words}"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_asked_twice_and_given_up() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let silent = Action::deliver(Delivery::Withheld);
    lenders.instance_metadata.order_always(TOKEN, silent);
    let answer = on_an_instance(&scene, &lenders).init().await;
    refused(answer, "timeout", &["EC2 instance metadata", "1000 ms"]);
    assert_eq!(lenders.instance_metadata.count(TOKEN), 2);
}
