//! Tests that the signature is the same as that of the SDK's crate `aws-sigv4` for the same
//! request. The tests cover every operation, temporary credentials, endpoints with odd
//! paths, midnight and a corrected clock.

use super::call::{Call, Site, get};
use super::inputs;
use crate::dynamodb::codec::{
    BatchGetItem, BatchWriteItem, DeleteItem, GetItem, PutItem, TransactWriteItems,
};
use crate::http::Clock;
use crate::test_support::{Scripted, Sent, refusal, start, success, success_of, with};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use std::time::{Duration, SystemTime};

/// The headers that signing adds.
const ADDED: [&str; 3] = ["x-amz-date", "x-amz-security-token", "authorization"];

/// The time from the start of the script's clock to midnight.
const TO_MIDNIGHT: Duration = Duration::from_secs(6_400);

/// Endpoints whose paths have another form in the signature.
const ODD_PATHS: [&str; 8] = [
    "http://localhost:8000/a//b",
    "http://localhost:8000/a/./b/../c/.",
    "http://localhost:8000/../..",
    "http://localhost/%20a%2Fb",
    "https://db.example:8443/A-Z_a.z~0/",
    "https://db.example:443/:@!$&'()*+,;=",
    "http://[::1]:8000/...",
    "http://localhost:80/a|b\"{}",
];

/// Returns the headers that the SDK's crate adds to `sent` at the time `time`.
fn reference(site: Site, sent: &Sent, time: SystemTime) -> Vec<(String, String)> {
    let identity = site.credentials().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(site.region)
        .name("dynamodb")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let unsigned = sent.headers.iter().filter(|(name, _)| !is_added(name));
    let headers = unsigned.map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&sent.body);
    let request = SignableRequest::new(&sent.method, &sent.url, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let added = instructions.headers();
    let mut added: Vec<_> = added.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    added.sort();
    added
}

fn is_added(name: &str) -> bool {
    ADDED.contains(&name)
}

/// Returns the headers that the pipeline added.
fn ours(sent: &Sent) -> Vec<(String, String)> {
    let mut added = sent.headers.clone();
    added.retain(|(name, _)| is_added(name));
    added.sort();
    added
}

/// Makes a call with each of `builders`, and checks its request.
async fn check<O: Call>(site: Site, builders: impl IntoIterator<Item = O::Builder>) {
    for builder in builders {
        let client = site.client(Scripted::new([success_of(O::NAME)]), 1);
        client.call::<O>(O::input(builder)).await.unwrap();
        let [sent] = client.platform().requests().try_into().unwrap();
        assert_eq!(ours(&sent), reference(site, &sent, start()), "{site:?}");
    }
}

async fn check_all(site: Site) {
    check::<GetItem>(site, inputs::get_item()).await;
    check::<PutItem>(site, inputs::put_item()).await;
    check::<DeleteItem>(site, inputs::delete_item()).await;
    check::<BatchGetItem>(site, inputs::batch_get_item()).await;
    check::<BatchWriteItem>(site, inputs::batch_write_item()).await;
    check::<TransactWriteItems>(site, inputs::transact_write_items()).await;
}

#[tokio::test]
async fn every_operation_is_signed_like_in_the_sdk() {
    for site in [Site::AWS, Site::TEMPORARY, Site::OWN, Site::PATH] {
        check_all(site).await;
    }
}

#[tokio::test]
async fn odd_paths_are_signed_like_in_the_sdk() {
    for endpoint in ODD_PATHS {
        let site = Site {
            endpoint: Some(endpoint),
            ..Site::OWN
        };
        check::<GetItem>(site, inputs::get_item()).await;
    }
}

#[tokio::test]
async fn cached_signing_key_is_renewed_at_midnight() {
    let client = Site::TEMPORARY.client(Scripted::new([success()]), 1);
    let waits = [0, 0, 700, 1_300, 60_000].map(Duration::from_millis);
    let mut passed = Duration::ZERO;
    for wait in waits.into_iter().chain([TO_MIDNIGHT; 2]) {
        client.platform().sleep(wait).await;
        passed += wait;
        let answer = get(&client).await;
        answer.expect("the script says success");
        let sent = client.platform().requests().pop().expect("one more");
        let expected = reference(Site::TEMPORARY, &sent, start() + passed);
        assert_eq!(ours(&sent), expected, "{passed:?}");
    }
}

#[tokio::test]
async fn corrected_clock_may_move_the_signature_across_midnight() {
    for (date, ahead) in [
        ("Wed, 15 Nov 2023 00:00:00 GMT", true),
        ("Mon, 13 Nov 2023 23:59:59 GMT", false),
    ] {
        let skewed = with(refusal(400, "RequestTimeTooSkewed"), "Date", date);
        let client = Site::AWS.client(Scripted::new([skewed, success()]), 4);
        get(&client).await.unwrap();
        let [first, second] = client.platform().requests().try_into().unwrap();
        let corrected = if ahead {
            start() + TO_MIDNIGHT
        } else {
            start() - Duration::from_secs(80_001)
        };
        assert_eq!(ours(&first), reference(Site::AWS, &first, start()));
        assert_eq!(ours(&second), reference(Site::AWS, &second, corrected));
    }
}
