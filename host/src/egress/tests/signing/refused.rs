//! What does not go out at all.

use super::{OK, keys, recording, request, send, signing};
use crate::AwsCredentials;
use crate::egress::Egress;
use crate::egress::tests::call;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::Error;

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

#[test]
fn a_region_or_a_service_that_does_not_fit_into_a_header_is_named() {
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
