//! Signature version 4. All signed requests are of one kind: a POST without a query, whose
//! body is signed. The signing key is derived once a day. Callers give the signing time,
//! which is the server's time as far as it is known.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//! Native tests compare the signatures with those of the SDK's own crate and of botocore.

use super::endpoint::Endpoint;
use crate::http::{Digest, Headers};
use crate::text::remember;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::cell::RefCell;
use std::time::SystemTime;

/// The name of the algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// The length of a hash in hexadecimal digits.
const HEX_DIGITS: usize = 64;

/// The initial capacity for a canonical request, in bytes. It is enough for a request
/// without temporary credentials.
const CANONICAL_REQUEST: usize = 512;

/// A signer with one set of credentials, for one service in one region.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    service: &'static str,
    moment: RefCell<Option<Moment>>,
}

/// The parts of a signature that do not change within a second.
#[derive(Debug)]
struct Moment {
    /// The seconds since the Unix epoch.
    seconds: i64,
    /// The same time as text, such as `20231114T221320Z`.
    text: String,
    day: Day,
}

/// The parts of a signature that do not change within a day.
#[derive(Debug)]
struct Day {
    /// The credential scope, such as `20231114/eu-west-1/dynamodb/aws4_request`.
    scope: String,
    /// The MAC with the signing key as its key.
    mac: Hmac<Sha256>,
}

impl Signer {
    /// Creates a signer for the credential scope of `service` in `region`. It also remembers
    /// the secrets of `credentials` for redaction, because a server may repeat them in an
    /// error message.
    #[must_use]
    pub fn new(credentials: Credentials, region: String, service: &'static str) -> Self {
        remember(credentials.secret_access_key());
        remember(credentials.session_token().unwrap_or_default());
        Self {
            credentials,
            region,
            service,
            moment: RefCell::default(),
        }
    }

    /// Returns the access key id of the credentials.
    #[cfg(test)]
    pub(crate) fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// Returns true if the signer uses these credentials.
    #[must_use]
    pub fn is_of(&self, credentials: &Credentials) -> bool {
        let own = &self.credentials;
        own.access_key_id() == credentials.access_key_id()
            && own.secret_access_key() == credentials.secret_access_key()
            && own.session_token() == credentials.session_token()
    }

    /// Signs a request: adds `x-amz-date`, `authorization` and, with temporary credentials,
    /// `x-amz-security-token` to `headers`.
    ///
    /// The signature covers the method, the path, the host, all of `headers`, and the body.
    /// So the caller must add headers that a proxy may change only after this call. Names
    /// must be in lower case. Values must have no spaces at their ends, and no two spaces
    /// in a row.
    ///
    /// # Errors
    ///
    /// If a credential contains a character that a header cannot carry. The error does not
    /// quote the credential.
    pub fn sign(
        &self,
        digest: &impl Digest,
        endpoint: &Endpoint,
        headers: &mut Headers,
        body: &[u8],
        time: SystemTime,
    ) -> Result<(), BoxError> {
        let mut moment = self.moment.borrow_mut();
        let moment = self.at(&mut moment, time)?;
        headers.push(("x-amz-date".to_owned(), moment.text.clone().into_bytes()));
        if let Some(token) = self.credentials.session_token() {
            let field = ("x-amz-security-token".to_owned(), token.as_bytes().to_vec());
            headers.push(field);
        }

        let mut fields: Vec<(&str, &[u8])> = Vec::with_capacity(headers.len() + 1);
        fields.push(("host", endpoint.authority().as_bytes()));
        fields.extend(headers.iter().map(|(name, value)| (&**name, &**value)));
        fields.sort_unstable();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let body = digits(&digest.sha256(body))?;
        let request = canonical_request(endpoint.canonical_path(), &fields, &names, &body);
        let signature = moment.sign(&digest.sha256(&request))?;
        let authorization = [
            ALGORITHM,
            " Credential=",
            self.credentials.access_key_id(),
            "/",
            &moment.day.scope,
            ", SignedHeaders=",
            &names,
            ", Signature=",
            std::str::from_utf8(&signature)?,
        ];
        let authorization = authorization.concat().into_bytes();
        headers.push(("authorization".to_owned(), authorization));
        Ok(())
    }

