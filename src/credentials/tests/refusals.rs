//! Tests of refusals by sources, as servers and proxies send them: for load, for a server fault,
//! in plain text.

use super::expiry::{CONTAINER, lent};
use super::stage::{drawing, signer, signers_of};
use super::sts::{CREDENTIALS, assumed};
use crate::error::Error;
use crate::http::Response;
use crate::test_support::{Scene, Sent, answer, html};
use std::cell::Cell;
use std::time::Duration;

const METADATA: &[(&str, &str)] = &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")];

const TOKEN: &str = "authorization-c4n4ry";

const WITH_TOKEN: &[(&str, &str)] = &[CONTAINER[0], ("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN)];

const KEYS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AKIDBASE"),
    ("AWS_SECRET_ACCESS_KEY", "base-secret-c4n4ry"),
];

/// Returns credentials in the format of each source.
fn given(sent: &Sent) -> Scene {
    if sent.method == "POST" {
        return answer(200, &assumed(CREDENTIALS)).into();
    }
    if sent.method == "PUT" {
        return answer(200, "metadata-token-c4n4ry").into();
    }
    match sent.url.ends_with("security-credentials/") {
        true => answer(200, "role").into(),
        false => lent(1, Duration::from_secs(3_600)),
    }
}

/// Fetches credentials from a source that responds to the first `refusals` requests with
/// `first`. Returns the outcome and the number of requests.
async fn asked(source: &Source, first: Response, refusals: usize) -> (Result<(), Error>, usize) {
    let count = Cell::new(0);
    // The random number of the longest wait.
    let stage = drawing(u64::MAX, move |sent| {
        count.set(count.get() + 1);
        if count.get() <= refusals {
            first.clone().into()
        } else {
            given(sent)
        }
    });
    let signers = signers_of(&stage, source.metadata, source.environment);
    let signer = signer(&stage, &signers).await;
    let outcome = signer.map(drop).map_err(Error::redacted);
    (outcome, stage.sent().len())
}

/// A source that responds over HTTP.
struct Source {
    metadata: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
    /// The maximum number of attempts.
    attempts: usize,
    /// The number of requests of a successful fetch.
    requests: usize,
}

const SOURCES: &[Source] = &[
    Source {
        metadata: &[],
        environment: CONTAINER,
        attempts: 3,
        requests: 1,
    },
    Source {
        metadata: &[],
        environment: METADATA,
        attempts: 2,
        requests: 3,
    },
    Source {
        metadata: &[("assumeRoleArn", "arn")],
        environment: KEYS,
        attempts: 4,
        requests: 1,
    },
];

#[tokio::test(start_paused = true)]
async fn refusal_for_load_or_a_server_fault_is_retried() {
    for source in SOURCES {
        for response in [
            answer(429, "Too Many Requests"),
            html(429),
            answer(500, ""),
            answer(501, "later"),
            html(520),
        ] {
            let refusals = source.attempts - 1;
            let (outcome, sent) = asked(source, response.clone(), refusals).await;
            assert_eq!(outcome, Ok(()), "{:?}: {response:?}", source.environment);
            assert_eq!(
                sent,
                refusals + source.requests,
                "{:?}: {response:?}",
                source.environment
            );
            let (outcome, sent) = asked(source, response.clone(), 99).await;
            let error = outcome.expect_err("it always refuses");
            let is_throttled = matches!(error, Error::Throttled(_));
            assert_eq!(is_throttled, response.status == 429, "{error}");
            let is_unavailable = matches!(error, Error::Unavailable(_));
            assert_eq!(is_unavailable, response.status != 429, "{error}");
            assert_eq!(
                sent, source.attempts,
                "{:?}: {response:?}",
                source.environment
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_in_plain_text_is_quoted_redacted_and_cut() {
    let words = format!(
        "\n  no, {TOKEN}\u{1b}[31m, {} end\nand more",
        "x".repeat(300)
    );
    let with_token = Source {
        environment: WITH_TOKEN,
        ..SOURCES[0]
    };
    for source in SOURCES.iter().chain([&with_token]) {
        for status in [403, 429] {
            let (outcome, _) = asked(source, answer(status, &words), 99).await;
            let error = outcome.expect_err("it refuses").to_string();
            assert!(error.contains(&format!("HTTP {status}")), "{error}");
            let is_told = source.environment == WITH_TOKEN;
            let quoted = if is_told { "no, ***\\u{1b}" } else { "no, " };
            assert!(error.contains(quoted), "{error}");
            assert!(!is_told || !error.contains("c4n4ry"), "{error}");
            assert!(error.contains(&"x".repeat(100)), "{error}");
            assert!(
                !error.contains(" end") && !error.contains("more"),
                "{error}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_that_is_not_plain_text_is_not_quoted() {
    for body in [
        "<html>never-c4n4ry</html>",
        r#"{"SecretAccessKey": "never-c4n4ry"#,
        r#"["never-c4n4ry"]"#,
        r#""never-c4n4ry""#,
        "",
        " \n",
    ] {
        for source in SOURCES {
            let (outcome, _) = asked(source, answer(400, body), 99).await;
            let error = outcome.expect_err("it refuses").to_string();
            assert!(error.contains("HTTP 400, "), "{error}");
            assert!(!error.contains("c4n4ry"), "{error}");
        }
    }
}
