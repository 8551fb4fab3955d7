//! Signatures for Amazon S3, compared with those that AWS published and with those of botocore.

use super::{answered, header, keys, send};
use crate::AwsCredentials;
use crate::egress::Egress;
use crate::egress::signing::{Signer, Signing};
use crate::egress::tests::server::Server;
use crate::egress::tests::whole;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Request, StatusCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use wasmtime_wasi_http::WasiBody;

const BUCKET: &str = "https://examplebucket.s3.amazonaws.com";
const TOKEN: &str = "c4n4ry-token-of-a-test";

/// Returns 20130524T000000Z, the time in AWS's examples
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600)
}

/// Returns the keys of AWS's examples.
fn example(token: Option<&str>) -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let token = token.map(ToOwned::to_owned);
    Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, token, None, "test")
}

fn signer() -> Arc<Signer> {
    let signing = Signing {
        url: BUCKET.to_owned(),
        region: "us-east-1".to_owned(),
        service: "s3".to_owned(),
        credentials: AwsCredentials::new(keys()),
    };
    signing.signer().unwrap()
}

fn signed(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
    token: Option<&str>,
) -> Request<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{BUCKET}{path}"))
        .header("host", "examplebucket.s3.amazonaws.com");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
    signer().signed(request, example(token), date()).unwrap()
}

fn signature(request: &Request<Bytes>) -> &str {
    let authorization = request.headers()["authorization"].to_str().unwrap();
    authorization.split_once("Signature=").unwrap().1
}

/// The first two signatures are AWS's. The others are from botocore 1.44.8, made with
/// `S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)`.
///
/// `request` is an `AWSRequest` with the method, encoded path, headers and body of the test. It has
/// `context["payload_signing_enabled"]`, and `botocore.auth.get_current_datetime` is patched to 2013-05-24.
#[test]
fn signatures_match_aws_and_botocore() {
    for (path, encoded, expected) in [
        (
            "/?lifecycle",
            "/?lifecycle",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "/?max-keys=2&prefix=J",
            "/?max-keys=2&prefix=J",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            "/with%20space",
            "/with%20space",
            "7b1e42fd6485d9e2af0d7f2ed21fe72c515aca763bd103ecdfe65f8867c0240c",
        ),
        (
            "/price$",
            "/price%24",
            "323da68a5028aa36e722e9fedc67869df12449ec0244491405ea79e448958f25",
        ),
        (
            "/a//b/../c/./",
            "/a//b/../c/./",
            "d863561088144505191ba3541f39acbe86893d68d66cf49ee090b742e81a7fd4",
        ),
        (
            "/%C3%BC/%E2%82%AC~",
            "/%C3%BC/%E2%82%AC~",
            "98f4c915bab70807a6090944fbd5c8055594e8385c6a3ab12400175ec4f11944",
        ),
        (
            "/a+b=@:,!'()*",
            "/a%2Bb%3D%40%3A%2C%21%27%28%29%2A",
            "9ee6b91e5b6fc2c352ac4a4edfc70a90303c22cb378acb062d5a05d8b5204738",
        ),
        (
            "/key?prefix=a%20b&delimiter=%2F",
            "/key?prefix=a%20b&delimiter=%2F",
            "ba63bf478a341da4d80e45adbca367835b0c92327f6a015ce719f80a40eba83c",
        ),
    ] {
        let request = signed("GET", path, &[], "", None);
        assert_eq!(signature(&request), expected, "{path}");
        assert_eq!(request.uri().path_and_query().unwrap(), encoded);
    }
}

/// The signatures are from botocore, made as above.
#[test]
fn body_headers_and_token_match_botocore() {
    let text = [
        ("content-type", "text/plain"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        // The digest of the plugin must be ignored.
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let put = signed(
        "PUT",
        "/test$file.text",
        &text,
        "Welcome to Amazon S3.",
        None,
    );
    assert_eq!(
        signature(&put),
        "924c61171cf66a8d98c3027283d829e88afe966a97cef8813ec6686466174ac6"
    );
    assert_eq!(
        put.headers()["x-amz-content-sha256"],
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    );

    let put = signed("PUT", "/with-token", &[], "body", Some(TOKEN));
    assert_eq!(
        signature(&put),
        "a6ba542683a0817bbb8264fb873d119c1ca58b8a6f5ca4e968f5d6ff37d58b17"
    );
}

/// The signature is from botocore, made as above with `context["checksum"] = {"request_algorithm": {"in": "trailer"}}`.
#[test]
fn unsigned_trailer_matches_botocore() {
    let streaming = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let said = [
        ("x-amz-content-sha256", streaming),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let put = signed("PUT", "/trailer", &said, "4\r\nbody\r\n0\r\n", None);
    assert_eq!(
        signature(&put),
        "11155ff26d42dd850c4d4ba3b7368d33ace8d2a3ec9735868187091a560ebda7"
    );
    assert_eq!(put.headers()["x-amz-content-sha256"], streaming);
}

/// Returns an egress that signs requests to this server for S3.
fn egress(server: &Server, credentials: &AwsCredentials) -> Egress {
    let url = server.url();
    let egress = Egress::builder().allow_url(&url);
    let egress = egress.sign(&url, "us-east-1", "s3", credentials);
    egress.build().unwrap()
}

fn put(url: &str, headers: &[(&str, &str)]) -> Request<WasiBody> {
    let mut request = Request::put(url).header("content-length", 4);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(whole("body")).unwrap()
}

#[tokio::test]
async fn path_is_sent_as_it_is_signed() {
    let server = Server::that_answers().await;
    let egress = egress(&server, &AwsCredentials::new(keys()));
    let url = format!("{}a$b//../c?x-id=PutObject", server.url());
    send(&egress, put(&url, &[])).await.unwrap();
    let head = server.heads().remove(0);
    let expected = "PUT /a%24b//../c?x-id=PutObject HTTP/1.1\r\n";
    assert!(head.starts_with(expected), "{head}");
    // This is the digest of "body".
    assert_eq!(
        header(&head, "x-amz-content-sha256"),
        Some("230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5")
    );
}

#[tokio::test]
async fn body_in_signed_chunks_is_refused() {
    let server = Server::that_answers().await;
    let egress = egress(&server, &AwsCredentials::new(keys()));
    let chunks = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let request = put(&server.url(), &[("x-amz-content-sha256", chunks)]);
    let (status, body) = answered(&egress, request).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    assert!(body.contains("<Code>NotImplemented</Code>"), "{body}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn missing_credentials_are_an_s3_error_response() {
    let server = Server::that_answers().await;
    let over = Credentials::new("AKID", "c4n4ry", None, Some(SystemTime::UNIX_EPOCH), "test");
    let egress = egress(&server, &AwsCredentials::new(over));
    let (status, body) = answered(&egress, put(&server.url(), &[])).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("<Code>InvalidAccessKeyId</Code>"), "{body}");
    assert!(body.contains("no AWS credentials"), "{body}");
    assert_eq!(server.connections(), 0);
}
