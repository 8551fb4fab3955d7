//! What all calls of one store or binding have in common: where DynamoDB is,
//! who signs, how long a call may take, the retry quotas and the server's clock.
//!
//! Calls an operation: attempts until one succeeds or the policy ends it. The
//! rule: an attempt of unknown outcome is repeated only where a repetition
//! cannot have a second effect, or the configuration accepts one.
//!
//! One attempt of an operation: sign, send, check, read.
//!
//! The input of a call, and the message that the SDK writes of it. An input that
//! depends on the clock is made anew for an attempt at another second, so that
//! signature, expiry and condition of one attempt are of one time.

use super::codec::{Codec, Codecs, Operation};
use super::error::{AttemptError, OperationError, misread, unsent};
use super::{ClientConfig, Repeat, SERVICE, codec, response_check};
use crate::aws::Limits;
use crate::aws::clock_skew::{ClockSkew, unix_seconds};
use crate::aws::endpoint::Endpoint;
use crate::aws::retry::{self, Permit, RetryKind, RetryQuotas};
use crate::aws::sign::Signer;
use crate::credentials::{ResolvedSigner, Signers};
use crate::error::Error;
use crate::http::{DATE, Headers, Method, Platform, Request, Timeouts};
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_types::body::SdkBody;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The time for which a learnt clock difference counts. A clock that
/// drifts by a tenth of a percent, which is a bad one, is off by 60 ms then.
const DATE_IS_GOOD_FOR: Duration = Duration::from_secs(60);

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
            signers: Signers::new(&platform, config.signing, config.region, SERVICE),
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
        self.limits.operation_timeout()
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

/// The longest time after its first attempt that a transaction may be signed again. DynamoDB
/// knows a transaction by its token for ten minutes, and takes a request for five
/// minutes after it was signed: what is signed later could arrive when the token is
/// forgotten, and be applied a second time.
///
/// Sources: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference; "Signature Version 4" in the IAM User Guide.
const TOKEN_IS_GOOD_FOR: Duration = Duration::from_secs(5 * 60);

/// The SDK's output of an operation, or why there is none.
pub type Called<O> = Result<<O as Operation>::Output, Box<OperationError>>;

/// What decides whether an operation is tried again, beside what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CallOptions {
    repeat: Repeat,
    /// When it has to be over, as the platform's `Clock::monotonic` counts;
    /// none: after the longest time that one operation may take.
    deadline: Option<Duration>,
    /// The answer has to tell the server's time.
    for_time: bool,
}

/// The time at which an attempt was sent.
#[derive(Clone, Copy)]
struct Moment {
    clock: SystemTime,
    monotonic: Duration,
}

