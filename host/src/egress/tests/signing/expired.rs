//! The host renews a session token that the service refuses as expired.

use super::{SECRET, answer, answered, header, request, send, signing};
use crate::AwsCredentials;
use crate::egress::tests::server::{OK, Server};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_credential_types::provider::{self, ProvideCredentials};
use http::StatusCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

const OLD: &str = "c4n4ry-token-that-has-expired";
const NEW: &str = "c4n4ry-token-that-is-new";
const BODY: &str = r#"{"TableName":"orders"}"#;
const LONG: Duration = Duration::from_secs(60);

fn keys(token: &str) -> Credentials {
    Credentials::new("AKIDHOST", SECRET, Some(token.to_owned()), None, "test")
}

/// A source that counts its calls.
#[derive(Clone, Debug)]
struct Source {
    asked: Arc<AtomicUsize>,
    next: Option<&'static str>,
}

impl Source {
    fn that_gives(next: Option<&'static str>) -> Self {
        let asked = Arc::default();
        Self { asked, next }
    }

    /// Returns credentials that this source returned a while ago, with the expired token.
    fn known(&self) -> AwsCredentials {
        let then = SystemTime::now() - LONG;
        let credentials = AwsCredentials::new(self.clone()).wait_timeout(LONG);
        credentials.given(keys(OLD), then)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let next: provider::Result = match self.next {
            Some(token) => Ok(keys(token)),
            None => Err(CredentialsError::provider_error("out of order")),
        };
        Provided::ready(next)
    }
}

/// The heads and bodies of requests.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// Starts a server that accepts these tokens and responds to all others with `refusal`.
async fn server_that_takes(tokens: &'static [&str], refusal: String) -> (Server, Heard) {
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    let server = Server::start(move |mut connection| {
        let (kept, refusal) = (Arc::clone(&kept), refusal.clone());
        async move {
            while let Some(head) = connection.head().await {
                let length = header(&head, "content-length").unwrap().parse().unwrap();
                let body = connection.bytes(length).await;
                let token = header(&head, "x-amz-security-token").unwrap();
                let said = if tokens.contains(&token) {
                    OK
                } else {
                    &refusal
                };
                let body = String::from_utf8(body).unwrap();
                kept.lock().unwrap().push((head.clone(), body));
                connection.write(said).await;
            }
        }
    });
    (server.await, heard)
}

/// Returns a refusal of DynamoDB that repeats the token, as S3 does.
fn expired() -> String {
    let body = format!(
        r#"{{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"{OLD} {NEW}"}}"#
    );
    answer("400 Bad Request", "", &body)
}

async fn call(server: &Server, credentials: &AwsCredentials) -> (StatusCode, String) {
    let egress = signing(server, credentials).build().unwrap();
    answered(&egress, request(&server.url(), &[], BODY)).await
}

#[tokio::test]
async fn request_is_sent_again_after_an_expired_token() {
    let by_header = "x-amzn-errortype: ExpiredTokenException:http://internal.amazon.com/\r\n";
    let xml = "<?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code></Error>";
    for refusal in [
        expired(),
        answer("403 Forbidden", by_header, "{}"),
        answer("400 Bad Request", "", xml),
    ] {
        let source = Source::that_gives(Some(NEW));
        let (server, heard) = server_that_takes(&[NEW], refusal).await;
        let (status, body) = call(&server, &source.known()).await;
        assert_eq!((status, &*body), (StatusCode::OK, "ok"));
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 2);
        assert!(heard.iter().all(|(_, body)| body == BODY));
        let signatures = heard.iter().map(|(head, _)| header(head, "authorization"));
        let signatures: Vec<_> = signatures.collect();
        assert!(signatures[0] != signatures[1], "the same signature");
        assert_eq!(source.asked(), 1);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn second_refusal_is_returned() {
    let source = Source::that_gives(Some(NEW));
    let (server, heard) = server_that_takes(&[], expired()).await;
    let (status, body) = call(&server, &source.known()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("ExpiredTokenException"));
    assert!(!body.contains(NEW), "the token is shown");
    assert_eq!(heard.lock().unwrap().len(), 2);
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn refusal_is_returned_without_other_credentials() {
    for next in [None, Some(OLD)] {
        let source = Source::that_gives(next);
        let credentials = source.known();
        let (server, heard) = server_that_takes(&[NEW], expired()).await;
        for _ in 0..2 {
            let (status, body) = call(&server, &credentials).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(body.contains("ExpiredTokenException"));
            assert!(!body.contains(OLD), "the token is shown");
        }
        assert_eq!(heard.lock().unwrap().len(), 2);
        // The source has a pause after any answer.
        assert_eq!(source.asked(), 1);
    }
}

#[tokio::test]
async fn other_refusals_renew_nothing() {
    let body = r#"{"__type":"a#ValidationException","message":"ExpiredTokenException"}"#;
    let source = Source::that_gives(Some(NEW));
    let refusal = answer("400 Bad Request", "", body);
    let (server, heard) = server_that_takes(&[NEW], refusal).await;
    let (_, said) = call(&server, &source.known()).await;
    assert_eq!(said, body);
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert_eq!(source.asked(), 0);
}

#[tokio::test]
async fn concurrent_refusals_share_one_renewal() {
    let source = Source::that_gives(Some(NEW));
    let (server, heard) = server_that_takes(&[NEW], expired()).await;
    let egress = signing(&server, &source.known()).build().unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (egress, url) = (egress.clone(), server.url());
        calls.spawn(async move { send(&egress, request(&url, &[], BODY)).await.unwrap() });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(source.asked(), 1);
    let heard = heard.lock().unwrap();
    let new = heard
        .iter()
        .filter(|(head, _)| header(head, "x-amz-security-token") == Some(NEW));
    assert_eq!(new.count(), 20);
}
