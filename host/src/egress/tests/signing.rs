//! What is signed on its way out, by whom, and with what.

use super::call;
use super::server::Server;
use crate::AwsCredentials;
use crate::egress::{Egress, EgressBuilder, Outgoing};
use aws_credential_types::Credentials;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpHooks};

const SECRET: &str = "c4n4ry-of-the-host";
const TOKEN: &str = "c4n4ry-token-of-the-host";

fn keys() -> Credentials {
    Credentials::new("AKIDHOST", SECRET, Some(TOKEN.to_owned()), None, "test")
}

/// A server that keeps the heads of requests and answers with `answer`.
async fn recording(answer: String) -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let server = Server::start(move |mut connection| {
        let (kept, answer) = (Arc::clone(&kept), answer.clone());
        async move {
            while let Some(head) = connection.request().await {
                kept.lock().unwrap().push(head);
                connection.write(&answer).await;
            }
        }
    });
    (server.await, heads)
}

fn signing(server: &Server, credentials: &AwsCredentials) -> EgressBuilder {
    let url = server.url();
    Egress::builder()
        .allow_url(&url)
        .sign(&url, "eu-west-1", "dynamodb", credentials)
}

fn request(url: &str, headers: &[(&str, &str)], body: &'static str) -> Request<WasiBody> {
    let host = url.parse::<http::Uri>().unwrap();
    let mut request = Request::post(url)
        .header("host", host.authority().unwrap().as_str())
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::<Bytes>::from(body).map_err(|never| match never {});
    request.body(body.boxed_unsync()).unwrap()
}

async fn send(egress: &Egress, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    let mut outgoing = Outgoing::new(Some(egress.clone()), NonZeroUsize::MIN);
    let sending = outgoing.send_request(request, None, Box::new(async { Ok(()) }));
    Pin::from(sending).await.map(|(response, _)| response)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut found = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = found.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value)
}

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

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

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
async fn what_is_signed_already_passes_as_it_is() {
    let (server, heads) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys()))
        .build()
        .unwrap();
    let url = server.url();
    let own = ("authorization", "AWS4-HMAC-SHA256 Credential=AKIDGUEST/");
    let date = ("x-amz-date", "20260101T000000Z");
    send(&egress, request(&url, &[own, date], "{}"))
        .await
        .unwrap();
    let link = format!("{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a");
    send(&egress, request(&link, &[], "{}")).await.unwrap();

    let heads = heads.lock().unwrap();
    assert_eq!(header(&heads[0], "authorization"), Some(own.1));
    assert_eq!(header(&heads[0], "x-amz-date"), Some(date.1));
    assert!(
        heads
            .iter()
            .all(|head| header(head, "x-amz-security-token").is_none())
    );
    assert!(header(&heads[1], "authorization").is_none());
}

#[tokio::test]
async fn what_goes_elsewhere_is_not_signed() {
    let (signed, _) = recording(OK.to_owned()).await;
    let (other, heads) = recording(OK.to_owned()).await;
    let egress = signing(&signed, &AwsCredentials::new(keys()));
    let egress = egress.allow_url(other.url()).build().unwrap();
    call(&egress, &other.url()).await.unwrap();
    let head = heads.lock().unwrap().remove(0);
    assert!(header(&head, "authorization").is_none());
    assert!(header(&head, "x-amz-security-token").is_none());
}

#[tokio::test]
async fn to_sign_is_not_to_allow() {
    let (server, _) = recording(OK.to_owned()).await;
    let credentials = AwsCredentials::new(keys());
    let egress = Egress::builder().sign(server.url(), "r", "s", &credentials);
    let refused = call(&egress.build().unwrap(), &server.url()).await;
    assert!(matches!(refused, Err(Error::HttpRequestDenied)));
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_address_that_cannot_be_read_is_named() {
    let credentials = AwsCredentials::new(keys());
    let egress = Egress::builder().sign("dynamodb", "r", "s", &credentials);
    let refused = egress.build().unwrap_err().to_string();
    assert!(refused.contains("\"dynamodb\""), "{refused}");
}

#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::not_loaded("nowhere")))
    }
}

#[tokio::test]
async fn a_host_without_credentials_answers_as_dynamodb_refuses_and_sends_nothing() {
    let (server, _) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(Nothing))
        .build()
        .unwrap();
    let (status, body) = call(&egress, &server.url()).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let kind = said["__type"].as_str().unwrap();
    assert!(kind.ends_with("#UnrecognizedClientException"), "{kind}");
    let message = said["message"].as_str().unwrap();
    assert!(
        message.contains("no AWS credentials: no source has any"),
        "{message}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_largest_body_is_signed_and_a_larger_one_is_not_sent() {
    const LARGEST: usize = 32 << 20;
    let (server, _) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys()))
        .build()
        .unwrap();
    let url = server.url();
    let with_body = |length| {
        let (head, _) = request(&url, &[], "").into_parts();
        let body = Full::from(Bytes::from(vec![0; length]));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        let mut request = Request::from_parts(head, body);
        request.headers_mut().remove("content-length");
        request
    };
    let refused = send(&egress, with_body(LARGEST + 1)).await;
    assert!(matches!(refused, Err(Error::HttpRequestBodySize(Some(l))) if l == LARGEST as u64));
    assert_eq!(server.connections(), 0);
    assert!(send(&egress, with_body(LARGEST)).await.is_ok());
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