impl<P: Platform> Client<P> {
    /// Calls an operation that may be repeated whatever became of an attempt: a
    /// read.
    ///
    /// # Errors
    ///
    /// After all attempts that the policy allows.
    pub fn call<O: Operation>(&self, input: O::Input) -> impl Future<Output = Called<O>> {
        self.call_on::<O>(CallOptions::default(), CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, and learns the server's
    /// time from its answer.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn call_for_time<O: Operation>(&self, input: O::Input) -> impl Future<Output = Called<O>> {
        let terms = CallOptions {
            for_time: true,
            ..CallOptions::default()
        };
        self.call_on::<O>(terms, CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, to be over by
    /// `deadline`.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn call_until<O: Operation>(
        &self,
        deadline: Duration,
        input: O::Input,
    ) -> impl Future<Output = Called<O>> {
        let terms = CallOptions {
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        self.call_on::<O>(terms, CallInput::Fixed(input))
    }

    /// Calls a write. One that is to be repeated [never](Repeat::Never) would not
    /// know its own repetition: an attempt that may have been applied is its last,
    /// for another writer may have replaced what it left, and would lose that.
    ///
    /// "When you receive a status code 500 on a write operation, the operation
    /// may have succeeded or failed": "Error handling with DynamoDB" in the
    /// Developer Guide.
    ///
    /// # Errors
    ///
    /// As there, and where an attempt of one that is not repeated may have been
    /// applied.
    pub fn call_write<'a, O: Operation + 'a>(
        &'a self,
        repeat: Repeat,
        input: CallInput<'a, O::Input>,
    ) -> impl Future<Output = Called<O>> + 'a {
        let terms = CallOptions {
            repeat,
            ..CallOptions::default()
        };
        self.call_on::<O>(terms, input)
    }

    async fn call_on<'a, O: Operation>(
        &'a self,
        terms: CallOptions,
        input: CallInput<'a, O::Input>,
    ) -> Called<O> {
        let codec = self.codecs.get::<O>();
        let codec = codec.map_err(|error| unsent(O::NAME, error.to_string()))?;
        let output = self.attempts(codec, terms, input.erase()).await?;
        output.downcast::<O::Output>().map_err(|_| misread(O::NAME))
    }

    /// Attempts until one succeeds or the policy ends it.
    async fn attempts<'a>(
        &'a self,
        codec: &'a Codec,
        terms: CallOptions,
        input: CallInput<'a, Input>,
    ) -> Result<Output, Box<OperationError>> {
        let mut now = self.platform.monotonic();
        let longest = now.saturating_add(self.operation_timeout());
        let mut deadline = terms.deadline.unwrap_or(longest);
        let mut permit = None;
        let mut attempts = 0;
        // The first attempt that may have been applied.
        let mut in_doubt_since: Option<Moment> = None;
        let (mut renewed, mut signed_again) = (false, false);
        let fail = |problem, attempts, in_doubt_since: Option<Moment>, deadline| {
            Box::new(OperationError {
                operation: codec.name(),
                last: problem,
                attempts,
                earlier_may_have_been_applied: in_doubt_since.is_some(),
                deadline,
            })
        };
        let mut message = Message::new(codec, input);
        // What went wrong with the attempt before, and what was in doubt then.
        let mut before: Option<(AttemptError, Option<Moment>)> = None;
        loop {
            let mut sent = self.platform.now();
            let signer = match self.signers.signer(self.skew.correct(sent), deadline).await {
                Ok(ResolvedSigner { signer, waited }) => {
                    if waited {
                        now = self.platform.monotonic();
                        sent = self.platform.now();
                    }
                    signer
                }
                Err(error) => {
                    return Err(fail(
                        AttemptError::Unsent(error),
                        attempts,
                        in_doubt_since,
                        deadline,
                    ));
                }
            };
            let is_too_late = |first: Moment| self.since(first, now) > TOKEN_IS_GOOD_FOR;
            if terms.repeat == Repeat::ByToken
                && in_doubt_since.is_some_and(is_too_late)
                && let Some((problem, earlier)) = before.take()
            {
                return Err(fail(problem, attempts, earlier, deadline));
            }
            let signed_at = self.skew.correct(sent);
            // By its token DynamoDB knows a transaction again, and refuses it with another body.
            let keep = terms.repeat == Repeat::ByToken && in_doubt_since.is_some();
            let (headers, body) = match message.at(unix_seconds(signed_at), keep) {
                Ok(written) => written,
                Err(error) => {
                    return Err(fail(
                        AttemptError::Unsent(error),
                        attempts,
                        in_doubt_since,
                        deadline,
                    ));
                }
            };
            attempts += 1;
            let attempt = self.attempt(Attempt {
                codec,
                signer: signer.as_deref(),
                headers,
                body,
                sent,
                signed_at,
                now,
                deadline,
                wants_date: terms.for_time || self.wants_date(now),
            });
            let problem = match attempt.await {
                Ok(output) => {
                    self.quotas.succeeded(permit);
                    return Ok(output);
                }
                Err(problem) => problem,
            };
            let moment = Moment {
                clock: sent,
                monotonic: now,
            };
            now = self.platform.monotonic();
            // Of a process that stood still the time is over, and its caller wants the answer.
            let extended = deadline.max(now.saturating_add(self.limits.request_timeout));
            if let (Some(used), false) = (&signer, renewed)
                && problem.says_that_credentials_have_expired()
            {
                // Nothing was done, and with other credentials it is another request.
                renewed = true;
                deadline = extended;
                match self.signers.renewed(used, self.now(), deadline).await {
                    Ok(true) => {
                        now = self.platform.monotonic();
                        before = Some((problem, in_doubt_since));
                        continue;
                    }
                    Ok(false) => {}
                    Err(error) => {
                        return Err(fail(
                            AttemptError::Unsent(error),
                            attempts,
                            in_doubt_since,
                            deadline,
                        ));
                    }
                }
            }
            if !signed_again && problem.is_explained_by(signed_at) {
                // Nothing was done here either.
                signed_again = true;
                deadline = extended;
                before = Some((problem, in_doubt_since));
                continue;
            }
            let in_doubt = problem.may_have_been_applied();
            let allowed = terms.repeat != Repeat::Never || !in_doubt;
            let wait = if allowed && attempts < self.limits.max_attempts {
                self.wait_before_retry(&problem, attempts)
            } else {
                None
            };
            let wait = wait.filter(|(_, wait)| now.saturating_add(*wait) < deadline);
            let taken = wait.and_then(|(kind, wait)| Some((self.quotas.acquire(kind)?, wait)));
            let Some((taken, wait)) = taken else {
                return Err(fail(problem, attempts, in_doubt_since, deadline));
            };
            permit = Some(taken);
            before = Some((problem, in_doubt_since));
            if in_doubt {
                in_doubt_since = in_doubt_since.or(Some(moment));
            }
            self.platform.sleep(wait).await;
            now = self.platform.monotonic();
        }
    }

