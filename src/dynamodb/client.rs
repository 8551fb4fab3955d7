//! A client of DynamoDB. It attempts an operation until an attempt succeeds or the retry
//! policy gives up. For each attempt it signs and sends the request, and checks and reads
//! the response.

use super::codec::{self, CallInput, Codec, Codecs, Message, Operation};
use super::error::{AttemptError, OperationError, misread, unsent};
use super::retry::{Attempt, CallOptions, Decision, RetryPolicy};
use super::{ClientConfig, Repeat, SERVICE, response_check};
use crate::aws::Limits;
use crate::aws::clock_skew::unix_seconds;
use crate::aws::endpoint::Endpoint;
use crate::aws::retry::Permit;
use crate::credentials::{ResolvedSigner, Signers};
use crate::error::Error;
use crate::http::{DATE, Headers, Method, Platform, Request, Timeouts};
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The `User-Agent` of requests. It is not signed, because a proxy may change it.
const USER_AGENT: &str = concat!("dapr-dynamodb/", env!("CARGO_PKG_VERSION"));

/// The time for which a measured clock difference stays valid. Even a bad clock, which
/// drifts by a tenth of a percent, is off by only 60 ms then.
const DATE_IS_GOOD_FOR: Duration = Duration::from_secs(60);

/// A client of DynamoDB. It holds no connections: the host owns them.
#[derive(Debug)]
pub struct Client<P> {
    platform: Rc<P>,
    endpoint: Endpoint,
    endpoint_url: String,
    signers: Signers<P>,
    policy: RetryPolicy,
    follows_clock: bool,
    /// The monotonic time of the last request that asked for the server's time.
    date_asked: Cell<Option<Duration>>,
    /// The number of announcements of several requests at the same time.
    several: Cell<u32>,
    codecs: Codecs,
}

impl<P: Platform> Client<P> {
    /// Creates a client. It sends nothing before the first call.
    pub fn new(platform: impl Into<Rc<P>>, config: ClientConfig) -> Self {
        let platform = platform.into();
        Self {
            signers: Signers::new(&platform, config.signing, config.region, SERVICE),
            platform,
            endpoint_url: config.endpoint.url(),
            endpoint: config.endpoint,
            policy: RetryPolicy::new(config.limits),
            follows_clock: false,
            date_asked: Cell::default(),
            several: Cell::default(),
            codecs: Codecs::default(),
        }
    }

    /// Sets whether the client also reads the server's time from ordinary responses, at
    /// most once a minute. A store needs this if its items expire by the server's time.
    /// The client reads the time from errors and in
    /// [`call_for_time`](Self::call_for_time) in any case.
    #[must_use]
    pub fn following_clock(mut self, follows: bool) -> Self {
        self.follows_clock = follows;
        self
    }

    /// Returns true if a request sent `now` must ask for the server's time.
    fn wants_date(&self, now: Duration) -> bool {
        let is_old = |asked: Duration| now.saturating_sub(asked) >= DATE_IS_GOOD_FOR;
        self.follows_clock && self.date_asked.get().is_none_or(is_old)
    }

    /// Returns the platform. Callers take time and randomness from it.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns the URL of the endpoint, for error sentences.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// Returns the timeouts and the maximum number of attempts.
    pub fn limits(&self) -> Limits {
        self.policy.limits
    }

    /// Returns the deadline of an operation that begins now.
    pub fn deadline(&self) -> Duration {
        let now = self.platform.monotonic();
        now.saturating_add(self.limits().operation_timeout())
    }

    /// Returns the wall clock time, corrected by the clock difference that responses have
    /// shown so far.
    pub fn now(&self) -> SystemTime {
        self.policy.skew.correct(self.platform.now())
    }

    /// Returns the wait before retry number `retry`, or `None` if the quota has no retry
    /// left. This is for unprocessed items, which are requested again although the call
    /// succeeded.
    pub fn backoff(&self, retry: u32) -> Option<(Duration, Permit)> {
        self.policy.backoff(retry, || self.platform.random())
    }

