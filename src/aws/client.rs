//! Calls an operation: attempts until one succeeds or the policy ends it.

use super::clock_skew::ClockSkew;
use super::endpoint::Endpoint;
use super::failure::{Failure, Problem};
use super::operation::{Codec, Codecs, Operation};
use super::retry::{self, RetryKind};
use super::sign::Signer;
use super::token_bucket::{Permit, TokenBucket};
use super::wire;
use crate::platform::Platform;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use std::time::{Duration, SystemTime};

/// How a client reaches DynamoDB.
#[derive(Debug)]
pub struct ClientConfig {
    /// Where DynamoDB is.
    pub endpoint: Endpoint,
    /// The region that is signed for.
    pub region: String,
    /// Who signs.
    pub credentials: Credentials,
    /// Attempts for one operation, the first one included.
    pub max_attempts: u32,
    /// To open a connection.
    pub connect_timeout: Duration,
    /// For one attempt, from sending to the last byte of the answer.
    pub request_timeout: Duration,
}

/// The answer to an operation that succeeded.
#[derive(Debug)]
pub struct Answer<T> {
    /// The SDK's output.
    pub output: T,
    /// Whether an attempt before the one that succeeded may have been applied.
    pub earlier_may_have_been_applied: bool,
}

/// A client of DynamoDB. It holds no connection: those are the host's.
#[derive(Debug)]
pub struct Client<P> {
    pub(super) platform: P,
    pub(super) endpoint: Endpoint,
    endpoint_url: String,
    pub(super) signer: Signer,
    max_attempts: u32,
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    quota: TokenBucket,
    skew: ClockSkew,
    codecs: Codecs,
}

impl<P: Platform> Client<P> {
    /// A client. Nothing is sent before the first call.
    pub fn new(platform: P, config: ClientConfig) -> Self {
        Self {
            platform,
            endpoint_url: config.endpoint.url(),
            endpoint: config.endpoint,
            signer: Signer::new(config.credentials, config.region),
            max_attempts: config.max_attempts,
            connect_timeout: config.connect_timeout,
            request_timeout: config.request_timeout,
            quota: TokenBucket::default(),
            skew: ClockSkew::default(),
            codecs: Codecs::default(),
        }
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
        self.max_attempts
    }

    /// Longest time that one operation may take with all its attempts and the
    /// waits between them.
    pub fn operation_timeout(&self) -> Duration {
        self.request_timeout.saturating_mul(self.max_attempts)
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
        let permit = self.quota.acquire(RetryKind::Throttling)?;
        let random = self.platform.random();
        let wait = retry::backoff(RetryKind::Throttling, retry, random, None);
        Some((wait, permit))
    }

    /// What was asked again brought something on: its permit comes back.
    pub fn progressed(&self, permit: Permit) {
        self.quota.succeeded(Some(permit));
    }

    /// Calls an operation.
    ///
    /// # Errors
    ///
    /// After all attempts that the policy allows.
    pub async fn call<O: Operation>(&self, input: O::Input) -> Result<Answer<O::Output>, Failure> {
        let unsent = |cause: String| Failure {
            operation: O::NAME,
            problem: Problem::Unsent(cause),
            attempts: 0,
            earlier_may_have_been_applied: false,
        };
        let codec = self
            .codecs
            .get::<O>()
            .map_err(|error| unsent(error.to_string()))?;
        let answer = self.attempts(codec, Input::erase(input)).await?;
        match answer.output.downcast::<O::Output>() {
            Ok(output) => Ok(Answer {
                output,
                earlier_may_have_been_applied: answer.earlier_may_have_been_applied,
            }),
            // Whatever was asked for has happened.
            Err(_) => Err(Failure {
                operation: O::NAME,
                problem: Problem::Foreign {
                    status: 200,
                    cause: "the SDK gave an output of another type".to_owned(),
                    retry_after: None,
                },
                attempts: 1,
                earlier_may_have_been_applied: true,
            }),
        }
    }

    /// Attempts until one succeeds or the policy ends it.
    async fn attempts(&self, codec: &Codec, input: Input) -> Result<Answer<Output>, Failure> {
        let mut now = self.platform.monotonic();
        let deadline = now.saturating_add(self.operation_timeout());
        let mut permit = None;
        let mut attempts = 0;
        let mut earlier_may_have_been_applied = false;
        let fail = |problem, attempts, earlier_may_have_been_applied| Failure {
            operation: codec.name(),
            problem,
            attempts,
            earlier_may_have_been_applied,
        };
        let (mut headers, body) = match wire::serialize(codec, input) {
            Ok(parts) => parts,
            Err(cause) => return Err(fail(Problem::Unsent(cause), 0, false)),
        };
        let body = body.bytes().unwrap_or_default();
        let unsigned = headers.len();
        loop {
            attempts += 1;
            headers.truncate(unsigned);
            let attempt = self.attempt(codec, &mut headers, body, now, deadline);
            let problem = match attempt.await {
                Ok(output) => {
                    self.quota.succeeded(permit);
                    return Ok(Answer {
                        output,
                        earlier_may_have_been_applied,
                    });
                }
                Err(problem) => problem,
            };
            let wait = if attempts < self.max_attempts {
                self.wait_before_retry(codec, &problem, attempts)
            } else {
                None
            };
            now = self.platform.monotonic();
            match wait.filter(|(_, wait)| now.saturating_add(*wait) < deadline) {
                Some((kind, wait)) => match self.quota.acquire(kind) {
                    Some(taken) => {
                        permit = Some(taken);
                        earlier_may_have_been_applied |= problem.may_have_been_applied();
                        self.platform.sleep(wait).await;
                        now = self.platform.monotonic();
                    }
                    None => return Err(fail(problem, attempts, earlier_may_have_been_applied)),
                },
                None => return Err(fail(problem, attempts, earlier_may_have_been_applied)),
            }
        }
    }

    /// Whether and when to try again after `problem`. A skewed clock is
    /// corrected on the way.
    fn wait_before_retry(
        &self,
        codec: &Codec,
        problem: &Problem,
        attempts: u32,
    ) -> Option<(RetryKind, Duration)> {
        let (kind, retry_after) = match problem {
            Problem::Transport(error) => {
                (error.is_transient().then_some(RetryKind::Transient), None)
            }
            Problem::Foreign {
                status,
                retry_after,
                ..
            } => (retry::classify(None, *status), *retry_after),
            Problem::Unsent(_) => (None, None),
            Problem::Service(error) => {
                let now = self.platform.now();
                let kind = if self.skew.learn(&error.code, error.date.as_deref(), now) {
                    Some(RetryKind::Transient)
                } else {
                    retry::classify(Some(&error.code), error.status).or_else(|| {
                        let typed = error.source.as_operation_error()?;
                        codec.classify(typed)
                    })
                };
                (kind, error.retry_after)
            }
        };
        let kind = kind?;
        let random = self.platform.random();
        Some((kind, retry::backoff(kind, attempts, random, retry_after)))
    }
}