    /// Time since `moment`. Neither clock tells all of it: the one does not count
    /// while the machine sleeps, the other may be set.
    fn since(&self, moment: Moment, now: Duration) -> Duration {
        let by_clock = self.platform.now().duration_since(moment.clock);
        let monotonic = now.saturating_sub(moment.monotonic);
        by_clock.unwrap_or_default().max(monotonic)
    }

    /// Returns the kind and the wait of a retry after `error`; `None` for no retry.
    fn wait_before_retry(
        &self,
        error: &AttemptError,
        attempts: u32,
    ) -> Option<(RetryKind, Duration)> {
        let kind = error.retry_kind()?;
        let random = self.platform.random();
        Some((
            kind,
            retry::backoff(kind, attempts, random, error.retry_after()),
        ))
    }
}

/// What requests call themselves. It is not signed: a proxy may change it.
const USER_AGENT: &str = concat!("dapr-dynamodb/", env!("CARGO_PKG_VERSION"));

/// The parts of one attempt.
pub(super) struct Attempt<'a> {
    /// Writes the message and reads the answer.
    pub(super) codec: &'a Codec,
    /// The signer; `None` if the host signs.
    pub(super) signer: Option<&'a Signer>,
    /// The fields that the serializer wrote. What is added stays behind them.
    pub(super) headers: &'a mut Headers,
    /// The whole body.
    pub(super) body: &'a [u8],
    /// Now, by this machine's clock.
    pub(super) sent: SystemTime,
    /// Now, by the server's clock as far as it is known: the time of signing.
    pub(super) signed_at: SystemTime,
    /// Now, by the monotonic clock.
    pub(super) now: Duration,
    /// The end of the operation, by the monotonic clock.
    pub(super) deadline: Duration,
    /// Keeps the `Date` of a success.
    pub(super) wants_date: bool,
}

