//! Verification of request signatures. The SDK's own signer makes the signature again from the
//! request as it arrived, with the secret of the key that the request names.
//!
//! Source: "AWS Signature Version 4 for API requests" in the IAM User Guide.

use super::{Account, Key};
use crate::faults::Arrived;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderMap, header};
use std::time::SystemTime;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const TOKEN: &str = "x-amz-security-token";

/// The reason to refuse a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is not signed.
    Unsigned,
    /// The signature is incomplete and cannot be checked, for this reason.
    Incomplete(&'static str),
    /// There is no such key, or it has another session token.
    UnknownKey,
    /// The key has expired.
    Expired,
    /// The signing time differs too much from the clock.
    Skewed,
    /// The request was signed for another service.
    WrongService,
    /// The request was signed with another secret, or changed on the way.
    WrongSignature,
}

/// Returns the access key that signed the request for `service`.
pub(super) fn signed_by(
    arrived: &Arrived,
    service: &str,
    account: &Account,
) -> Result<Key, Refusal> {
    let claim = Claim::read(&arrived.headers)?;
    let key = account.key(claim.id).ok_or(Refusal::UnknownKey)?;
    let token = field(&arrived.headers, TOKEN);
    if token != key.session_token.as_deref() {
        return Err(Refusal::UnknownKey);
    }
    if claim.service != service {
        return Err(Refusal::WrongService);
    }
    let signature = claim.signature_with(&key, arrived)?;
    if signature != claim.signature {
        return Err(Refusal::WrongSignature);
    }
    if !account.clock().tolerates(claim.time) {
        return Err(Refusal::Skewed);
    }
    match account.has_expired(&key) {
        true => Err(Refusal::Expired),
        false => Ok(key),
    }
}

/// The parts of a request that describe its signature.
struct Claim<'a> {
    id: &'a str,
    time: SystemTime,
    region: &'a str,
    service: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let authorization = field(headers, header::AUTHORIZATION.as_str());
        let authorization = authorization.ok_or(Refusal::Unsigned)?;
        let incomplete = |what: &'static str| move || Refusal::Incomplete(what);
        let parts = authorization
            .strip_prefix(ALGORITHM)
            .ok_or_else(incomplete("the algorithm is not AWS4-HMAC-SHA256"))?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let credential = part("Credential").ok_or_else(incomplete("Credential"))?;
        let scope: Vec<&str> = credential.split('/').collect();
        let [id, day, region, service, "aws4_request"] = scope[..] else {
            return Err(Refusal::Incomplete("the scope of Credential"));
        };
        let date = field(headers, DATE).ok_or_else(incomplete("X-Amz-Date"))?;
        let time = moment(date).ok_or_else(incomplete("X-Amz-Date"))?;
        if !date.starts_with(day) {
            return Err(Refusal::Incomplete(
                "the day of the scope is not X-Amz-Date's",
            ));
        }
        let signed = part("SignedHeaders").ok_or_else(incomplete("SignedHeaders"))?;
        let signed: Vec<&str> = signed.split(';').collect();
        let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
        let mut names = headers.keys().map(header::HeaderName::as_str);
        if names.any(|name| must_be_signed(name) && !signed.contains(&name)) {
            return Err(Refusal::Incomplete(
                "SignedHeaders lacks Host or an X-Amz- field",
            ));
        }
        Ok(Self {
            id,
            time,
            region,
            service,
            signed,
            signature: part("Signature").ok_or_else(incomplete("Signature"))?,
        })
    }

    /// Returns the signature that the request must have.
    fn signature_with(&self, key: &Key, arrived: &Arrived) -> Result<String, Refusal> {
        let unsignable = |_| Refusal::Incomplete("the request cannot be signed");
        let credentials = Credentials::new(
            &key.id,
            &key.secret,
            key.session_token.clone(),
            None,
            "account",
        );
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        // The request itself names its signed headers.
        settings.excluded_headers = None;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.time)
            .settings(settings)
            .build()
            .map_err(|_| Refusal::Incomplete("the request cannot be signed"))?
            .into();
        let host = field(&arrived.headers, "host").unwrap_or_default();
        // The signer adds these two by itself.
        let given = self
            .signed
            .iter()
            .filter(|name| ![DATE, TOKEN].contains(name));
        let given: Vec<(&str, &str)> = given
            .flat_map(|name| {
                let values = arrived.headers.get_all(*name).into_iter();
                values.map(move |value| (*name, value.to_str().unwrap_or_default()))
            })
            .collect();
        let request = SignableRequest::new(
            arrived.method.as_str(),
            format!("http://{host}{}", arrived.path),
            given.into_iter(),
            SignableBody::Bytes(&arrived.body),
        );
        let signed = sign(request.map_err(unsignable)?, &parameters).map_err(unsignable)?;
        Ok(signed.signature().to_owned())
    }
}

fn field<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Parses a time such as `20231114T221320Z`.
fn moment(text: &str) -> Option<SystemTime> {
    let part = |from: usize, to: usize| text.get(from..to);
    let [year, month, day] = [part(0, 4)?, part(4, 6)?, part(6, 8)?];
    let [hour, minute, second] = [part(9, 11)?, part(11, 13)?, part(13, 15)?];
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    humantime::parse_rfc3339(&text).ok()
}
