//! Signature version 4, by the SDK's own crate. The time that is signed is the
//! server's as far as the last skew error told it.

use super::endpoint::Endpoint;
use super::message::Headers;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::Identity;
use std::time::SystemTime;

/// The service's name in the credential scope.
const SERVICE: &str = "dynamodb";

/// Signs with one set of credentials for one region.
#[derive(Debug)]
pub struct Signer {
    identity: Identity,
    region: String,
    credentials: Credentials,
}

impl Signer {
    /// A signer for `region`, which goes into the credential scope.
    #[must_use]
    pub fn new(credentials: Credentials, region: String) -> Self {
        Self {
            identity: credentials.clone().into(),
            region,
            credentials,
        }
    }

    /// `text` without the secrets, which a server may repeat to us.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let secrets = [
            Some(self.credentials.secret_access_key()),
            self.credentials.session_token(),
        ];
        secrets
            .into_iter()
            .flatten()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// Adds the fields of the signature (`x-amz-date`, `authorization` and,
    /// with temporary credentials, `x-amz-security-token`) to `headers`. Signed
    /// are the method, the path, the host, all of `headers` that a proxy leaves
    /// alone, and the body.
    ///
    /// # Errors
    ///
    /// Where a credential holds what a header cannot carry. The error does not
    /// quote it.
    pub fn sign(
        &self,
        endpoint: &Endpoint,
        headers: &mut Headers,
        body: &[u8],
        time: SystemTime,
    ) -> Result<(), BoxError> {
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(SERVICE)
            .time(time)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let mut text = Vec::with_capacity(headers.len());
        for (name, value) in headers.iter() {
            text.push((name.as_str(), std::str::from_utf8(value)?));
        }
        let request = SignableRequest::new(
            "POST",
            endpoint.url(),
            text.into_iter(),
            SignableBody::Bytes(body),
        )?;
        let (instructions, _signature) = sign(request, &params)?.into_parts();
        for (name, value) in instructions.headers() {
            headers.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        Ok(())
    }
}
