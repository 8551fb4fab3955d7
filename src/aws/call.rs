//! Calls an operation: attempts until one succeeds or the policy ends it. The
//! rule: an attempt of unknown outcome is repeated only where a repetition
//! cannot have a second effect.

use super::client::Client;
use super::clock_skew::ClockSkew;
use super::failure::{Failure, Problem, misread, unsent};
use super::operation::{Codec, Operation};
use super::retry::{self, RetryKind};
use super::wire;
use crate::credentials::Given;
use crate::platform::Platform;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use std::time::Duration;

/// The SDK's output of an operation, or why there is none.
pub type Called<O> = Result<<O as Operation>::Output, Box<Failure>>;

/// What decides whether an operation is tried again, beside what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    /// Whether it may be repeated when an attempt may have been applied.
    repeatable: bool,
    /// When it has to be over, as the platform's `Clock::monotonic` counts;
    /// none: after the longest time that one operation may take.
    deadline: Option<Duration>,
}

impl<P: Platform> Client<P> {
    /// Calls an operation that may be repeated whatever became of an attempt: a
    /// read, or a write that knows a repetition by its condition or token.
    ///
    /// # Errors
    ///
    /// After all attempts that the policy allows.
    pub fn call<O: Operation>(&self, input: O::Input) -> impl Future<Output = Called<O>> {
        let terms = Terms {
            repeatable: true,
            deadline: None,
        };
        self.call_on::<O>(terms, input)
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
        let terms = Terms {
            repeatable: true,
            deadline: Some(deadline),
        };
        self.call_on::<O>(terms, input)
    }

    /// Calls a write. One that is not `repeatable` would not know its own
    /// repetition: an attempt that may have been applied is its last, for another
    /// writer may have replaced what it left, and would lose that.
    ///
    /// "When you receive a status code 500 on a write operation, the operation
    /// may have succeeded or failed": "Error handling with DynamoDB" in the
    /// Developer Guide.
    ///
    /// # Errors
    ///
    /// As there, and where an attempt of one that is not `repeatable` may have
    /// been applied.
    pub fn call_write<O: Operation>(
        &self,
        repeatable: bool,
        input: O::Input,
    ) -> impl Future<Output = Called<O>> {
        let terms = Terms {
            repeatable,
            deadline: None,
        };
        self.call_on::<O>(terms, input)
    }

    async fn call_on<O: Operation>(&self, terms: Terms, input: O::Input) -> Called<O> {
        let codec = self.codecs.get::<O>();
        let codec = codec.map_err(|error| unsent(O::NAME, error.to_string()))?;
        let output = self.attempts(codec, terms, Input::erase(input)).await?;
        output.downcast::<O::Output>().map_err(|_| misread(O::NAME))
    }

    /// Attempts until one succeeds or the policy ends it.
    async fn attempts(
        &self,
        codec: &Codec,
        terms: Terms,
        input: Input,
    ) -> Result<Output, Box<Failure>> {
        let mut now = self.platform.monotonic();
        let longest = now.saturating_add(self.operation_timeout());
        let deadline = terms.deadline.unwrap_or(longest);
        let mut permit = None;
        let mut attempts = 0;
        let mut earlier_may_have_been_applied = false;
        let mut renewed = false;
        let fail = |problem, attempts, earlier_may_have_been_applied| {
            Box::new(Failure {
                operation: codec.name(),
                problem,
                attempts,
                earlier_may_have_been_applied,
                deadline,
            })
        };
        let (mut headers, body) = match wire::serialize(codec, input) {
            Ok(parts) => parts,
            Err(cause) => return Err(fail(Problem::Unsent(cause), 0, false)),
        };
        let body = body.bytes().unwrap_or_default();
        let unsigned = headers.len();
        loop {
            let mut time = self.now();
            let signer = match self.signers.signer(time, deadline).await {
                Ok(Given { signer, waited }) => {
                    if waited {
                        now = self.platform.monotonic();
                        time = self.now();
                    }
                    signer
                }
                Err(error) => {
                    let problem = Problem::NoCredentials(error);
                    return Err(fail(problem, attempts, earlier_may_have_been_applied));
                }
            };
            attempts += 1;
            headers.truncate(unsigned);
            let signed_with = self.skew.clone();
            let attempt = self.attempt(
                codec,
                (signer.as_deref(), time),
                &mut headers,
                body,
                now,
                deadline,
            );
            let problem = match attempt.await {
                Ok(output) => {
                    self.quotas.succeeded(permit);
                    return Ok(output);
                }
                Err(problem) => problem,
            };
            if let (Some(used), false) = (&signer, renewed)
                && problem.says_that_credentials_have_expired()
            {
                // Nothing was done, and with other credentials it is another request.
                renewed = true;
                match self.signers.renewed(used, self.now(), deadline).await {
                    Ok(true) => {
                        now = self.platform.monotonic();
                        continue;
                    }
                    Ok(false) => {}
                    Err(error) => {
                        let problem = Problem::NoCredentials(error);
                        return Err(fail(problem, attempts, earlier_may_have_been_applied));
                    }
                }
            }
            let allowed = terms.repeatable || !problem.may_have_been_applied();
            let wait = if allowed && attempts < self.limits.max_attempts {
                self.wait_before_retry(codec, &problem, attempts, &signed_with)
            } else {
                None
            };
            now = self.platform.monotonic();
            match wait.filter(|(_, wait)| now.saturating_add(*wait) < deadline) {
                Some((kind, wait)) => match self.quotas.acquire(kind) {
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

    /// Whether and when to try again after `problem`. A skewed clock, other than
    /// the attempt was signed with, is corrected on the way.
    fn wait_before_retry(
        &self,
        codec: &Codec,
        problem: &Problem,
        attempts: u32,
        signed_with: &ClockSkew,
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
            Problem::Unsent(_) | Problem::NoCredentials(_) => (None, None),
            Problem::Service(error) => {
                let now = self.platform.now();
                let date = error.date.as_deref();
                let kind = if self.skew.learn(&error.code, date, now, signed_with) {
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
