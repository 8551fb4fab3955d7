//! Calls an operation: attempts until one succeeds or the policy ends it. The
//! rule: an attempt of unknown outcome is repeated only where a repetition
//! cannot have a second effect, or the configuration accepts one.

use super::attempt::Attempt;
use super::call_input::{CallInput, Message};
use super::client::Client;
use super::clock_skew::unix_seconds;
use super::failure::{Failure, Problem, misread, unsent};
use super::operation::{Codec, Operation};
use super::retry::{self, RetryKind};
use crate::credentials::Given;
use crate::platform::Platform;
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use std::time::{Duration, SystemTime};

/// The longest time after its first attempt that a transaction may be signed again. DynamoDB
/// knows a transaction by its token for ten minutes, and takes a request for five
/// minutes after it was signed: what is signed later could arrive when the token is
/// forgotten, and be applied a second time.
///
/// Sources: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference; "Signature Version 4" in the IAM User Guide.
const TOKEN_IS_GOOD_FOR: Duration = Duration::from_secs(5 * 60);

/// The SDK's output of an operation, or why there is none.
pub type Called<O> = Result<<O as Operation>::Output, Box<Failure>>;

/// Decides whether an operation is sent again after an attempt that may have been applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Yes: a repetition has no second effect, or one that is accepted.
    #[default]
    Always,
    /// While DynamoDB is certain to know the token of the first attempt.
    ByToken,
    /// No: that attempt is the last.
    Never,
}

/// What decides whether an operation is tried again, beside what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Terms {
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
        self.call_on::<O>(Terms::default(), CallInput::Fixed(input))
    }

    /// Calls an operation as [`call`](Self::call) does, and learns the server's
    /// time from its answer.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn call_for_time<O: Operation>(&self, input: O::Input) -> impl Future<Output = Called<O>> {
        let terms = Terms {
            for_time: true,
            ..Terms::default()
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
        let terms = Terms {
            deadline: Some(deadline),
            ..Terms::default()
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
        let terms = Terms {
            repeat,
            ..Terms::default()
        };
        self.call_on::<O>(terms, input)
    }

    async fn call_on<'a, O: Operation>(
        &'a self,
        terms: Terms,
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
        terms: Terms,
        input: CallInput<'a, Input>,
    ) -> Result<Output, Box<Failure>> {
        let mut now = self.platform.monotonic();
        let longest = now.saturating_add(self.operation_timeout());
        let mut deadline = terms.deadline.unwrap_or(longest);
        let mut permit = None;
        let mut attempts = 0;
        // The first attempt that may have been applied.
        let mut in_doubt_since: Option<Moment> = None;
        let (mut renewed, mut signed_again) = (false, false);
        let fail = |problem, attempts, in_doubt_since: Option<Moment>, deadline| {
            Box::new(Failure {
                operation: codec.name(),
                problem,
                attempts,
                earlier_may_have_been_applied: in_doubt_since.is_some(),
                deadline,
            })
        };
        let mut message = Message::new(codec, input);
        // What went wrong with the attempt before, and what was in doubt then.
        let mut before: Option<(Problem, Option<Moment>)> = None;
        loop {
            let mut sent = self.platform.now();
            let signer = match self.signers.signer(self.skew.correct(sent), deadline).await {
                Ok(Given { signer, waited }) => {
                    if waited {
                        now = self.platform.monotonic();
                        sent = self.platform.now();
                    }
                    signer
                }
                Err(error) => {
                    return Err(fail(
                        Problem::Unsent(error),
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
                        Problem::Unsent(error),
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
                            Problem::Unsent(error),
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
                self.wait_before_retry(codec, &problem, attempts)
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

    /// Returns the kind and the wait of a retry after `problem`; `None` for no retry.
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
                let kind = retry::classify(Some(&error.code), error.status).or_else(|| {
                    let typed = error.source.as_operation_error()?;
                    codec.classify(typed)
                });
                (kind, error.retry_after)
            }
        };
        let kind = kind?;
        let random = self.platform.random();
        Some((kind, retry::backoff(kind, attempts, random, retry_after)))
    }
}
