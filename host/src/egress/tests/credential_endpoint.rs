//! The credential endpoint serves only the instance that was lent credentials, and only with the right token.

use super::{dispatch, whole};
use crate::egress::{CredentialEndpoint, Outgoing};
use crate::{AwsCredentials, InstanceOptions};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};
use wasmtime_wasi_http::Error;

const SECRET: &str = "c4n4ry-on-loan";
const TOKEN: &str = "c4n4ry-token-on-loan";

/// The outgoing HTTP of an instance, and the endpoint and token in its environment.
struct Instance {
    outgoing: Outgoing,
    uri: String,
    token: String,
}

impl Instance {
    fn lent(credentials: AwsCredentials) -> Self {
        let endpoint = CredentialEndpoint::new(credentials).unwrap();
        let stale = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        let mut environment = vec![
            (stale.to_owned(), "/elsewhere".to_owned()),
            ("AWS_REGION".to_owned(), "eu-west-1".to_owned()),
        ];
        endpoint.announce(&mut environment);
        let names: Vec<_> = environment.iter().map(|(name, _)| name.as_str()).collect();
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let token = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
        assert_eq!(names, ["AWS_REGION", full, token]);
        let (uri, token) = (environment[1].1.clone(), environment[2].1.clone());
        let mut outgoing = Outgoing::new(None, NonZeroUsize::MIN, None);
        outgoing.credential_endpoint = Some(endpoint);
        Self {
            outgoing,
            uri,
            token,
        }
    }

    /// Asks the endpoint with the URL and token of the environment.
    async fn get(&mut self) -> Result<(StatusCode, Value), Error> {
        let (uri, token) = (self.uri.clone(), self.token.clone());
        self.ask(Method::GET, &uri, Some(&token)).await
    }

    async fn ask(
        &mut self,
        method: Method,
        uri: &str,
        token: Option<&str>,
    ) -> Result<(StatusCode, Value), Error> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request = request.body(whole("")).unwrap();
        let response = dispatch(&mut self.outgoing, request, None).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap()))
    }
}

fn keys(expiry: Option<SystemTime>) -> AwsCredentials {
    let token = Some(TOKEN.to_owned());
    AwsCredentials::new(Credentials::new("AKIDLENT", SECRET, token, expiry, "test"))
}

#[tokio::test]
async fn credentials_are_lent_without_an_egress() {
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    let mut instance = Instance::lent(keys(Some(end)));
    let (status, lent) = instance.get().await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(lent["AccessKeyId"], "AKIDLENT");
    assert!(lent["SecretAccessKey"] == SECRET);
    assert!(lent["Token"] == TOKEN);
    assert_eq!(lent["Expiration"], "2100-01-01T00:00:00Z");
}

#[tokio::test]
async fn credentials_without_expiry_are_lent_with_one() {
    let mut instance = Instance::lent(keys(None));
    let (_, lent) = instance.get().await.unwrap();
    assert!(lent["Expiration"].is_string());
}

#[tokio::test]
async fn missing_or_wrong_token_is_refused() {
    let mut instance = Instance::lent(keys(None));
    let another = Instance::lent(keys(None));
    let uri = instance.uri.clone();
    for said in [None, Some(""), Some(another.token.as_str())] {
        let (status, refusal) = instance.ask(Method::GET, &uri, said).await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(refusal["Code"], "AccessDenied");
        assert!(refusal.get("SecretAccessKey").is_none());
    }
    let token = instance.token.clone();
    let (status, _) = instance.ask(Method::PUT, &uri, Some(&token)).await.unwrap();
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn instance_without_lent_credentials_has_no_endpoint() {
    let Instance { uri, token, .. } = Instance::lent(keys(None));
    let mut other = Instance::lent(keys(None));
    other.outgoing.credential_endpoint = None;
    let refused = other.ask(Method::GET, &uri, Some(&token)).await;
    assert!(matches!(refused, Err(Error::HttpRequestDenied)));
}

#[tokio::test]
async fn rest_of_localhost_stays_refused() {
    let mut instance = Instance::lent(keys(None));
    let token = instance.token.clone();
    for uri in [
        "http://localhost/",
        "http://localhost:8080/dapr-wasm-host/credentials",
        "https://localhost/dapr-wasm-host/credentials",
        "http://localhost.example/dapr-wasm-host/credentials",
        "http://user@localhost/dapr-wasm-host/credentials",
    ] {
        let refused = instance.ask(Method::GET, uri, Some(&token)).await;
        assert!(matches!(refused, Err(Error::HttpRequestDenied)), "{uri}");
    }
}

#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::provider_error("c4n4ry-in-a-cause")))
    }
}

#[tokio::test]
async fn missing_credentials_are_reported_without_the_cause() {
    let mut instance = Instance::lent(AwsCredentials::new(Broken));
    let (status, refusal) = instance.get().await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(refusal["Code"], "NoCredentials");
    assert_eq!(
        refusal["Message"],
        "the host has no AWS credentials to lend: their source failed"
    );
}

#[test]
fn each_instance_has_its_own_token() {
    let options = InstanceOptions::new().lend_credentials(&keys(None));
    let (_, first, _) = options.open().unwrap();
    let (_, second, _) = options.open().unwrap();
    let token = |outgoing: Outgoing| {
        let mut environment = Vec::new();
        outgoing
            .credential_endpoint
            .unwrap()
            .announce(&mut environment);
        environment.pop().unwrap().1
    };
    let (first, second) = (token(first), token(second));
    assert_eq!(first.len(), 64);
    assert!(first != second);
}
