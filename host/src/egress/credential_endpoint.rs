//! A container credential endpoint, served in this process. AWS SDKs ask it for the credentials that the embedder lends.
//!
//! No network connection is made to it. An instance without lent credentials has no such endpoint.
//!
//! The document has the format of AWS's own agents
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>).

use super::buffered::answer;
use super::origin::{Host, Origin, Scheme};
use super::pool::InFlight;
use crate::credentials::AwsCredentials;
use crate::error::HostError;
use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode, Uri};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use wasmtime_wasi_http::WasiBody;

/// The host name of the endpoint. Every SDK allows this name without TLS, because it means the local machine.
const HOST: &str = "localhost";
const PATH: &str = "/dapr-wasm-host/credentials";

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Environment variables that name a credential endpoint or its token.
const REPLACED: &[&str] = &[
    FULL_URI,
    TOKEN,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The number of random bytes in the token. Long enough that nobody can guess it.
const TOKEN_BYTES: usize = 32;

/// The lifetime that is reported for credentials without an expiry. Afterwards the component asks again, because the source
/// may then have other credentials.
const UNLIMITED: Duration = Duration::from_secs(15 * 60);

/// The endpoint of one instance.
#[derive(Clone)]
pub(crate) struct CredentialEndpoint {
    credentials: AwsCredentials,
    token: String,
}

impl CredentialEndpoint {
    /// Errors: [`HostError::NoRandomNumbers`].
    pub(crate) fn new(credentials: AwsCredentials) -> Result<Self, HostError> {
        let mut token = [0; TOKEN_BYTES];
        let filled = SystemRandom::new().fill(&mut token);
        filled.map_err(|_unspecified| HostError::NoRandomNumbers)?;
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { credentials, token })
    }

    /// Sets the variables in `environment` that name this endpoint, and removes those that name another.
    pub(crate) fn announce(&self, environment: &mut Vec<(String, String)>) {
        environment.retain(|(name, _)| !REPLACED.contains(&name.as_str()));
        let uri = format!("http://{HOST}{PATH}");
        environment.push((FULL_URI.to_owned(), uri));
        environment.push((TOKEN.to_owned(), self.token.clone()));
    }

    /// Returns true if a request to `uri` is for this endpoint.
    pub(super) fn is_asked(uri: &Uri) -> bool {
        uri.path() == PATH
            && Origin::of(uri).is_ok_and(|origin| {
                origin.scheme == Scheme::Http
                    && origin.host == Host::Name(HOST.to_owned())
                    && origin.port == Scheme::Http.default_port()
            })
    }

    pub(super) async fn answer(
        self,
        request: Request<WasiBody>,
        in_flight: InFlight,
    ) -> Response<WasiBody> {
        let (status, document) = self.document_for(request).await;
        answer(status, "application/json", document.to_string(), in_flight)
    }

    async fn document_for(self, request: Request<WasiBody>) -> (StatusCode, Value) {
        if request.method() != Method::GET {
            let why = "use the method GET to get credentials";
            return error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", why);
        }
        let token = request.headers().get(AUTHORIZATION);
        if token.is_none_or(|token| token.as_bytes() != self.token.as_bytes()) {
            let why = format!("the authorization header is not the value of {TOKEN}");
            return error(StatusCode::FORBIDDEN, "AccessDenied", &why);
        }
        match self.credentials.current().await {
            Ok(credentials) => (StatusCode::OK, document(&credentials)),
            Err(reason) => {
                let why = format!("the host has no AWS credentials to lend: {reason}");
                error(StatusCode::NOT_FOUND, "NoCredentials", &why)
            }
        }
    }
}

fn document(credentials: &Credentials) -> Value {
    let expiry = credentials
        .expiry()
        .unwrap_or_else(|| SystemTime::now() + UNLIMITED);
    // Formatting fails for years after 9999.
    let expiry = DateTime::from(expiry).fmt(Format::DateTime).ok();
    json!({
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key(),
        "Token": credentials.session_token(),
        "Expiration": expiry,
    })
}

fn error(status: StatusCode, code: &str, message: &str) -> (StatusCode, Value) {
    (status, json!({ "Code": code, "Message": message }))
}
