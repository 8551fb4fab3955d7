//! What comes back where a signature is not taken.

use super::{OK, SECRET, TOKEN, header, keys, recording, request, send, signing};
use crate::AwsCredentials;
use aws_credential_types::Credentials;
use http_body_util::BodyExt;
use wasmtime_wasi_http::Error;

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// Sends a request that `keys` sign, and gives length, checksum and body of the answer.
async fn heard(
    answer: String,
    keys: Credentials,
) -> Result<(String, Option<String>, String), Error> {
    let (server, _) = recording(answer).await;
    let egress = signing(&server, &AwsCredentials::new(keys))
        .build()
        .unwrap();
    let response = send(&egress, request(&server.url(), &[], "{}")).await?;
    let text = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (length, checksum) = (text("content-length").unwrap(), text("x-amz-crc32"));
    let body = response.into_body().collect().await?.to_bytes();
    Ok((length, checksum, String::from_utf8(body.to_vec()).unwrap()))
}

const CHECKSUM: &str = "x-amz-crc32: 1\r\n";

#[tokio::test]
async fn a_refusal_does_not_repeat_the_token_to_the_plugin() {
    for status in ["400 Bad Request", "403 Forbidden"] {
        let said = format!("should have been: {TOKEN}, {TOKEN}!");
        let refusal = answer(status, CHECKSUM, &said);
        let (length, checksum, body) = heard(refusal, keys()).await.unwrap();
        assert!(body == "should have been: ***, ***!", "another body");
        assert_eq!(length, body.len().to_string());
        assert_eq!(checksum, None);
    }
}

#[tokio::test]
async fn another_refusal_is_passed_as_it_is() {
    let refusal = answer("400 Bad Request", CHECKSUM, "no such table");
    let (length, checksum, body) = heard(refusal, keys()).await.unwrap();
    assert_eq!(body, "no such table");
    assert_eq!(length, body.len().to_string());
    assert_eq!(checksum.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_refusal_that_cannot_be_searched_is_not_passed() {
    let coded = answer("400 Bad Request", "content-encoding: gzip\r\n", "?");
    let refused = heard(coded.clone(), keys()).await;
    let coding = "gzip".to_owned();
    assert!(matches!(refused, Err(Error::HttpResponseContentCoding(Some(c))) if c == coding));
    let without_token = Credentials::new("AKIDHOST", SECRET, None, None, "test");
    assert!(heard(coded, without_token).await.is_ok());
}

#[tokio::test]
async fn a_service_is_not_asked_to_compress_what_is_to_be_searched() {
    let (server, heads) = recording(OK.to_owned()).await;
    let egress = signing(&server, &AwsCredentials::new(keys())).build();
    let asked = [("accept-encoding", "gzip")];
    let request = request(&server.url(), &asked, "{}");
    send(&egress.unwrap(), request).await.unwrap();
    let head = heads.lock().unwrap().remove(0);
    assert_eq!(header(&head, "accept-encoding"), None);
}