    /// Returns the moment of `time`. Reuses the moment of the previous call if it was in the
    /// same second.
    fn at<'a>(
        &self,
        kept: &'a mut Option<Moment>,
        time: SystemTime,
    ) -> Result<&'a Moment, BoxError> {
        let seconds = DateTime::from(time).secs();
        let moment = match kept.take() {
            Some(moment) if moment.seconds == seconds => moment,
            before => self.moment(before, seconds)?,
        };
        Ok(kept.insert(moment))
    }

    /// Creates the moment of a second. Reuses the key of `before` if it is of the same day.
    fn moment(&self, before: Option<Moment>, seconds: i64) -> Result<Moment, BoxError> {
        let mut text = DateTime::from_secs(seconds).fmt(Format::DateTime)?;
        text.retain(|c| !matches!(c, '-' | ':'));
        let (date, _) = text.split_once('T').ok_or("the time has no date")?;
        let day = match before {
            Some(before) if before.text.starts_with(date) => before.day,
            _ => self.day(date)?,
        };
        Ok(Moment { seconds, text, day })
    }

    fn day(&self, date: &str) -> Result<Day, BoxError> {
        let token = self.credentials.session_token();
        if !token.unwrap_or_default().bytes().all(is_field_content) {
            return Err("the session token contains a character that a header cannot carry; check its source".into());
        }
        let secret = self.credentials.secret_access_key();
        let mut key = keyed(format!("AWS4{secret}").as_bytes())?;
        for part in [date, &self.region, self.service, TERMINATOR] {
            key.update(part.as_bytes());
            key = keyed(&key.finalize().into_bytes())?;
        }
        Ok(Day {
            scope: [date, &self.region, self.service, TERMINATOR].join("/"),
            mac: key,
        })
    }
}

impl Moment {
    /// Returns the signature of a canonical request with this hash. The string to sign contains the hash.
    fn sign(&self, request: &[u8; 32]) -> Result<[u8; HEX_DIGITS], BoxError> {
        let mut mac = self.day.mac.clone();
        for line in [ALGORITHM, &self.text, &self.day.scope] {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac.update(&digits(request)?);
        digits(&mac.finalize().into_bytes())
    }
}

/// Returns the canonical request of a POST without a query. `fields` are sorted by name,
/// `names` are their names, and `body` is the hash of the body.
fn canonical_request(path: &str, fields: &[(&str, &[u8])], names: &str, body: &[u8]) -> Vec<u8> {
    let mut request = Vec::with_capacity(CANONICAL_REQUEST);
    request.extend_from_slice(b"POST\n");
    request.extend_from_slice(path.as_bytes());
    request.extend_from_slice(b"\n\n");
    for (name, value) in fields {
        request.extend_from_slice(name.as_bytes());
        request.push(b':');
        request.extend_from_slice(value);
        request.push(b'\n');
    }
    request.push(b'\n');
    request.extend_from_slice(names.as_bytes());
    request.push(b'\n');
    request.extend_from_slice(body);
    request
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>, BoxError> {
    Ok(Hmac::new_from_slice(key)?)
}

fn digits(hash: &[u8]) -> Result<[u8; HEX_DIGITS], BoxError> {
    let mut digits = [0; HEX_DIGITS];
    hex::encode_to_slice(hash, &mut digits)?;
    Ok(digits)
}

/// Returns true for bytes that every header value can carry: visible ASCII, spaces, tabs.
fn is_field_content(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::redact;

    struct Native;

    impl Digest for Native {}

    #[test]
    fn signer_secrets_of_8_bytes_or_more_are_redacted() {
        for (secret, token, redacted) in [
            ("12345678", Some("a-session-token"), "*** and ***"),
            ("1234567", Some("token"), "1234567 and token"),
            ("abcdefgh", None, "*** and "),
        ] {
            let token = token.map(str::to_owned);
            let text = format!("{secret} and {}", token.as_deref().unwrap_or_default());
            let credentials = Credentials::new("id", secret, token, None, "test");
            let _ = Signer::new(credentials, "eu-west-1".to_owned(), "dynamodb");
            assert_eq!(redact(&text), redacted);
        }
    }

    #[test]
    fn invalid_session_token_is_refused_without_quoting_it() {
        let token = Some("c4n4ry\r\nx-injected: 1".to_owned());
        let credentials = Credentials::new("id", "12345678", token, None, "test");
        let signer = Signer::new(credentials, "eu-west-1".to_owned(), "dynamodb");
        let endpoint = Endpoint::parse("http://localhost:8000").unwrap();
        let mut headers = Headers::new();
        let error = signer.sign(
            &Native,
            &endpoint,
            &mut headers,
            b"",
            SystemTime::UNIX_EPOCH,
        );
        let sentence = error.unwrap_err().to_string();
        assert!(sentence.contains("session token"), "{sentence}");
        assert!(!sentence.contains("c4n4ry"), "{sentence}");
    }
}
