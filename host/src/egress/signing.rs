//! Signing by the host: what a component sends unsigned to an address that the embedder named is signed on its way, so that
//! no key is ever in its memory.
//!
//! What is signed already, and what goes elsewhere, passes as it is. The whole body is signed, so all of it must be here
//! before the first byte goes out.

use super::allow_list;
use super::answer::answer;
use super::origin::Origin;
use super::refusal;
use super::skew::Skew;
use crate::credentials::{AwsCredentials, NoCredentials};
use crate::error::HostError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, WasiBody};

/// The largest body that is signed, in bytes: 16 MB of items, which is the most that DynamoDB takes, as base64, and room for
/// their names.
pub(super) const LARGEST_BODY: usize = 32 << 20;

/// What one instance may have here of bodies together, in bytes: one that does not say its length takes the room of the
/// largest until it is complete, and some of them are to go at a time.
pub(super) const ROOM: usize = 4 * LARGEST_BODY;

/// What a signature brings along. A component's own would be signed with it, or beside it.
const REPLACED: &[&str] = &["x-amz-date", TOKEN, "x-amz-content-sha256"];

/// The session token of what is signed with one.
pub(super) const TOKEN: &str = "x-amz-security-token";

/// What has to be signed beside the address and the type: all that AWS reads
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>). The rest a connection may
/// change.
const SIGNED_PREFIX: &str = "x-amz-";

/// What an embedder said of an address whose requests are signed.
#[derive(Clone, Debug)]
pub(super) struct Signing {
    pub(super) url: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) credentials: AwsCredentials,
}

impl Signing {
    /// Errors: [`HostError::EgressRule`].
    pub(super) fn signer(self) -> Result<Arc<Signer>, HostError> {
        let origin = allow_list::origin(&self.url)?;
        check(&self.region, "is no region; write one such as eu-west-1")?;
        check(&self.service, "is no service; write one such as dynamodb")?;
        Ok(Arc::new(Signer {
            origin,
            region: self.region,
            service: self.service,
            credentials: self.credentials,
            skew: Skew::default(),
        }))
    }
}

/// Signs what goes to one origin.
pub(super) struct Signer {
    pub(super) origin: Origin,
    region: String,
    service: String,
    credentials: AwsCredentials,
    skew: Skew,
}

/// What becomes of a request.
pub(super) enum Outcome {
    /// It goes on, signed, with its part of the instance's room for bodies.
    Signed(Request<WasiBody>, Option<OwnedSemaphorePermit>),
    /// It does not go out: this is the answer.
    Answered(Response<WasiBody>),
}

impl Signer {
    /// Whether somebody has signed the request already, by a header or, as links are, within its query.
    pub(super) fn is_signed(request: &Request<WasiBody>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        request.headers().contains_key(AUTHORIZATION)
            || query
                .split('&')
                .any(|each| each.starts_with("X-Amz-Signature="))
    }

    /// Takes as long as it takes: the caller bounds it. `room` is the instance's for bodies.
    pub(super) async fn sign(
        &self,
        request: Request<WasiBody>,
        room: Arc<Semaphore>,
    ) -> Result<Outcome, Error> {
        let (head, body) = request.into_parts();
        let (body, held) = whole(body, length(&head.headers), room).await?;
        let request = Request::from_parts(head, body);
        let credentials = match self.credentials.current().await {
            Ok(credentials) => credentials,
            Err(reason) => return Ok(Outcome::Answered(unsigned(reason))),
        };
        let now = self.skew.correct(SystemTime::now());
        match self.signed(request, credentials, now) {
            Ok(request) => {
                let request = request.map(|body| Full::new(body).map_err(|never| match never {}));
                Ok(Outcome::Signed(request.map(BodyExt::boxed_unsync), held))
            }
            Err(cause) => {
                tracing::warn!("a request to {} cannot be signed: {cause}", self.origin);
                Err(Error::HttpProtocolError)
            }
        }
    }

    fn signed(
        &self,
        mut request: Request<Bytes>,
        credentials: Credentials,
        now: SystemTime,
    ) -> Result<Request<Bytes>, Box<dyn StdError + Send + Sync>> {
        for name in REPLACED {
            request.headers_mut().remove(*name);
        }
        if credentials.session_token().is_some() {
            // A refusal is searched for the token.
            request.headers_mut().remove(ACCEPT_ENCODING);
        }
        let identity = Identity::from(credentials);
        let settings = SigningSettings::default();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(settings)
            .build()?;
        let uri = request.uri().to_string();
        let headers = request.headers().iter().filter(|(name, _)| covers(name));
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
        let (instructions, _signature) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    /// The answer to what it signed with `token`, as the plugin may read it.
    pub(super) async fn heard(
        &self,
        answer: Response<WasiBody>,
        token: Option<HeaderValue>,
    ) -> Result<Response<WasiBody>, Error> {
        if !answer.status().is_client_error() {
            return Ok(answer);
        }
        self.skew.learn(answer.headers(), SystemTime::now());
        match token.as_ref().and_then(|token| token.to_str().ok()) {
            Some(token) => refusal::without(token, answer).await,
            None => Ok(answer),
        }
    }
}

/// What stands in a header of a signature: aws-sigv4 1.6 panics where it does not fit.
fn check(text: &str, reason: &'static str) -> Result<(), HostError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(HostError::EgressRule {
        rule: text.to_owned(),
        reason,
    })
}

/// What a request says of the length of its body.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body, and its part of `room`, which is reserved before the first byte is read: bodies that took theirs bit by bit
/// could each wait for what the others hold.
pub(super) async fn whole(
    mut body: WasiBody,
    length: Option<usize>,
    room: Arc<Semaphore>,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Error> {
    let too_large = |most: usize| Error::HttpRequestBodySize(Some(most as u64));
    let most = length.unwrap_or(LARGEST_BODY);
    if most > LARGEST_BODY {
        return Err(too_large(LARGEST_BODY));
    }
    let reserved = u32::try_from(most).unwrap_or(u32::MAX);
    // It fails where the semaphore is closed, which this one never is.
    let mut held = room.acquire_many_owned(reserved).await.ok();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if data.len() > most - bytes.len() {
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&data);
    }
    if let Some(held) = &mut held {
        drop(held.split(most - bytes.len()));
    }
    Ok((bytes.freeze(), held))
}

fn covers(name: &HeaderName) -> bool {
    *name == HOST || *name == CONTENT_TYPE || name.as_str().starts_with(SIGNED_PREFIX)
}

/// As DynamoDB refuses: a component tells its caller what it says, and does not try again.
fn unsigned(reason: NoCredentials) -> Response<WasiBody> {
    let message = format!(
        "the host signs the requests to this address, and has no AWS credentials: {reason}; its log says more"
    );
    let document = json!({
        "__type": "com.amazon.coral.service#UnrecognizedClientException",
        "message": message,
    });
    answer(
        StatusCode::BAD_REQUEST,
        "application/x-amz-json-1.0",
        &document,
    )
}