    /// Announces that the caller sends several requests at the same time, until it drops the result.
    pub fn several(&self) -> Several<'_> {
        self.several.update(|count| count + 1);
        Several(&self.several)
    }

    /// Returns a permit to the quota, because the repeated request made progress.
    pub fn progressed(&self, permit: Permit) {
        self.policy.succeeded(Some(permit));
    }
}

/// The announcement of several requests at the same time.
#[derive(Debug)]
#[must_use = "the announcement ends when it is dropped"]
pub struct Several<'a>(&'a Cell<u32>);

impl Drop for Several<'_> {
    fn drop(&mut self) {
        self.0.update(|count| count - 1);
    }
}

/// The SDK's output of an operation, or the error of the operation.
pub type CallResult<O> = Result<<O as Operation>::Output, Box<OperationError>>;

impl<P: Platform> Client<P> {
    /// Calls an operation that may be repeated after any failure, such as a read.
    ///
    /// # Errors
    ///
    /// The error of the last attempt that the policy allows.
    pub fn call<O: Operation>(&self, input: O::Input) -> impl Future<Output = CallResult<O>> {
        self.call_on::<O>(CallOptions::default(), CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, and learns the server's
    /// time from its response.
    ///
    /// # Errors
    ///
    /// The same as for [`call`](Self::call).
    pub fn call_for_time<O: Operation>(
        &self,
        input: O::Input,
    ) -> impl Future<Output = CallResult<O>> {
        let options = CallOptions {
            for_time: true,
            ..CallOptions::default()
        };
        self.call_on::<O>(options, CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, but ends it by `deadline`.
    ///
    /// # Errors
    ///
    /// The same as for [`call`](Self::call).
    pub fn call_until<O: Operation>(
        &self,
        deadline: Duration,
        input: O::Input,
    ) -> impl Future<Output = CallResult<O>> {
        let options = CallOptions {
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        self.call_on::<O>(options, CallInput::Fixed(input))
    }

    /// Calls a write. With [`Repeat::Never`], an attempt that may have been applied is the
    /// last one. Another writer may have replaced the value in the meantime, and a
    /// repeated write would overwrite that writer's value without notice.
    ///
    /// "When you receive a status code 500 on a write operation, the operation
    /// may have succeeded or failed": "Error handling with DynamoDB" in the
    /// Developer Guide.
    ///
    /// # Errors
    ///
    /// The same as for [`call`](Self::call). With [`Repeat::Never`] also the error of an
    /// attempt that may have been applied.
    pub fn call_write<'a, O: Operation + 'a>(
        &'a self,
        repeat: Repeat,
        input: CallInput<'a, O::Input>,
    ) -> impl Future<Output = CallResult<O>> + 'a {
        let options = CallOptions {
            repeat,
            ..CallOptions::default()
        };
        self.call_on::<O>(options, input)
    }

    async fn call_on<'a, O: Operation>(
        &'a self,
        options: CallOptions,
        input: CallInput<'a, O::Input>,
    ) -> CallResult<O> {
        let codec = self.codecs.get::<O>();
        let codec = codec.map_err(|error| unsent(O::NAME, error.to_string()))?;
        let output = self.attempts(codec, options, input.erase()).await?;
        output.downcast::<O::Output>().map_err(|_| misread(O::NAME))
    }

    /// Sends attempts until one succeeds or the policy gives up.
    async fn attempts<'a>(
        &'a self,
        codec: &'a Codec,
        options: CallOptions,
        input: CallInput<'a, Input>,
    ) -> Result<Output, Box<OperationError>> {
        let mut now = self.platform.monotonic();
        let mut attempts = self.policy.begin(codec.name(), options, now);
        let mut message = Message::new(codec, input);
        loop {
            let mut sent = self.platform.now();
            let signer = self
                .signers
                .signer(self.policy.skew.correct(sent), attempts.deadline());
            let ResolvedSigner { signer, waited } =
                signer.await.map_err(|error| attempts.unsent(error))?;
            if waited {
                now = self.platform.monotonic();
                sent = self.platform.now();
            }
            attempts.check_token(now, || self.platform.now())?;
            let attempt = Attempt {
                signer,
                sent,
                now,
                signed_at: self.policy.skew.correct(sent),
            };
            let (headers, body) = message
                .at(unix_seconds(attempt.signed_at), attempts.keeps_message())
                .map_err(|error| attempts.unsent(error))?;
            attempts.count();
            let left = attempts.deadline().saturating_sub(now);
            let wants_date = options.for_time || self.wants_date(now);
            let answer = self.attempt(codec, headers, body, &attempt, left, wants_date);
            let error = match answer.await {
                Ok(output) => {
                    attempts.succeeded();
                    return Ok(output);
                }
                Err(error) => error,
            };
            now = self.platform.monotonic();
            let random = || self.platform.random();
            let mut decision = attempts.decide(error, &attempt, now, random);
            if let (Decision::RenewCredentials, Some(used)) = (decision, &attempt.signer) {
                let renewed = self.signers.renewed(used, self.now(), attempts.deadline());
                if renewed.await.map_err(|error| attempts.unsent(error))? {
                    now = self.platform.monotonic();
                    continue;
                }
                decision = attempts.decide_again(&attempt, now, random);
            }
            match decision {
                Decision::RetryAfter(wait) => {
                    self.platform.sleep(wait).await;
                    now = self.platform.monotonic();
                }
                Decision::SignAgain => {}
                Decision::RenewCredentials | Decision::GiveUp => return Err(attempts.give_up()),
            }
        }
    }

    /// Makes one attempt: signs the request, unless the host signs it, sends it, and checks
    /// and reads the response. Learns the server's time from DynamoDB's response. Added
    /// `headers` come after those that the serializer wrote.
    async fn attempt(
        &self,
        codec: &Codec,
        headers: &mut Headers,
        body: &[u8],
        attempt: &Attempt,
        left: Duration,
        wants_date: bool,
    ) -> Result<Output, AttemptError> {
        if let Some(signer) = &attempt.signer {
            let signed = signer.sign(
                &*self.platform,
                &self.endpoint,
                headers,
                body,
                attempt.signed_at,
            );
            signed.map_err(|error| {
                AttemptError::Unsent(Error::Other(format!("cannot sign the request ({error})")))
            })?;
        }
        headers.push(("user-agent".to_owned(), USER_AGENT.as_bytes().to_vec()));
        let limits = self.limits();
        let total = limits.request_timeout.min(left);
        let request = Request {
            method: Method::Post,
            tls: self.endpoint.tls(),
            authority: self.endpoint.authority(),
            path: self.endpoint.path(),
            headers,
            body,
            timeouts: Timeouts {
                connect: limits.connect_timeout.min(total),
                total,
                deadline: attempt.now.saturating_add(total),
            },
            wants_date,
            beside_others: self.several.get() > 0,
        };
        let response = self.platform.send(request).await;
        let response = response.map_err(AttemptError::Transport)?;
        response_check::check(&response).map_err(AttemptError::Transport)?;
        let date = response.header(DATE).filter(|_| wants_date);
        let date = date.map(str::to_owned);
        let read = codec::deserialize(codec, response);
        // If the response is not DynamoDB's, its date is not DynamoDB's either.
        let date = match &read {
            Ok(_) => date.as_deref(),
            Err(AttemptError::Service(error)) => error.date.as_deref(),
            Err(_) => None,
        };
        if let Some(date) = date {
            let skew = &self.policy.skew;
            skew.observe(date, attempt.sent, self.platform.now());
        }
        if wants_date && read.is_ok() {
            // Set even if the response has no date. Otherwise every request to a server
            // without dates would ask again.
            self.date_asked.set(Some(attempt.now));
        }
        read
    }
}
