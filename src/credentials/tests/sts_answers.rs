//! Tests of the responses of STS.

use super::sts::{CREDENTIALS, assumed, role};
use crate::test_support::{Scene, answer, assert_tells, with};
use std::time::Duration;

fn refused(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
}

#[tokio::test(start_paused = true)]
async fn refusal_of_sts_is_quoted_and_not_retried() {
    for (status, code, case) in [
        (403, "AccessDenied", "access-denied"),
        (400, "ValidationError", "invalid-configuration"),
        (403, "RegionDisabledException", "invalid-configuration"),
        (403, "InvalidClientTokenId", "access-denied"),
        (400, "ExpiredToken", "access-denied"),
    ] {
        let (id, sent) = role(&[], move |_| {
            answer(status, &refused(code, "No &amp; never"))
        })
        .await;
        let error = id.expect_err(code).to_string();
        assert!(error.starts_with(case), "{error}");
        let words = format!("No & never ({code}, HTTP {status})");
        assert_tells(&error, &[&*words, "assumeRoleArn"]);
        assert_eq!(sent.len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn transient_failure_of_sts_is_retried() {
    let scenes: [fn() -> Scene; 4] = [
        || answer(503, "").into(),
        || answer(400, &refused("Throttling", "slowly")).into(),
        || answer(400, &refused("IDPCommunicationError", "later")).into(),
        || Scene::from(answer(200, "")).after(Duration::from_secs(11)),
    ];
    for scene in scenes {
        let (id, sent) = role(&[], move |number| match number {
            1 => scene(),
            _ => answer(200, &assumed(CREDENTIALS)).into(),
        })
        .await;
        assert_eq!((id, sent.len()), (Ok("ASIAROLE".to_owned()), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn clock_skew_is_corrected_by_the_clock_of_sts() {
    let skewed = || {
        let refusal = answer(403, &refused("SignatureDoesNotMatch", "Signature expired"));
        with(refusal, "date", "Tue, 14 Nov 2023 23:13:20 GMT")
    };
    let (id, sent) = role(&[], move |number| match number {
        1 => skewed(),
        _ => answer(
            200,
            &assumed(&CREDENTIALS.replace("2023-11-14T23", "2023-11-15T23")),
        ),
    })
    .await;
    assert_eq!(id, Ok("ASIAROLE".to_owned()));
    let dates: Vec<_> = sent
        .iter()
        .filter_map(|sent| sent.header("x-amz-date"))
        .collect();
    assert_eq!(dates, ["20231114T221320Z", "20231114T231320Z"]);
}

#[tokio::test(start_paused = true)]
async fn invalid_sts_response_is_refused_without_its_secrets() {
    let whole = assumed(CREDENTIALS);
    let without = |name: &str| {
        let begin = CREDENTIALS.find(&format!("<{name}>")).expect("there");
        let end = CREDENTIALS.find(&format!("</{name}>")).expect("there");
        assumed(&format!(
            "{}{}",
            &CREDENTIALS[..begin],
            &CREDENTIALS[end + name.len() + 3..]
        ))
    };
    let mut answers = vec![
        String::new(),
        "sorry".to_owned(),
        "{\"Credentials\": {}}".to_owned(),
        "<html><body>sorry</body></html>".to_owned(),
        assumed(""),
        assumed(&CREDENTIALS.replace("2023-11-14T23:13:20Z", "tomorrow")),
        assumed(&CREDENTIALS.replace("ASIAROLE", "ASIA\nROLE")),
        assumed(&CREDENTIALS.replace("ASIAROLE", "&nobody;")),
        whole.replace("</SessionToken>", "</Token>"),
    ];
    answers.extend(["AccessKeyId", "SecretAccessKey", "Expiration"].map(without));
    let end = whole.find("</Expiration>").expect("there");
    answers.extend(
        (0..end)
            .filter(|at| at % 7 == 0)
            .map(|at| whole[..at].to_owned()),
    );
    for body in answers {
        let given = body.clone();
        let (id, sent) = role(&[], move |_| answer(200, &given)).await;
        let error = id.expect_err("no credentials").to_string();
        assert!(
            error.starts_with("unavailable") && error.contains("STS"),
            "{error}"
        );
        assert!(!error.contains("c4n4ry"), "{error}");
        assert_eq!(sent.len(), 1);
    }
}
