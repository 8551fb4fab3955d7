//! What all calls of one store or binding have in common: where DynamoDB is,
//! who signs, how long a call may take, the retry quotas and the server's clock.

use super::clock_skew::ClockSkew;
use super::endpoint::Endpoint;
use super::failure::first_line;
use super::operation::Codecs;
use super::retry::{self, RetryKind};
use super::token_bucket::{Permit, RetryQuotas};
use crate::credentials::{Signers, Signing};
use crate::platform::Platform;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The time for which a learnt clock difference counts. A clock that
/// drifts by a tenth of a percent, which is a bad one, is off by 60 ms then.
const DATE_IS_GOOD_FOR: Duration = Duration::from_secs(60);

/// How a client reaches DynamoDB.
#[derive(Debug)]
pub struct ClientConfig {
    /// Where DynamoDB is.
    pub endpoint: Endpoint,
    /// The region that is signed for.
    pub region: String,
    /// Who signs.
    pub signing: Signing,
    /// How long and how often it may try.
    pub limits: Limits,
}

/// How long and how often a client may try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To open a connection.
    pub connect_timeout: Duration,
    /// For one attempt, from sending to the last byte of the answer.
    pub request_timeout: Duration,
    /// Attempts for one operation, the first one included.
    pub max_attempts: u32,
}

/// A client of DynamoDB. It holds no connection: those are the host's.
#[derive(Debug)]
pub struct Client<P> {
    pub(super) platform: Rc<P>,
    pub(super) endpoint: Endpoint,
    endpoint_url: String,
    pub(super) signers: Signers<P>,
    pub(super) limits: Limits,
    pub(super) quotas: RetryQuotas,
    pub(super) skew: ClockSkew,
    follows_clock: bool,
    /// The monotonic time of the last request whose answer had to tell the server's time.
    date_asked: Cell<Option<Duration>>,
    pub(super) codecs: Codecs,
}

impl<P: Platform> Client<P> {
    /// A client. Nothing is sent before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: ClientConfig) -> Self {
        let platform = platform.into();
        Self {
            signers: Signers::new(&platform, config.signing, config.region),
            platform,
            endpoint_url: config.endpoint.url(),
            endpoint: config.endpoint,
            limits: config.limits,
            quotas: RetryQuotas::default(),
            skew: ClockSkew::default(),
            follows_clock: false,
            date_asked: Cell::default(),
            codecs: Codecs::default(),
        }
    }

    /// Has ordinary answers tell the server's time too, at most one a minute: for a
    /// store whose items expire by it. Errors and [`call_for_time`](Self::call_for_time)
    /// tell it anyway.
    #[must_use]
    pub fn following_clock(mut self, follows: bool) -> Self {
        self.follows_clock = follows;
        self
    }

    /// Returns true if the answer to a request sent `now` has to tell the server's time.
    pub(super) fn wants_date(&self, now: Duration) -> bool {
        let is_old = |asked: Duration| now.saturating_sub(asked) >= DATE_IS_GOOD_FOR;
        self.follows_clock && self.date_asked.get().is_none_or(is_old)
    }

    /// A success had to tell the time of the server, which may not send it.
    pub(super) fn asked_for_date(&self, now: Duration) {
        self.date_asked.set(Some(now));
    }

    /// An answer of this `date` came to what was sent at `sent`.
    pub(super) fn observe(&self, date: &str, sent: SystemTime) {
        self.skew.observe(date, sent, self.platform.now());
    }

    /// Time and randomness, for what is decided above the wire.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The endpoint as a URL, for sentences.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// Attempts for one operation, the first one included.
    pub fn max_attempts(&self) -> u32 {
        self.limits.max_attempts
    }

    /// Longest time that one operation may take with all its attempts and the
    /// waits between them.
    pub fn operation_timeout(&self) -> Duration {
        let limits = self.limits;
        limits.request_timeout.saturating_mul(limits.max_attempts)
    }

    /// Longest time that one attempt may take.
    pub fn request_timeout(&self) -> Duration {
        self.limits.request_timeout
    }

    /// When an operation that begins now has to be over.
    pub fn deadline(&self) -> Duration {
        let now = self.platform.monotonic();
        now.saturating_add(self.operation_timeout())
    }

    /// Words of the server as a sentence may quote them: one line, with an end.
    pub fn quoted(&self, words: &str) -> String {
        first_line(words)
    }

    /// Wall clock time, as far as an answer has told that it is another than
    /// this machine's.
    pub fn now(&self) -> SystemTime {
        self.skew.correct(self.platform.now())
    }

    /// The wait before retry number `retry`, where the quota has one left. For
    /// what is asked again although the call succeeded: unprocessed items.
    pub fn backoff(&self, retry: u32) -> Option<(Duration, Permit)> {
        let permit = self.quotas.acquire(RetryKind::Throttling)?;
        let random = self.platform.random();
        let wait = retry::backoff(RetryKind::Throttling, retry, random, None);
        Some((wait, permit))
    }

    /// What was asked again brought something on: its permit comes back.
    pub fn progressed(&self, permit: Permit) {
        self.quotas.succeeded(Some(permit));
    }
}
