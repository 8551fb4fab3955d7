//! Signing by the host: the requests that are signed, and their signatures.
//!
//! The tests compare each signature with one that aws-sigv4 makes for the received request.

mod expired;
mod http_client;
mod mask_token;
mod s3;

use super::server::Server;
use super::{Parts, call, dispatch, instance, whole};
use crate::AwsCredentials;
use crate::egress::signing::{self, LARGEST_BODY};
use crate::egress::{Egress, EgressBuilder};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, WasiBody};

const SECRET: &str = "c4n4ry-of-the-host";
const TOKEN: &str = "c4n4ry-token-of-the-host";

fn keys() -> Credentials {
    Credentials::new("AKIDHOST", SECRET, Some(TOKEN.to_owned()), None, "test")
}

fn signing(server: &Server, credentials: &AwsCredentials) -> EgressBuilder {
    let url = server.url();
    let egress = Egress::builder().allow_url(&url);
    egress.sign(&url, "eu-west-1", "dynamodb", credentials)
}

/// Returns an egress that signs with the credentials of this source.
fn egress_with(server: &Server, source: impl ProvideCredentials + 'static) -> Egress {
    let egress = signing(server, &AwsCredentials::new(source));
    egress.build().unwrap()
}

fn request(url: &str, headers: &[(&str, &str)], body: &'static str) -> Request<WasiBody> {
    let host = url.parse::<http::Uri>().unwrap();
    let mut request = Request::post(url)
        .header("host", host.authority().unwrap().as_str())
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(whole(body)).unwrap()
}

/// Returns a request with a body of `length` bytes, with or without a `content-length`.
fn large_request(server: &Server, length: usize, announces: bool) -> Request<WasiBody> {
    let (mut head, _) = request(&server.url(), &[], "").into_parts();
    head.headers.remove("content-length");
    if announces {
        head.headers.insert("content-length", length.into());
    }
    Request::from_parts(head, whole(vec![0; length]))
}

async fn send(egress: &Egress, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    dispatch(&mut instance(egress, 1), request, None).await
}

/// Sends a request and returns the status and body of the response.
async fn answered(egress: &Egress, request: Request<WasiBody>) -> (StatusCode, String) {
    let answer = send(egress, request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Returns the text of a response with this status, these header lines and this body.
fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut found = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = found.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Returns the expected `authorization` of a request with these signed headers, made by aws-sigv4.
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
async fn unsigned_request_is_signed_by_the_host() {
    let server = Server::that_answers().await;
    let egress = egress_with(&server, keys());
    let url = server.url();
    let target = ("x-amz-target", "DynamoDB_20120810.GetItem");
    // The time and token of the plugin must be ignored.
    let claimed = [
        target,
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-date", "19700101T000000Z"),
        ("x-amz-security-token", "c4n4ry-of-a-plugin"),
    ];
    let answered = send(&egress, request(&url, &claimed, "{}")).await.unwrap();
    assert_eq!(answered.status(), StatusCode::OK);

    let head = server.heads().remove(0);
    let sent = header(&head, "authorization").unwrap().to_owned();
    assert!(
        sent.contains("Credential=AKIDHOST/"),
        "signed with another key"
    );
    let scope = "/eu-west-1/dynamodb/aws4_request";
    assert!(sent.contains(scope), "signed with another scope");
    let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,";
    assert!(sent.contains(signed), "other headers are signed");
    assert!(header(&head, "x-amz-security-token") == Some(TOKEN));
    let names = ["content-type", "host", "x-amz-target"];
    let expected = |body: &[u8]| authorization(&head, &url, body, &names);
    assert!(sent == expected(b"{}"), "another signature");
    assert!(
        sent != expected(b"{ }"),
        "the signature does not depend on the body"
    );
    assert_eq!(header(&head, "content-length"), Some("2"));
}

#[tokio::test]
async fn session_token_of_the_plugin_is_removed() {
    let server = Server::that_answers().await;
    let egress = egress_with(
        &server,
        Credentials::new("AKIDHOST", SECRET, None, None, "test"),
    );
    let claimed = [("x-amz-security-token", "c4n4ry-of-a-plugin")];
    let request = request(&server.url(), &claimed, "{}");
    send(&egress, request).await.unwrap();

    let head = server.heads().remove(0);
    assert!(header(&head, "authorization").is_some());
    assert!(header(&head, "x-amz-security-token").is_none());
}

#[tokio::test]
async fn next_attempt_is_signed_with_the_servers_time() {
    let off = SystemTime::now() - Duration::from_secs(3_600);
    let date = DateTime::from(off).fmt(Format::HttpDate).unwrap();
    let refusal = answer("400 Bad Request", &format!("date: {date}\r\n"), "{}");
    let server = Server::that_answers_with(refusal).await;
    let egress = egress_with(&server, keys());
    for _ in 0..2 {
        call(&egress, &server.url()).await.unwrap();
    }
    let heads = server.heads();
    let dates = heads.iter().map(|head| header(head, "x-amz-date").unwrap());
    let dates: Vec<_> = dates.collect();
    // The server is an hour behind, so the date starts with an earlier hour.
    let server_hour = DateTime::from(off).fmt(Format::DateTime).unwrap();
    let server_hour = server_hour[..13].replace('-', "");
    assert!(dates[1].starts_with(&server_hour), "{dates:?}");
    assert!(dates[0] > dates[1], "{dates:?}");
}

#[tokio::test]
async fn signed_request_is_sent_unchanged() {
    let server = Server::that_answers().await;
    let egress = egress_with(&server, keys());
    let url = server.url();
    let own = ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDGUEST/");
    let date = ("x-amz-date", "20260101T000000Z");
    send(&egress, request(&url, &[own, date], "{}"))
        .await
        .unwrap();
    let link = format!("{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a");
    send(&egress, request(&link, &[], "{}")).await.unwrap();

    let heads = server.heads();
    assert_eq!(header(&heads[0], "authorization"), Some(own.1));
    assert_eq!(header(&heads[0], "x-amz-date"), Some(date.1));
    let mut tokens = heads
        .iter()
        .map(|head| header(head, "x-amz-security-token"));
    assert!(tokens.all(|token| token.is_none()));
    assert!(header(&heads[1], "authorization").is_none());
}

#[tokio::test]
async fn request_to_another_origin_is_not_signed() {
    let [signed, other] = [Server::that_answers().await, Server::that_answers().await];
    let egress = signing(&signed, &AwsCredentials::new(keys()));
    let egress = egress.allow_url(other.url()).build().unwrap();
    call(&egress, &other.url()).await.unwrap();
    let head = other.heads().remove(0);
    assert!(header(&head, "authorization").is_none());
    assert!(header(&head, "x-amz-security-token").is_none());
}

#[tokio::test]
async fn signing_rule_does_not_allow_the_address() {
    let server = Server::that_answers().await;
    let credentials = AwsCredentials::new(keys());
    let egress = Egress::builder().sign(server.url(), "r", "s", &credentials);
    let refused = call(&egress.build().unwrap(), &server.url()).await;
    assert!(matches!(refused, Err(Error::HttpRequestDenied)));
    assert_eq!(server.connections(), 0);
}

#[test]
fn invalid_url_to_sign_is_named() {
    let credentials = AwsCredentials::new(keys());
    let egress = Egress::builder().sign("dynamodb", "r", "s", &credentials);
    let refused = egress.build().unwrap_err().to_string();
    assert!(refused.contains("\"dynamodb\""), "{refused}");
}

#[test]
fn region_or_service_unfit_for_a_header_is_named() {
    let credentials = AwsCredentials::new(keys());
    for (region, service, unfit) in [
        ("eu-west-1\n", "dynamodb", "eu-west-1\n"),
        ("", "dynamodb", ""),
        ("eu-west-1", "dynamo db", "dynamo db"),
    ] {
        let egress = Egress::builder();
        let egress = egress.sign("http://a.example", region, service, &credentials);
        let refused = egress.build().unwrap_err().to_string();
        assert!(refused.contains(&format!("{unfit:?}")), "{refused}");
    }
}

#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nowhere")))
    }
}

