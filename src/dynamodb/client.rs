//! A client of DynamoDB and its calls: an operation is attempted until an attempt
//! succeeds or the retry policy gives up. An attempt is signed, sent, checked and read.

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

/// The name of the client in requests. It is not signed: a proxy may change it.
const USER_AGENT: &str = concat!("dapr-dynamodb/", env!("CARGO_PKG_VERSION"));

/// The time for which a learnt clock difference counts. A clock that
/// drifts by a tenth of a percent, which is a bad one, is off by 60 ms then.
const DATE_IS_GOOD_FOR: Duration = Duration::from_secs(60);

/// A client of DynamoDB. It holds no connection: those are the host's.
#[derive(Debug)]
pub struct Client<P> {
    platform: Rc<P>,
    endpoint: Endpoint,
    endpoint_url: String,
    signers: Signers<P>,
    policy: RetryPolicy,
    follows_clock: bool,
    /// The monotonic time of the last request whose answer had to tell the server's time.
    date_asked: Cell<Option<Duration>>,
    codecs: Codecs,
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
            policy: RetryPolicy::new(config.limits),
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
    fn wants_date(&self, now: Duration) -> bool {
        let is_old = |asked: Duration| now.saturating_sub(asked) >= DATE_IS_GOOD_FOR;
        self.follows_clock && self.date_asked.get().is_none_or(is_old)
    }

    /// Time and randomness, for what is decided above the wire.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The endpoint as a URL, for sentences.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// How long and how often it may try.
    pub fn limits(&self) -> Limits {
        self.policy.limits
    }

    /// When an operation that begins now has to be over.
    pub fn deadline(&self) -> Duration {
        let now = self.platform.monotonic();
        now.saturating_add(self.limits().operation_timeout())
    }

    /// Wall clock time, as far as an answer has told that it is another than
    /// this machine's.
    pub fn now(&self) -> SystemTime {
        self.policy.skew.correct(self.platform.now())
    }

    /// The wait before retry number `retry`, where the quota has one left. For
    /// what is asked again although the call succeeded: unprocessed items.
    pub fn backoff(&self, retry: u32) -> Option<(Duration, Permit)> {
        self.policy.backoff(retry, || self.platform.random())
    }

    /// Takes a permit back: what was asked again made progress.
    pub fn progressed(&self, permit: Permit) {
        self.policy.succeeded(Some(permit));
    }
}

/// The SDK's output of an operation, or why there is none.
pub type CallResult<O> = Result<<O as Operation>::Output, Box<OperationError>>;

impl<P: Platform> Client<P> {
    /// Calls an operation that may be repeated whatever became of an attempt: a
    /// read.
    ///
    /// # Errors
    ///
    /// After all attempts that the policy allows.
    pub fn call<O: Operation>(&self, input: O::Input) -> impl Future<Output = CallResult<O>> {
        self.call_on::<O>(CallOptions::default(), CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, and learns the server's
    /// time from its answer.
    ///
    /// # Errors
    ///
    /// As there.
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
    ) -> impl Future<Output = CallResult<O>> {
        let options = CallOptions {
            deadline: Some(deadline),
            ..CallOptions::default()
        };
        self.call_on::<O>(options, CallInput::Fixed(input))
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

    /// Attempts until one succeeds or the policy gives up.
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

    /// Signs, unless the host signs; sends, checks and reads once. Learns the server's
    /// time from what DynamoDB answers. What is added to `headers` stays behind those
    /// that the serializer wrote.
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
            let signed = signer.sign(&self.endpoint, headers, body, attempt.signed_at);
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
            let skew = &self.policy.skew;
            skew.observe(date, attempt.sent, self.platform.now());
        }
        if wants_date && read.is_ok() {
            // The server may not have sent it.
            self.date_asked.set(Some(attempt.now));
        }
        read
    }
}
