//! The client of a source of credentials. It sends HTTP requests with a few attempts, each with
//! its own time limit, or reads a file in a directory that the host grants. Error sentences
//! name the source, the address and what the host must allow.
//!
//! A source without credentials is either absent or broken ([`NoCredentials`]). If it is
//! absent, the next source is asked. If it is broken, the call fails with its error.

use crate::aws::endpoint::Endpoint;
use crate::aws::retry::{self, RetryKind};
use crate::aws::{Limits, error_code};
use crate::error::Error;
use crate::http::{Files, Headers, Method, Platform, Request, Response, Timeouts, TransportError};
use crate::text::escaped;
use aws_credential_types::Credentials;
use futures_util::future::LocalBoxFuture;
use std::future::ready;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// The longest response, in bytes. Credentials take a few thousand.
const LONGEST_ANSWER: usize = 256 * 1_024;

/// The longest part of a plain-text refusal that a sentence quotes, in characters.
const LONGEST_WORDS: usize = 200;

/// Credentials, or the reason that there are none.
pub(super) type Fetched = Result<Credentials, NoCredentials>;

/// A pending request to a source.
pub(super) type Fetching<'a> = LocalBoxFuture<'a, Fetched>;

/// A source of credentials.
pub(super) trait CredentialsSource {
    /// Fetches credentials.
    fn credentials(&self) -> Fetching<'_>;
}

/// Static keys, which need no request.
impl CredentialsSource for Credentials {
    fn credentials(&self) -> Fetching<'_> {
        Box::pin(ready(Ok(self.clone())))
    }
}

/// The reason that a source has no credentials.
#[derive(Clone, Debug)]
pub(super) enum NoCredentials {
    /// The source does not apply. The text says why, for the error if no source applies.
    Absent(String),
    /// The source is configured but does not work. The error names it.
    Broken(Error),
}

#[cold]
#[inline(never)]
pub(super) fn absent(why: impl Into<String>) -> NoCredentials {
    NoCredentials::Absent(why.into())
}

/// Returns the error for an invalid configuration of the source.
#[cold]
#[inline(never)]
pub(super) fn misconfigured(sentence: impl Into<String>) -> NoCredentials {
    NoCredentials::Broken(Error::InvalidConfiguration(sentence.into()))
}

impl From<NoCredentials> for Error {
    /// Converts it to the error of the call that needs credentials.
    fn from(error: NoCredentials) -> Self {
        match error {
            NoCredentials::Absent(why) => Self::InvalidConfiguration(why),
            NoCredentials::Broken(error) => error,
        }
    }
}

/// A request to a source.
pub(super) struct SourceRequest<'a> {
    pub(super) method: Method,
    /// The endpoint; its path is not used.
    pub(super) endpoint: &'a Endpoint,
    /// The path with the query.
    pub(super) path: &'a str,
    pub(super) headers: Headers,
    pub(super) body: &'a [u8],
}

/// A failed attempt.
pub(super) struct SourceError {
    pub(super) error: Error,
    /// The kind of the retry; none if the attempt is not worth retrying.
    pub(super) again: Option<RetryKind>,
    /// True if a response arrived.
    pub(super) answered: bool,
}

impl SourceError {
    /// Returns the error of a request that could not be sent.
    pub(super) fn unsent(error: Error) -> Self {
        Self {
            error,
            again: None,
            answered: false,
        }
    }
}

impl From<SourceError> for NoCredentials {
    fn from(error: SourceError) -> Self {
        Self::Broken(error.error)
    }
}

/// Returns the kind of the retry after a response with this status. Retrying a request to a
/// source is always safe.
pub(super) fn again(status: u16) -> Option<RetryKind> {
    match error_code::retry_kind(None, status) {
        None if status >= 500 => Some(RetryKind::Transient),
        again => again,
    }
}

/// Returns the error case of a refusal with this kind of retry.
pub(super) fn case(again: Option<RetryKind>) -> fn(String) -> Error {
    match again {
        Some(RetryKind::Throttling) => Error::Throttled,
        Some(RetryKind::Transient | RetryKind::Conflict) => Error::Unavailable,
        None => Error::AccessDenied,
    }
}

/// Returns the first non-blank line of a plain-text refusal. Returns none for a 200 response, an
/// empty body, and JSON or markup. These may contain secrets that are not registered for
/// redaction yet.
pub(super) fn plain_words(answer: &Response) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim_start();
    let is_plain = answer.status != 200 && !text.starts_with(['{', '[', '<', '"']);
    let line = text.lines().next().unwrap_or_default().trim();
    let words = escaped(line, LONGEST_WORDS);
    (is_plain && !words.is_empty()).then_some(words)
}

/// The HTTP client of one source.
pub(super) struct SourceClient<P> {
    pub(super) platform: Rc<P>,
    /// The name of the source in error sentences.
    pub(super) source: &'static str,
    pub(super) limits: Limits,
}