#[tokio::test]
async fn missing_credentials_are_an_error_response() {
    let server = Server::that_answers().await;
    let egress = egress_with(&server, Nothing);
    let (status, body) = call(&egress, &server.url()).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let kind = said["__type"].as_str().unwrap();
    assert!(kind.ends_with("#UnrecognizedClientException"), "{kind}");
    let message = said["message"].as_str().unwrap();
    let cause = "no AWS credentials: no source has any";
    assert!(message.contains(cause), "{message}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn body_above_the_limit_is_not_sent() {
    let server = Server::that_answers().await;
    let egress = egress_with(&server, keys());
    let refused = send(&egress, large_request(&server, LARGEST_BODY + 1, false)).await;
    let largest = LARGEST_BODY as u64;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(l))) if l == largest));
    assert_eq!(server.connections(), 0);
    let largest = large_request(&server, LARGEST_BODY, false);
    assert!(send(&egress, largest).await.is_ok());
}

/// Returns a body in two parts. Other tasks run before each part.
fn abcd() -> WasiBody {
    let (write, body) = Parts::new();
    tokio::spawn(async move {
        for part in ["ab", "cd"] {
            let _ = write.send(Bytes::from_static(part.as_bytes())).await;
        }
    });
    body.boxed_unsync()
}

#[tokio::test(start_paused = true)]
async fn bodies_above_the_buffer_limit_wait_in_turn() {
    let room = Arc::new(Semaphore::new(5));
    let mut reading = JoinSet::new();
    for _ in 0..4 {
        let room = Arc::clone(&room);
        reading.spawn(async move {
            signing::whole(abcd(), Some(4), room)
                .await
                .unwrap()
                .to_vec()
        });
    }
    let read = timeout(Duration::from_secs(60), reading.join_all()).await;
    for body in read.expect("the bodies wait for each other forever") {
        assert_eq!(&body[..], b"abcd");
    }
}

#[tokio::test]
async fn body_of_unknown_length_releases_unused_room() {
    let room = Arc::new(Semaphore::new(LARGEST_BODY));
    let held = signing::whole(abcd(), None, Arc::clone(&room))
        .await
        .unwrap();
    assert_eq!(room.available_permits(), LARGEST_BODY - 4);
    drop(held);
    assert_eq!(room.available_permits(), LARGEST_BODY);
}

#[tokio::test]
async fn body_longer_than_its_length_is_refused() {
    let room = Arc::new(Semaphore::new(LARGEST_BODY));
    let refused = signing::whole(abcd(), Some(3), Arc::clone(&room)).await;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(3)))));
    let refused = signing::whole(abcd(), Some(LARGEST_BODY + 1), room).await;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(_)))));
}
