//! Tests that a wrong clock is corrected by the server's, and that the next attempt is
//! signed with the server's time, as in the SDK.

use super::call::{Call, Site, get};
use super::inputs;
use super::sdk::Stage;
use crate::dynamodb::codec::GetItem;
use crate::http::Response;
use crate::test_support::{Scripted, Sent, refusal, success, with};

/// The server's time while the local time is 22:13:20.
const AHEAD: &str = "Tue, 14 Nov 2023 22:23:20 GMT";
const BEHIND: &str = "Tue, 14 Nov 2023 22:03:20 GMT";
const ALMOST: &str = "Tue, 14 Nov 2023 22:17:20 GMT";
const RIGHT: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// Error codes that a wrong clock may cause.
const CODES: [&str; 5] = [
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

fn skewed(code: &str, date: &str) -> Response {
    with(refusal(400, code), "Date", date)
}

fn fine(date: &str) -> Response {
    with(success(), "Date", date)
}

/// Makes `calls` calls with the pipeline and with the SDK. Returns the signing times of
/// their requests.
async fn signed(script: &[Response], calls: usize) -> [Vec<String>; 2] {
    let [builder, _] = inputs::get_item();
    let client = Site::AWS.client(Scripted::new(script.to_vec()), 4);
    let stage = Stage::new(script.to_vec());
    let sdk = stage.client(Site::AWS, 4);
    for _ in 0..calls {
        let ours = get(&client).await;
        let theirs = GetItem::send(builder.clone(), &sdk).await;
        assert_eq!(ours.is_ok(), theirs.is_ok());
    }
    [client.platform().requests(), stage.requests()].map(|requests| times(&requests))
}

fn times(requests: &[Sent]) -> Vec<String> {
    let dates = requests.iter().map(|request| {
        let date = request.header("x-amz-date").expect("signed with a time");
        let scope = request.header("authorization").expect("signed");
        assert!(scope.contains(&date[..8]), "one day in date and scope");
        date.to_owned()
    });
    dates.collect()
}

#[tokio::test]
async fn retry_is_signed_with_the_servers_time() {
    for code in CODES {
        for (date, corrected) in [(AHEAD, "20231114T222320Z"), (BEHIND, "20231114T220320Z")] {
            let [ours, theirs] = signed(&[skewed(code, date), fine(date)], 1).await;
            assert_eq!(ours, ["20231114T221320Z", corrected], "{code}");
            assert_eq!(ours, theirs, "{code}");
        }
    }
}

#[tokio::test]
async fn later_calls_are_signed_with_the_servers_time() {
    let script = [skewed("RequestTimeTooSkewed", AHEAD), fine(AHEAD)];
    let [ours, theirs] = signed(&script, 3).await;
    assert_eq!(ours[1..], ["20231114T222320Z"; 3]);
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn correction_ends_when_the_clock_is_right_again() {
    let script = [
        skewed("RequestTimeTooSkewed", AHEAD),
        fine(AHEAD),
        skewed("RequestTimeTooSkewed", RIGHT),
        fine(RIGHT),
    ];
    let client = Site::AWS.client(Scripted::new(script), 4);
    for _ in 0..2 {
        let answer = get(&client).await;
        answer.expect("a success after the correction");
    }
    let times = times(&client.platform().requests());
    assert_eq!(times[2..], ["20231114T222320Z", "20231114T221320Z"]);
}

#[tokio::test]
async fn skew_below_four_minutes_causes_no_retry() {
    for code in CODES {
        let [ours, theirs] = signed(&[skewed(code, ALMOST), fine(ALMOST)], 1).await;
        assert_eq!(ours, ["20231114T221320Z"], "{code}");
        assert_eq!(ours, theirs, "{code}");
    }
}

#[tokio::test]
async fn other_errors_and_missing_dates_cause_no_retry() {
    for response in [
        skewed("ValidationException", AHEAD),
        refusal(400, "RequestTimeTooSkewed"),
        skewed("RequestTimeTooSkewed", "yesterday"),
    ] {
        let [ours, theirs] = signed(&[response, fine(AHEAD)], 1).await;
        assert_eq!(ours, ["20231114T221320Z"]);
        assert_eq!(ours, theirs);
    }
}

/// The SDK sends such a request four times, each time with the same correction. But the
/// second refusal shows that the clock is not the cause.
#[tokio::test]
async fn corrected_time_is_tried_only_once_on_purpose() {
    let [ours, theirs] = signed(&[skewed("InvalidSignatureException", AHEAD)], 1).await;
    assert_eq!(ours, ["20231114T221320Z", "20231114T222320Z"]);
    assert_eq!(ours, theirs[..2]);
    assert_eq!(theirs.len(), 4);
}

/// The SDK follows the server's clock to the second. A signature is valid for five
/// minutes, so the local clock is good enough until an error says otherwise.
#[tokio::test]
async fn success_does_not_correct_the_clock_on_purpose() {
    let [ours, theirs] = signed(&[fine(ALMOST), fine(ALMOST)], 2).await;
    assert_eq!(ours, ["20231114T221320Z"; 2]);
    assert_eq!(theirs, ["20231114T221320Z", "20231114T221720Z"]);
}
