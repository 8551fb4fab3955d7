//! What a container's agent may answer instead of credentials: each is told with the source and the address, and no other source
//! is asked.

use http::StatusCode;
use test_support::aws::container::{self, CREDENTIALS};
use test_support::faults::{Action, Delivery, Reply};

use super::lenders::{Lenders, Source};
use super::scene::{Scene, refused};

/// What the agent answers, the case that follows, words of its sentence, and how often it is asked.
fn answers() -> Vec<(Action, &'static str, &'static str, usize)> {
    let status = |status| Action::answer(Reply::text(status, "text/plain", "no"));
    let json = |text| Action::answer(Reply::text(StatusCode::OK, "application/json", text));
    let words = |status| Action::answer(container::refusal(status, "ItsCode", "its words"));
    let bad = "is not one of credentials";
    vec![
        (
            words(StatusCode::BAD_REQUEST),
            "access-denied",
            "its words (ItsCode)",
            1,
        ),
        (words(StatusCode::FORBIDDEN), "access-denied", "403", 1),
        (
            words(StatusCode::OK),
            "access-denied",
            "its words (ItsCode)",
            1,
        ),
        (status(StatusCode::NOT_FOUND), "access-denied", "404, no", 1),
        (
            status(StatusCode::INTERNAL_SERVER_ERROR),
            "unavailable",
            "500",
            3,
        ),
        (json("not json"), "unavailable", bad, 3),
        (json("[1, 2, 3]"), "unavailable", bad, 3),
        (
            json("{\"AccessKeyId\": \"A\", \"Secret"),
            "unavailable",
            bad,
            3,
        ),
        (
            json("{\"SecretAccessKey\": \"S\", \"Token\": \"T\"}"),
            "unavailable",
            bad,
            3,
        ),
        (
            json(
                "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"S\", \"Token\": \"T\", \"Expiration\": \"soon\"}",
            ),
            "unavailable",
            "Expiration",
            3,
        ),
        (
            Action::deliver(Delivery::Truncated(20)),
            "unavailable",
            "the connection broke",
            3,
        ),
        (
            Action::drop_request(),
            "unavailable",
            "the connection broke",
            3,
        ),
    ]
}

#[tokio::test]
async fn each_answer_that_gives_no_credentials_is_told_and_what_may_pass_is_asked_again() {
    for (action, case, words, times) in answers() {
        let scene = Scene::new().await;
        let lenders = Lenders::of(&scene);
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
async fn an_agent_that_never_answers_is_given_up_within_the_time_of_the_call() {
    let scene = Scene::new().await;
    let lenders = Lenders::of(&scene);
    let guest = lenders.lend(Source::Container, scene.guest());
    let guest = guest
        .metadata("maxAttempts", "1")
        .metadata("requestTimeout", "300ms");
    lenders
        .container
        .order_always(CREDENTIALS, Action::deliver(Delivery::Withheld));
    refused(guest.init().await, "timeout", &["credentials"]);
}
