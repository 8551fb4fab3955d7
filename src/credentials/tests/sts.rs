//! Tests of the requests to STS.

use super::stage::{REGION, id, parse, signers_of, stage};
use crate::error::Error;
use crate::test_support::{Scene, Sent, answer, assert_tells, start};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use std::collections::BTreeMap;

const KEYS: &[(&str, &str)] = &[
    ("accessKey", "AKIDBASE"),
    ("secretKey", "base-secret-c4n4ry"),
    ("sessionToken", "base-token-c4n4ry"),
];

const ROLE: (&str, &str) = ("assumeRoleArn", "arn:aws:iam::123456789012:role/orders");

pub(super) const CREDENTIALS: &str = "<Credentials>\
    <AccessKeyId>ASIAROLE</AccessKeyId>\
    <SecretAccessKey>role-secret-c4n4ry</SecretAccessKey>\
    <SessionToken>role-token-c4n4ry</SessionToken>\
    <Expiration>2023-11-14T23:13:20Z</Expiration>\
    </Credentials>";

/// Returns a response of STS that contains `credentials`.
pub(super) fn assumed(credentials: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><Arn>arn</Arn><AssumedRoleId>id:name</AssumedRoleId></AssumedRoleUser>\
         {credentials}</AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
         </AssumeRoleResponse>"
    )
}

/// Returns the access key id that signs with the role of `metadata`, and the requests to STS.
pub(super) async fn role<S: Into<Scene>>(
    metadata: &[(&str, &str)],
    mut scene: impl FnMut(usize) -> S + 'static,
) -> (Result<String, Error>, Vec<Sent>) {
    let mut number = 0;
    let stage = stage(move |_| {
        number += 1;
        scene(number)
    });
    let metadata = [KEYS, &[ROLE], metadata].concat();
    let signers = signers_of(&stage, &metadata, &[]);
    (id(&stage, &signers).await, stage.sent())
}

fn form(sent: &Sent) -> BTreeMap<String, String> {
    let text = String::from_utf8(sent.body.clone()).expect("a form");
    let decoded = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        decoded.expect("text").into_owned()
    };
    let fields = text
        .split('&')
        .map(|field| field.split_once('=').expect("name and value"));
    fields
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn role_is_assumed_with_daprs_session_name() {
    let (id, sent) = role(&[], |_| answer(200, &assumed(CREDENTIALS))).await;
    assert_eq!(id, Ok("ASIAROLE".to_owned()));
    let [sent] = sent.try_into().expect("one request");
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("POST", "https://sts.eu-west-1.amazonaws.com/")
    );
    assert_eq!(
        sent.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let expected = [
        ("Action", "AssumeRole"),
        ("RoleArn", ROLE.1),
        ("RoleSessionName", "DaprDefaultSession"),
        ("Version", "2011-06-15"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&sent), BTreeMap::from(expected));
}

#[tokio::test(start_paused = true)]
async fn session_name_and_external_id_may_have_any_character() {
    let odd = "a b&c=d+é/%";
    for name in [
        "sessionName",
        "assumeRoleSessionName",
        "ASSUMEROLESESSIONNAME",
    ] {
        let given = [(name, odd), ("externalId", odd)];
        let (_, sent) = role(&given, |_| answer(200, &assumed(CREDENTIALS))).await;
        let form = form(&sent[0]);
        assert_eq!(
            (
                form["RoleSessionName"].as_str(),
                form["ExternalId"].as_str()
            ),
            (odd, odd)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn request_is_signed_as_by_the_sdk() {
    let (_, sent) = role(&[], |_| answer(200, &assumed(CREDENTIALS))).await;
    let added = ["x-amz-date", "x-amz-security-token", "authorization"];
    let identity = Credentials::new(
        "AKIDBASE",
        "base-secret-c4n4ry",
        Some("base-token-c4n4ry".to_owned()),
        None,
        "test",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("sts")
        .time(start())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = sent[0]
        .headers
        .iter()
        .filter(|(name, _)| !added.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&sent[0].body);
    let request = SignableRequest::new("POST", &sent[0].url, headers, body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        assert_eq!(sent[0].header(name), Some(value), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_of_a_role_are_refused_without_a_role() {
    for alone in ["sessionName", "assumeRoleSessionName", "externalId"] {
        let error = parse(&[KEYS, &[(alone, "x")]].concat(), &[])
            .expect_err(alone)
            .to_string();
        assert_tells(&error, &[alone, "assumeRoleArn"]);
    }
    for anywhere in ["trustAnchorArn", "trustProfileArn"] {
        let error = parse(&[(anywhere, "arn")], &[])
            .expect_err(anywhere)
            .to_string();
        assert!(error.starts_with("invalid-configuration"), "{error}");
        assert_tells(&error, &[anywhere, "not supported"]);
    }
}

#[tokio::test(start_paused = true)]
async fn sts_endpoint_overrides_the_common_endpoint() {
    for (environment, url) in [
        (&[("AWS_ENDPOINT_URL", "http://all:1")][..], "http://all:1/"),
        (
            &[
                ("AWS_ENDPOINT_URL_STS", "http://sts:2/x/"),
                ("AWS_ENDPOINT_URL", "http://all:1"),
            ],
            "http://sts:2/x/",
        ),
    ] {
        let stage = stage(|_| answer(200, &assumed(CREDENTIALS)));
        let signers = signers_of(&stage, &[KEYS, &[ROLE]].concat(), environment);
        assert_eq!(id(&stage, &signers).await, Ok("ASIAROLE".to_owned()));
        assert_eq!(stage.sent()[0].url, url);
    }
}
