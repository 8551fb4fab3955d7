//! Signing by the host. The host signs unsigned requests to the origins that the embedder named. So a component never has a key
//! in its memory.
//!
//! A request that has a signature already, or that goes to another origin, is sent unchanged. The signature covers the whole
//! body, so the host must have all of it before it sends the first byte.

use super::clock_skew::ClockSkew;
use super::exchange::{Exchange, RequestLimits, Timeouts};
use super::mask_token::{ErrorResponse, buffer_size};
use super::origin::Origin;
use super::pool::InFlight;
use super::signing_style::{PAYLOAD_HASH, Style, chunks_refused};
use super::{allow_list, buffered, byte_budget};
use crate::credentials::AwsCredentials;
use crate::error::HostError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, WasiBody};

/// The largest body that is signed, in bytes. It has room for 16 MB of items, the maximum of DynamoDB, as base64 and with
/// their names.
pub(super) const LARGEST_BODY: usize = 32 << 20;

/// The buffer limit of one instance for bodies, in bytes, including those of error responses.
///
/// A body of unknown length counts as [`LARGEST_BODY`] until it is complete. There is room for four of those.
pub(super) const BUFFER_LIMIT: usize = 4 * LARGEST_BODY;

/// Headers that belong to a signature. The host removes a component's own, so that they are neither signed nor sent.
const REPLACED: &[&str] = &["x-amz-date", TOKEN, PAYLOAD_HASH];

/// The header with the session token of a signature.
const TOKEN: &str = "x-amz-security-token";

/// The prefix of the headers that are signed in addition to `host` and `content-type`. AWS reads no others
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>), and a connection may change
/// the rest.
const SIGNED_PREFIX: &str = "x-amz-";

/// A rule of the embedder to sign requests to this URL.
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
        check(&self.region, "is not a region; write one such as eu-west-1")?;
        check(
            &self.service,
            "is not a service; write one such as dynamodb",
        )?;
        Ok(Arc::new(Signer {
            origin,
            style: Style::of(&self.region, &self.service)?,
            region: self.region,
            service: self.service,
            credentials: self.credentials,
            skew: ClockSkew::default(),
        }))
    }
}

/// Signs requests to one origin.
pub(super) struct Signer {
    pub(super) origin: Origin,
    style: Style,
    region: String,
    service: String,
    credentials: AwsCredentials,
    skew: ClockSkew,
}

/// The connections for a request that is to be signed, and the limits of its instance.
pub(super) struct Context {
    pub(super) exchange: Exchange,
    pub(super) limits: RequestLimits,
    /// One permit for each byte of buffered bodies.
    pub(super) bodies: Arc<Semaphore>,
}

impl Signer {
    /// Returns true if the request is signed already, in a header or in its query (a presigned URL).
    pub(super) fn is_signed(request: &Request<WasiBody>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        request.headers().contains_key(AUTHORIZATION)
            || query
                .split('&')
                .any(|each| each.starts_with("X-Amz-Signature="))
    }

    /// Signs a request, sends it and waits for its response.
    ///
    /// If the service refuses the session token as expired, the request did not take effect. It is then signed with newer
    /// credentials, if there are any, and sent once more.
    pub(super) async fn exchange(
        &self,
        request: Request<WasiBody>,
        context: Context,
    ) -> Result<Response<WasiBody>, Error> {
        let timeouts = &context.exchange.timeouts;
        let ready = async {
            let (head, body) = request.into_parts();
            let length = length(&head.headers).or_else(|| exact(&body));
            let body = whole(body, length, Arc::clone(&context.bodies)).await?;
            let credentials = self.credentials.current().await;
            Ok::<_, Error>((Request::from_parts(head, body), credentials))
        };
        let (request, credentials) = timeouts.before_sending(ready).await??;
        let limits = context.limits.clone();
        let in_flight = limits.admit(timeouts.connected_by()).await?;
        let mut credentials = match credentials {
            Ok(credentials) => credentials,
            Err(reason) => return Ok(self.style.unsigned(reason, in_flight)),
        };
        if self.style.has_signed_chunks(&request) {
            return Ok(chunks_refused(in_flight));
        }
        // Only temporary credentials have a session token and expire.
        let may_expire = credentials.session_token().is_some() && !self.is_an_application();
        let again = may_expire.then(|| request.clone());
        let mut answer = self
            .send(request, &credentials, &in_flight, &context)
            .await?;
        if let Some(again) = again
            && is_refusal(&answer)
        {
            // It does not wait, because other requests may wait for the room that this request holds.
            let room = Arc::clone(&context.bodies).try_acquire_many_owned(buffer_size(&answer)?);
            if let Ok(room) = room {
                let refusal = ErrorResponse::read(answer, room).await?;
                let renewed = self.renewed(&refusal, &credentials, timeouts).await;
                let Some(renewed) = renewed else {
                    return Ok(masked(refusal, &credentials, in_flight));
                };
                drop(refusal);
                credentials = renewed;
                answer = self.send(again, &credentials, &in_flight, &context).await?;
            }
        }
        if credentials.session_token().is_none() || !is_refusal(&answer) {
            return Ok(answer);
        }
        // The request has released its room.
        let needed = buffer_size(&answer)?;
        let room = Arc::clone(&context.bodies).acquire_many_owned(needed);
        // The semaphore is never closed.
        let room = timeouts.before_reading(room).await?;
        let room = room.map_err(|_| Error::HttpResponseTimeout)?;
        let refusal = ErrorResponse::read(answer, room).await?;
        if refusal.is_expired_token() {
            self.credentials.invalidate(&credentials);
        }
        Ok(masked(refusal, &credentials, in_flight))
    }

