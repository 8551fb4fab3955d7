//! Tests of the addresses of container credentials and instance metadata. The cases are those of
//! the SDK (`ecs-tests.json`, `imds-endpoint-tests.json` of smithy-rs).

use super::expiry::lent;
use super::stage::{signer, signers, stage};
use crate::error::Error;
use crate::test_support::answer;
use std::time::Duration;

/// Returns the address of the first request, or the error if there is none.
async fn asked(environment: &[(&str, &str)]) -> Result<String, Error> {
    let stage = stage(|sent| match sent.method.as_str() {
        "GET" => lent(1, Duration::from_secs(3_600)),
        _ => answer(403, "").into(),
    });
    let signer = signer(&stage, &signers(&stage, environment)).await;
    match stage.sent().first() {
        Some(sent) => Ok(format!("{} {}", sent.method, sent.url)),
        None => Err(signer.expect_err("nothing was asked")),
    }
}

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

#[tokio::test(start_paused = true)]
async fn container_is_asked_at_its_agent_or_at_the_full_uri() {
    let ecs = "http://169.254.170.2/credentials";
    for (environment, url) in [
        (&[(RELATIVE, "/credentials")][..], ecs),
        (
            &[
                (RELATIVE, "/credentials"),
                (FULL, "http://localhost:8080/other"),
            ],
            ecs,
        ),
        (
            &[(RELATIVE, "/credentials?a=1")],
            "http://169.254.170.2/credentials?a=1",
        ),
        (
            &[(FULL, "https://amazon.example/credentials")],
            "https://amazon.example/credentials",
        ),
        (
            &[(FULL, "https://amazon.example:8080/c")],
            "https://amazon.example:8080/c",
        ),
        (
            &[(FULL, "http://localhost:8080/c")],
            "http://localhost:8080/c",
        ),
        (&[(FULL, "http://127.8.0.1/c")], "http://127.8.0.1/c"),
        (&[(FULL, "http://[::1]:80/c")], "http://[::1]/c"),
        (
            &[(FULL, "http://169.254.170.2/c")],
            "http://169.254.170.2/c",
        ),
        (
            &[(FULL, "http://169.254.170.23/v1/c")],
            "http://169.254.170.23/v1/c",
        ),
        (
            &[(FULL, "http://[fd00:ec2::23]/v1/c")],
            "http://[fd00:ec2::23]/v1/c",
        ),
    ] {
        assert_eq!(asked(environment).await, Ok(format!("GET {url}")));
    }
}

#[tokio::test(start_paused = true)]
async fn unsafe_or_invalid_container_urls_are_refused() {
    for (name, value) in [
        (FULL, "/credentials"),
        (FULL, "http://192.168.10.120/c"),
        (FULL, "http://169.254.171.23/c"),
        (FULL, "http://[fd00:ec2::2]/c"),
        (FULL, "http://amazon.example/c"),
        (FULL, "http://127.0.0.1.example/c"),
        (FULL, "http://user@127.0.0.1/c"),
        (FULL, "ftp://127.0.0.1/c"),
        (FULL, "http://127.0.0.1 /c"),
        (RELATIVE, "@elsewhere.example/"),
        (RELATIVE, ".example/"),
    ] {
        let error = asked(&[(name, value)]).await.expect_err(value).to_string();
        assert!(
            error.starts_with("invalid-configuration") && error.contains(name),
            "{error}"
        );
        assert!(!error.contains(value), "its path may be secret: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn instance_metadata_is_asked_at_its_configured_address() {
    for (environment, host) in [
        (&[][..], "http://169.254.169.254"),
        (&[(ENDPOINT, "http://override:456")], "http://override:456"),
        (&[(MODE, "IPv4")], "http://169.254.169.254"),
        (&[(MODE, "ipV6")], "http://[fd00:ec2::254]"),
        (
            &[(ENDPOINT, "http://override"), (MODE, "IPv6")],
            "http://override",
        ),
    ] {
        assert_eq!(
            asked(environment).await,
            Ok(format!("PUT {host}/latest/api/token"))
        );
    }
    for (name, value) in [(MODE, "error"), (ENDPOINT, "not a uri")] {
        let error = asked(&[(name, value)]).await.expect_err(value).to_string();
        assert!(
            error.starts_with("invalid-configuration") && error.contains(name),
            "{error}"
        );
    }
    let error = asked(&[("AWS_EC2_METADATA_DISABLED", "TRUE")])
        .await
        .expect_err("disabled");
    assert!(
        error.to_string().contains("AWS_EC2_METADATA_DISABLED"),
        "{error}"
    );
}