impl<P: Platform> SourceClient<P> {
    pub(super) fn new(platform: Rc<P>, source: &'static str, limits: Limits) -> Self {
        Self {
            platform,
            source,
            limits,
        }
    }

    /// Sends one attempt. Returns the response, with the source and its address for error
    /// sentences.
    ///
    /// # Errors
    ///
    /// If no response arrives, or one that is too long.
    pub(super) async fn once(
        &self,
        ask: SourceRequest<'_>,
    ) -> Result<(String, Response), SourceError> {
        let Limits {
            connect_timeout: connect,
            request_timeout: total,
            ..
        } = self.limits;
        let request = Request {
            method: ask.method,
            tls: ask.endpoint.tls(),
            authority: ask.endpoint.authority(),
            path: ask.path,
            headers: &ask.headers,
            body: ask.body,
            timeouts: Timeouts {
                connect,
                total,
                deadline: self.platform.monotonic().saturating_add(total),
            },
            wants_date: false,
            beside_others: false,
        };
        let answer = self.platform.send(request).await;
        let answer = answer.map_err(|error| SourceError {
            again: error.is_transient().then_some(RetryKind::Transient),
            error: self.unreachable(ask.endpoint, &error),
            answered: false,
        })?;
        let site = self.site(ask.endpoint);
        if answer.body.len() > LONGEST_ANSWER {
            let length = answer.body.len();
            let why = format!("the response has {length} bytes: the limit is {LONGEST_ANSWER}");
            return Err(SourceError {
                error: Error::Unavailable(format!("{site}: {why}")),
                again: None,
                answered: true,
            });
        }
        Ok((site, answer))
    }

    /// Retries until an attempt succeeds, a retry is not worth it, or the time is used up.
    ///
    /// # Errors
    ///
    /// The error of the last attempt.
    pub(super) async fn repeatedly<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let begin = self.platform.monotonic();
        let deadline = begin.saturating_add(self.limits.operation_timeout());
        let mut attempts = 1;
        loop {
            let mut refused = match attempt().await {
                Ok(got) => return Ok(got),
                Err(refused) => refused,
            };
            let is_left = |_: &RetryKind| attempts < self.limits.max_attempts;
            let wait = refused.again.filter(is_left).map(|kind| {
                let random = self.platform.random();
                retry::backoff(kind, attempts, random, None)
            });
            let now = self.platform.monotonic();
            match wait.filter(|wait| now.saturating_add(*wait) < deadline) {
                Some(wait) => {
                    self.platform.sleep(wait).await;
                    attempts += 1;
                }
                None => {
                    refused.again = None;
                    return Err(refused);
                }
            }
        }
    }

    /// Returns the source and its address, without the path, which may contain a secret.
    fn site(&self, endpoint: &Endpoint) -> String {
        let scheme = if endpoint.tls() { "https" } else { "http" };
        format!("{} at {scheme}://{}", self.source, endpoint.authority())
    }

    fn unreachable(&self, endpoint: &Endpoint, error: &TransportError) -> Error {
        let site = self.site(endpoint);
        match error {
            TransportError::ConnectTimeout => Error::Timeout(format!(
                "{site}: no connection within {} ms",
                self.limits.connect_timeout.as_millis()
            )),
            TransportError::Timeout => Error::Timeout(format!(
                "{site}: no complete response within {} ms",
                self.limits.request_timeout.as_millis()
            )),
            TransportError::Denied(cause) => Error::AccessDenied(format!(
                "{site}: the host does not allow the request ({cause}): add `{}` to the host's allow-list",
                with_port(endpoint)
            )),
            TransportError::Malformed(_) => Error::Other(format!("{site}: {error}")),
            _ => Error::Unavailable(format!("{site}: {error}")),
        }
    }
}

/// Returns host and port in the form of an allow-list.
fn with_port(endpoint: &Endpoint) -> String {
    let port = if endpoint.tls() { 443 } else { 80 };
    let authority = endpoint.authority();
    match authority.rsplit_once(':') {
        Some((_, after)) if !after.ends_with(']') => authority.to_owned(),
        _ => format!("{authority}:{port}"),
    }
}

/// Reads a text file of at most `longest` bytes.
///
/// # Errors
///
/// The end of a sentence that starts with the name of the file and "which".
pub(super) fn text(files: &dyn Files, path: &str, longest: u64) -> Result<String, String> {
    let bytes = files
        .read(path, longest)
        .map_err(|error| unreadable(&error))?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

/// Returns the end of an error sentence that starts with the name of the file and "which".
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => {
            "does not exist, or is outside the directories that the host grants (`--dir` of wasmtime)"
                .to_owned()
        }
        ErrorKind::PermissionDenied => "the host does not allow the component to read".to_owned(),
        ErrorKind::FileTooLarge => "exceeds the size limit".to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}
