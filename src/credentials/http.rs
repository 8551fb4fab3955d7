//! Requests to what lends credentials: a few attempts, each within a time of its
//! own, and words for a failure that name the source, the address and what the
//! host has to allow.

use crate::aws::message::{Headers, Method, Request, Response, Timeouts, TransportError};
use crate::aws::retry::{self, RetryKind};
use crate::error::Error;
use crate::platform::Platform;
use crate::redact::beginning;
use send_wrapper::SendWrapper;
use std::rc::Rc;
use std::time::Duration;

/// Longest answer, in bytes: credentials have some thousand.
const LONGEST_ANSWER: usize = 256 * 1_024;

/// Longest part of a refusal in plain text that a sentence quotes, in characters.
const LONGEST_WORDS: usize = 200;

/// The platform as sources hold it: the SDK's trait asks for what threads may
/// share, and a component has one thread.
pub(super) type Shared<P> = SendWrapper<Rc<P>>;

/// How long and how often a source is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// To open a connection.
    pub(super) connect: Duration,
    /// For one attempt, to the last byte of the answer.
    pub(super) total: Duration,
    /// Attempts, the first one included.
    pub(super) attempts: u32,
}

impl Patience {
    /// Returns the time after the first attempt within which another one may begin.
    fn longest(self) -> Duration {
        self.total.saturating_mul(self.attempts)
    }
}

/// What is asked.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) tls: bool,
    /// Host, and port where it is not the scheme's own.
    pub(super) authority: &'a str,
    /// With the query.
    pub(super) path: &'a str,
    pub(super) headers: Headers,
    pub(super) body: &'a [u8],
}

/// An attempt that gave nothing.
pub(super) struct Refused {
    pub(super) error: Error,
    /// What makes another attempt worth it; none: nothing does.
    pub(super) again: Option<RetryKind>,
    /// Whether there was an answer at all.
    pub(super) answered: bool,
}

/// Classifies the status of an answer for a retry. Asking a source
/// twice does no harm.
pub(super) fn again(status: u16) -> Option<RetryKind> {
    match retry::classify(None, status) {
        None if status >= 500 => Some(RetryKind::Transient),
        again => again,
    }
}

/// The case of a refusal that may be asked again, or not.
pub(super) fn case(again: Option<RetryKind>) -> fn(String) -> Error {
    match again {
        Some(RetryKind::Throttling) => Error::Throttled,
        Some(RetryKind::Transient | RetryKind::Conflict) => Error::Unavailable,
        None => Error::AccessDenied,
    }
}

/// The words of a refusal in plain text: the first line that has any. None where it is
/// empty, or in a language whose parts may be secrets that nobody knows yet.
pub(super) fn plain_words(answer: &Response) -> Option<String> {
    let text = std::str::from_utf8(&answer.body).ok()?.trim_start();
    let is_plain = answer.status != 200 && !text.starts_with(['{', '[', '<', '"']);
    let line = text.lines().next().unwrap_or_default().trim();
    let words = beginning(line, LONGEST_WORDS);
    (is_plain && !words.is_empty()).then(|| words.chars().flat_map(char::escape_debug).collect())
}

/// Asks one source.
pub(super) struct Asker<P> {
    pub(super) platform: Shared<P>,
    /// Its name in sentences.
    pub(super) source: &'static str,
    pub(super) patience: Patience,
}

impl<P: Platform> Asker<P> {
    pub(super) fn new(platform: Rc<P>, source: &'static str, patience: Patience) -> Self {
        Self {
            platform: Shared::new(platform),
            source,
            patience,
        }
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// Where no answer comes, or one that is too long to be one.
    pub(super) async fn once(&self, ask: Ask<'_>) -> Result<Response, Refused> {
        let Patience { connect, total, .. } = self.patience;
        let request = Request {
            method: ask.method,
            tls: ask.tls,
            authority: ask.authority,
            path: ask.path,
            headers: &ask.headers,
            body: ask.body,
            timeouts: Timeouts {
                connect,
                total,
                deadline: self.platform.monotonic().saturating_add(total),
            },
            wants_date: false,
        };
        let answer = self.platform.send(request).await;
        let answer = answer.map_err(|error| Refused {
            again: error.is_transient().then_some(RetryKind::Transient),
            error: self.unreachable(&ask, &error),
            answered: false,
        })?;
        if answer.body.len() > LONGEST_ANSWER {
            let length = answer.body.len();
            let why = format!("an answer of {length} bytes, which no credentials have");
            return Err(Refused {
                error: Error::Unavailable(format!("{}: {why}", self.site(&ask))),
                again: None,
                answered: true,
            });
        }
        Ok(answer)
    }

    /// Asks until an attempt succeeds, no other is worth it, or there is no time left
    /// for one.
    ///
    /// # Errors
    ///
    /// That of the last attempt.
    pub(super) async fn repeatedly<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let begin = self.platform.monotonic();
        let deadline = begin.saturating_add(self.patience.longest());
        let mut attempts = 1;
        loop {
            let mut refused = match attempt().await {
                Ok(got) => return Ok(got),
                Err(refused) => refused,
            };
            let is_left = |_: &RetryKind| attempts < self.patience.attempts;
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

    /// Source and address, for sentences. The path may hold a secret.
    pub(super) fn site(&self, ask: &Ask<'_>) -> String {
        let scheme = if ask.tls { "https" } else { "http" };
        format!("{} at {scheme}://{}", self.source, ask.authority)
    }

    fn unreachable(&self, ask: &Ask<'_>, error: &TransportError) -> Error {
        let site = self.site(ask);
        let Patience { connect, total, .. } = self.patience;
        match error {
            TransportError::ConnectTimeout => Error::Timeout(format!(
                "{site}: no connection within {} ms",
                connect.as_millis()
            )),
            TransportError::Timeout => Error::Timeout(format!(
                "{site}: no complete answer within {} ms",
                total.as_millis()
            )),
            TransportError::Denied(cause) => Error::AccessDenied(format!(
                "{site}: the host does not allow it ({cause}): add `{}` to the host's allow-list",
                with_port(ask)
            )),
            TransportError::Malformed(_) => Error::Other(format!("{site}: {error}")),
            _ => Error::Unavailable(format!("{site}: {error}")),
        }
    }
}

/// Host and port, as an allow-list has them.
fn with_port(ask: &Ask<'_>) -> String {
    let port = if ask.tls { 443 } else { 80 };
    match ask.authority.rsplit_once(':') {
        Some((_, after)) if !after.ends_with(']') => ask.authority.to_owned(),
        _ => format!("{}:{port}", ask.authority),
    }
}