impl<P: Platform> Client<P> {
    /// Signs, unless the host signs; sends, checks and reads once. Learns the
    /// server's time from what DynamoDB answers.
    pub(super) async fn attempt(&self, attempt: Attempt<'_>) -> Result<Output, AttemptError> {
        let Attempt {
            codec,
            signer,
            headers,
            body,
            sent,
            signed_at,
            now,
            deadline,
            wants_date,
        } = attempt;
        if let Some(signer) = signer {
            signer
                .sign(&self.endpoint, headers, body, signed_at)
                .map_err(|error| {
                    AttemptError::Unsent(Error::Other(format!("cannot sign the request ({error})")))
                })?;
        }
        headers.push(("user-agent".to_owned(), USER_AGENT.as_bytes().to_vec()));
        let total = self
            .limits
            .request_timeout
            .min(deadline.saturating_sub(now));
        let request = Request {
            method: Method::Post,
            tls: self.endpoint.tls(),
            authority: self.endpoint.authority(),
            path: self.endpoint.path(),
            headers,
            body,
            timeouts: Timeouts {
                connect: self.limits.connect_timeout.min(total),
                total,
                deadline: now.saturating_add(total),
            },
            wants_date,
        };
        let response = self.platform.send(request).await;
        let response = response.map_err(AttemptError::Transport)?;
        response_check::check(&response).map_err(AttemptError::Transport)?;
        let date = response.header(DATE).filter(|_| wants_date);
        let date = date.map(str::to_owned);
        let read = codec::deserialize(codec, response);
        // Of what is not DynamoDB's answer, the date is not DynamoDB's either.
        let date = match &read {
            Ok(_) => date.as_deref(),
            Err(AttemptError::Service(error)) => error.date.as_deref(),
            Err(_) => None,
        };
        if let Some(date) = date {
            self.observe(date, sent);
        }
        if wants_date && read.is_ok() {
            self.asked_for_date(now);
        }
        read
    }
}

/// Makes an input as of a moment, in seconds since the Unix epoch.
type Make<'a, I> = Box<dyn Fn(u64) -> Result<I, Error> + 'a>;

/// The input of a call.
pub enum CallInput<'a, I> {
    /// One that does not depend on the clock.
    Fixed(I),
    /// One that does.
    Timed(Make<'a, I>),
}

impl<'a, I: fmt::Debug + Send + Sync + 'static> CallInput<'a, I> {
    /// Makes one that depends on the clock.
    pub fn timed(make: impl Fn(u64) -> Result<I, Error> + 'a) -> Self {
        Self::Timed(Box::new(make))
    }

    /// The same without its type.
    pub(super) fn erase(self) -> CallInput<'a, Input> {
        match self {
            Self::Fixed(input) => CallInput::Fixed(Input::erase(input)),
            Self::Timed(make) => CallInput::timed(move |now| make(now).map(Input::erase)),
        }
    }
}

/// The message of a call, written when it is first asked for.
pub(super) struct Message<'a> {
    codec: &'a Codec,
    fixed: Option<Input>,
    make: Option<Make<'a, Input>>,
    written: Option<Written>,
}

/// A message as the SDK writes it.
struct Written {
    /// As of this moment, in seconds since the Unix epoch.
    now: u64,
    headers: Headers,
    /// The number of `headers` that the serializer wrote.
    own_headers: usize,
    body: SdkBody,
}

impl<'a> Message<'a> {
    pub(super) fn new(codec: &'a Codec, input: CallInput<'a, Input>) -> Self {
        let (fixed, make) = match input {
            CallInput::Fixed(input) => (Some(input), None),
            CallInput::Timed(make) => (None, Some(make)),
        };
        Self {
            codec,
            fixed,
            make,
            written: None,
        }
    }

    /// Header fields and body as of `now`; those of before where the message does
    /// not depend on the clock or `keep` says so.
    ///
    /// # Errors
    ///
    /// Where the SDK refuses the input.
    pub(super) fn at(&mut self, now: u64, keep: bool) -> Result<(&mut Headers, &[u8]), Error> {
        let written = match self.written.take() {
            Some(written) if keep || written.now == now || self.make.is_none() => written,
            _ => self.write(now)?,
        };
        let written = self.written.insert(written);
        written.headers.truncate(written.own_headers);
        let body = written.body.bytes().unwrap_or_default();
        Ok((&mut written.headers, body))
    }

    fn write(&mut self, now: u64) -> Result<Written, Error> {
        let input = match (&self.make, self.fixed.take()) {
            (Some(make), _) => make(now)?,
            (None, Some(input)) => input,
            (None, None) => return Err(Error::unbuilt("its input is gone")),
        };
        let (headers, body) = codec::serialize(self.codec, input).map_err(Error::Other)?;
        Ok(Written {
            now,
            own_headers: headers.len(),
            headers,
            body,
        })
    }
}
