//! The signature, held against one that aws-sigv4 makes of what arrived.

use super::{OK, SECRET, TOKEN, header, keys, recording, request, send, signing};
use crate::AwsCredentials;
use crate::egress::tests::call;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::StatusCode;
use std::time::{Duration, SystemTime};

/// The authorization that these headers of a request should have, by aws-sigv4.
fn authorization(head: &str, url: &str, body: &[u8], names: &[&str]) -> String {
    let date = header(head, "x-amz-date").unwrap();
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let time = DateTime::from_str(&iso, Format::DateTime).unwrap();
    let identity: Identity = keys().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("dynamodb")
        .time(SystemTime::try_from(time).unwrap())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let headers = names
        .iter()
        .map(|name| (*name, header(head, name).unwrap()));
    let signable = SignableRequest::new("POST", url, headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(signable, &params.into()).unwrap().into_parts();
    let mut authorizations = instructions
        .headers()
        .filter(|(name, _)| *name == "authorization");
    authorizations.next().unwrap().1.to_owned()
}

#[tokio::test]
async fn an_unsigned_request_goes_out_with_the_hosts_signature() {
    let (server, heads) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys()))
        .build()
        .unwrap();
    let url = server.url();
    let target = ("x-amz-target", "DynamoDB_20120810.GetItem");
    // What the plugin claims of time and token counts for nothing.
    let claimed = [
        target,
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-date", "19700101T000000Z"),
        ("x-amz-security-token", "c4n4ry-of-a-plugin"),
    ];
    let answered = send(&egress, request(&url, &claimed, "{}")).await.unwrap();
    assert_eq!(answered.status(), StatusCode::OK);

    let head = heads.lock().unwrap().remove(0);
    let sent = header(&head, "authorization").unwrap().to_owned();
    assert!(sent.contains("Credential=AKIDHOST/"), "another key signed");
    assert!(
        sent.contains("/eu-west-1/dynamodb/aws4_request"),
        "another scope"
    );
    assert!(
        sent.contains(
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"
        ),
        "other headers are signed"
    );
    assert!(header(&head, "x-amz-security-token") == Some(TOKEN));
    let names = ["content-type", "host", "x-amz-target"];
    assert!(
        sent == authorization(&head, &url, b"{}", &names),
        "another signature"
    );
    assert!(
        sent != authorization(&head, &url, b"{ }", &names),
        "of any body"
    );
    assert_eq!(header(&head, "content-length"), Some("2"));
}

#[tokio::test]
async fn a_token_of_the_plugin_does_not_go_with_a_key_of_the_host_that_has_none() {
    let (server, heads) = recording(OK.to_owned()).await;
    let key = Credentials::new("AKIDHOST", SECRET, None, None, "test");
    let egress = signing(&server, &AwsCredentials::new(key)).build();
    let claimed = [("x-amz-security-token", "c4n4ry-of-a-plugin")];
    let request = request(&server.url(), &claimed, "{}");
    send(&egress.unwrap(), request).await.unwrap();

    let head = heads.lock().unwrap().remove(0);
    assert!(header(&head, "authorization").is_some());
    assert!(header(&head, "x-amz-security-token").is_none());
}

#[tokio::test]
async fn the_next_attempt_is_signed_at_the_time_of_the_server_that_refused_one() {
    let off = SystemTime::now() - Duration::from_secs(3_600);
    let date = DateTime::from(off).fmt(Format::HttpDate).unwrap();
    let refusal =
        format!("HTTP/1.1 400 Bad Request\r\ndate: {date}\r\ncontent-length: 2\r\n\r\n{{}}");
    let (server, heads) = recording(refusal).await;
    let egress = signing(&server, &AwsCredentials::new(keys()))
        .build()
        .unwrap();
    for _ in 0..2 {
        call(&egress, &server.url()).await.unwrap();
    }
    let heads = heads.lock().unwrap();
    let dates = heads.iter().map(|head| header(head, "x-amz-date").unwrap());
    let dates: Vec<_> = dates.collect();
    // An hour and a little: the date begins with the hour before.
    let server_hour = DateTime::from(off).fmt(Format::DateTime).unwrap();
    let server_hour = server_hour[..13].replace('-', "");
    assert!(dates[1].starts_with(&server_hour), "{dates:?}");
    assert!(dates[0] > dates[1], "{dates:?}");
}