    /// Returns true if the response may come from a user's application rather than from the service.
    ///
    /// An application may return any error after it has processed the request. So the request is not sent a second time.
    fn is_an_application(&self) -> bool {
        ["execute-api", "lambda"].contains(&self.service.as_str())
    }

    /// Fetches new credentials if the service refused these as expired. Returns `None` if there are no others in time.
    async fn renewed(
        &self,
        refusal: &ErrorResponse,
        refused: &Credentials,
        timeouts: &Timeouts,
    ) -> Option<Credentials> {
        if !refusal.is_expired_token() {
            return None;
        }
        tracing::debug!("{} refused the host's credentials as expired", self.origin);
        let others = self.credentials.instead_of(refused);
        timeouts.before_sending(others).await.ok().flatten()
    }

    async fn send(
        &self,
        request: Request<Bytes>,
        credentials: &Credentials,
        in_flight: &InFlight,
        context: &Context,
    ) -> Result<Response<WasiBody>, Error> {
        let now = self.skew.correct(SystemTime::now());
        let signed = self.signed(request, credentials.clone(), now);
        let signed = signed.map_err(|cause| {
            tracing::warn!("a request to {} cannot be signed: {cause}", self.origin);
            Error::HttpProtocolError
        })?;
        let body = |bytes| Full::new(bytes).map_err(|never| match never {});
        let signed = signed.map(|bytes| body(bytes).boxed_unsync());
        let exchange = &context.exchange;
        let connected_by = exchange.timeouts.connected_by();
        let answer = exchange
            .send(signed, in_flight.clone(), connected_by)
            .await?;
        if is_refusal(&answer) {
            self.skew.learn(answer.headers(), SystemTime::now());
        }
        Ok(answer)
    }

    pub(super) fn signed(
        &self,
        mut request: Request<Bytes>,
        credentials: Credentials,
        now: SystemTime,
    ) -> Result<Request<Bytes>, Box<dyn StdError + Send + Sync>> {
        let has_trailer = self.style.has_unsigned_trailer(&request);
        for name in REPLACED {
            request.headers_mut().remove(*name);
        }
        self.style.prepare(&mut request)?;
        if credentials.session_token().is_some() {
            // The host searches an error response for the token, so it must not be compressed.
            request.headers_mut().remove(ACCEPT_ENCODING);
        }
        let identity = Identity::from(credentials);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(self.style.settings())
            .build()?;
        let uri = request.uri().to_string();
        let headers = request.headers().iter().filter(|(name, _)| covers(name));
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = if has_trailer {
            SignableBody::StreamingUnsignedPayloadTrailer
        } else {
            SignableBody::Bytes(request.body())
        };
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
        let (instructions, _signature) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Returns true if the service may have refused the signature: for a status of 400 to 499.
fn is_refusal(answer: &Response<WasiBody>) -> bool {
    answer.status().is_client_error()
}

/// Returns an error response without the session token of the credentials.
fn masked(
    refusal: ErrorResponse,
    credentials: &Credentials,
    in_flight: InFlight,
) -> Response<WasiBody> {
    refusal.masked(credentials.session_token().unwrap_or_default(), in_flight)
}

/// Refuses text that is not valid in a header. aws-sigv4 1.6 panics on such text.
fn check(text: &str, reason: &'static str) -> Result<(), HostError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(HostError::EgressRule {
        rule: text.to_owned(),
        reason,
    })
}

/// Returns the `content-length` of a request.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the length of a body that the host has as a whole already.
fn exact(body: &WasiBody) -> Option<usize> {
    usize::try_from(body.size_hint().exact()?).ok()
}

/// Reads the whole body. The body holds its permits of `room` until its last byte is dropped.
///
/// All permits are taken before the first byte is read. Otherwise several bodies could each hold a part of the room and wait for
/// each other.
pub(super) async fn whole(
    body: WasiBody,
    length: Option<usize>,
    room: Arc<Semaphore>,
) -> Result<Bytes, Error> {
    let too_large = |most: usize| Error::HttpRequestBodySize(Some(most as u64));
    let most = length.unwrap_or(LARGEST_BODY);
    if most > LARGEST_BODY {
        return Err(too_large(LARGEST_BODY));
    }
    let reserved = u32::try_from(most).unwrap_or(u32::MAX);
    // `acquire` fails only if the semaphore is closed. This one never is.
    let mut held = room.acquire_many_owned(reserved).await.ok();
    let bytes = buffered::collect(body, most).await?;
    let bytes = bytes.ok_or_else(|| too_large(most))?;
    if let Some(held) = &mut held {
        drop(held.split(most - bytes.len()));
    }
    Ok(byte_budget::with_permits(bytes, held))
}

fn covers(name: &HeaderName) -> bool {
    *name == HOST || *name == CONTENT_TYPE || name.as_str().starts_with(SIGNED_PREFIX)
}
