//! The retry policy. After a failed attempt it decides whether to make another one. It owns
//! the retry quotas and the estimate of the server's clock. [`AttemptError`] and
//! `aws::error_code` define the meaning of an error.
//!
//! The rule: an attempt with an unknown outcome is repeated only if it cannot take effect
//! twice, or if the configuration accepts that.

use super::Repeat;
use super::error::{AttemptError, OperationError};
use crate::aws::Limits;
use crate::aws::clock_skew::ClockSkew;
use crate::aws::retry::{Permit, RetryKind, RetryQuotas, backoff};
use crate::aws::sign::Signer;
use crate::error::Error;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// The time after the first attempt of a transaction in which it may be signed again.
/// DynamoDB remembers the token of a transaction for ten minutes, and accepts a request for
/// five minutes after it was signed. A request that is signed later could arrive after
/// DynamoDB has forgotten the token, and be applied a second time.
///
/// Sources: `ClientRequestToken` of TransactWriteItems in the DynamoDB API
/// reference; "Signature Version 4" in the IAM User Guide.
const TOKEN_IS_GOOD_FOR: Duration = Duration::from_secs(5 * 60);

/// The options of a call. The defaults are those of a read that may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CallOptions {
    pub(super) repeat: Repeat,
    /// The deadline of the call, in the time of the platform's `Clock::monotonic`. The
    /// default is the longest time that one operation may take.
    pub(super) deadline: Option<Duration>,
    /// True if the response must tell the server's time.
    pub(super) for_time: bool,
}

/// The limits, the retry quotas and the clock difference. All calls of a client share them.
#[derive(Debug)]
pub(super) struct RetryPolicy {
    pub(super) limits: Limits,
    pub(super) skew: ClockSkew,
    quotas: RetryQuotas,
}

/// One attempt, with its signer and its times.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The signer; `None` if the host signs.
    pub(super) signer: Option<Rc<Signer>>,
    /// The time of sending, by this machine's clock.
    pub(super) sent: SystemTime,
    /// The time of sending, by the monotonic clock.
    pub(super) now: Duration,
    /// The time of sending and signing, by the server's clock as far as it is known.
    pub(super) signed_at: SystemTime,
}

/// The next step after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Another attempt after this wait.
    RetryAfter(Duration),
    /// Another attempt at once: the server refused this one because of its signing time.
    SignAgain,
    /// Another attempt at once with new credentials, if there are any: these have expired.
    RenewCredentials,
    /// No other attempt.
    GiveUp,
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    policy: &'a RetryPolicy,
    operation: &'static str,
    repeat: Repeat,
    deadline: Duration,
    count: u32,
    /// The tokens that the latest retry took from the quota.
    permit: Option<Permit>,
    renewed: bool,
    signed_again: bool,
    /// The time of the first attempt that may have been applied, by both clocks.
    unknown_since: Option<(SystemTime, Duration)>,
    /// The error of the latest attempt, and true if an earlier one may have been applied.
    last: Option<(AttemptError, bool)>,
}

impl RetryPolicy {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            skew: ClockSkew::default(),
            quotas: RetryQuotas::default(),
        }
    }

    /// Starts the attempts of a call that begins `now`.
    pub(super) fn begin(
        &self,
        operation: &'static str,
        options: CallOptions,
        now: Duration,
    ) -> Attempts<'_> {
        let longest = now.saturating_add(self.limits.operation_timeout());
        Attempts {
            policy: self,
            operation,
            repeat: options.repeat,
            deadline: options.deadline.unwrap_or(longest),
            count: 0,
            permit: None,
            renewed: false,
            signed_again: false,
            unknown_since: None,
            last: None,
        }
    }

    /// Returns the wait before retry number `retry`, or `None` if the quota has no retry
    /// left. This is for unprocessed items, which are requested again although the call
    /// succeeded.
    pub(super) fn backoff(
        &self,
        retry: u32,
        random: impl FnOnce() -> u64,
    ) -> Option<(Duration, Permit)> {
        let permit = self.quotas.acquire(RetryKind::Throttling)?;
        Some((
            backoff(RetryKind::Throttling, retry, random(), None),
            permit,
        ))
    }

    /// Returns the tokens of a successful retry to the quota. `None` means that the first
    /// attempt succeeded.
    pub(super) fn succeeded(&self, permit: Option<Permit>) {
        self.quotas.succeeded(permit);
    }
}

impl Attempts<'_> {
    /// Returns the deadline of the call, by the monotonic clock.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns true if the next attempt must send the same message as the previous one.
    /// DynamoDB recognizes a repeated transaction by its token, and refuses the token with
    /// another body.
    pub(super) fn keeps_message(&self) -> bool {
        self.repeat == Repeat::ByToken && self.unknown_since.is_some()
    }

    /// Counts an attempt that is sent.
    pub(super) fn count(&mut self) {
        self.count += 1;
    }

    /// Ends the attempts after a success.
    pub(super) fn succeeded(self) {
        self.policy.succeeded(self.permit);
    }

    /// Decides the next step after an attempt that failed with `error` at the time `now`.
    pub(super) fn decide(
        &mut self,
        error: AttemptError,
        attempt: &Attempt,
        now: Duration,
        random: impl FnOnce() -> u64,
    ) -> Decision {
        // If the process was suspended, the deadline has passed, but the caller still waits.
        let extended = now.saturating_add(self.policy.limits.request_timeout);
        let earlier = self.unknown_since.is_some();
        // In the first two cases DynamoDB did nothing.
        let decision = if attempt.signer.is_some()
            && !self.renewed
            && error.says_that_credentials_have_expired()
        {
            self.renewed = true;
            self.deadline = self.deadline.max(extended);
            Decision::RenewCredentials
        } else if !self.signed_again && error.is_explained_by(attempt.signed_at) {
            self.signed_again = true;
            self.deadline = self.deadline.max(extended);
            Decision::SignAgain
        } else {
            let wait = self.retry(&error, attempt, now, random);
            wait.map_or(Decision::GiveUp, Decision::RetryAfter)
        };
        self.last = Some((error, earlier));
        decision
    }

    /// Decides again after the same attempt, because there are no new credentials.
    pub(super) fn decide_again(
        &mut self,
        attempt: &Attempt,
        now: Duration,
        random: impl FnOnce() -> u64,
    ) -> Decision {
        match self.last.take() {
            Some((error, _)) => self.decide(error, attempt, now, random),
            None => Decision::GiveUp,
        }
    }

    /// Returns the wait before a retry, or `None` if there is no retry.
    fn retry(
        &mut self,
        error: &AttemptError,
        attempt: &Attempt,
        now: Duration,
        random: impl FnOnce() -> u64,
    ) -> Option<Duration> {
        let outcome_unknown = error.may_have_been_applied();
        if outcome_unknown && self.repeat == Repeat::Never
            || self.count >= self.policy.limits.max_attempts
        {
            return None;
        }
        let kind = error.retry_kind()?;
        let wait = backoff(kind, self.count, random(), error.retry_after());
        if now.saturating_add(wait) >= self.deadline {
            return None;
        }
        self.permit = Some(self.policy.quotas.acquire(kind)?);
        if outcome_unknown {
            self.unknown_since
                .get_or_insert((attempt.sent, attempt.now));
        }
        Some(wait)
    }

    /// Refuses to send a transaction whose token DynamoDB may have forgotten. `clock` is
    /// this machine's time. No clock alone is enough: the monotonic clock stops while the
    /// machine sleeps, and the wall clock may be set.
    ///
    /// # Errors
    ///
    /// The error of the previous attempt.
    pub(super) fn check_token(
        &mut self,
        now: Duration,
        clock: impl FnOnce() -> SystemTime,
    ) -> Result<(), Box<OperationError>> {
        let (Repeat::ByToken, Some((sent, monotonic))) = (self.repeat, self.unknown_since) else {
            return Ok(());
        };
        let by_clock = clock().duration_since(sent).unwrap_or_default();
        if by_clock.max(now.saturating_sub(monotonic)) <= TOKEN_IS_GOOD_FOR {
            return Ok(());
        }
        Err(self.give_up())
    }

    /// Ends the call after its latest attempt, and returns its error.
    pub(super) fn give_up(&mut self) -> Box<OperationError> {
        let nothing_sent = || (AttemptError::Unsent(Error::unbuilt("no attempt")), false);
        let (last, earlier) = self.last.take().unwrap_or_else(nothing_sent);
        Box::new(OperationError {
            operation: self.operation,
            last,
            attempts: self.count,
            earlier_may_have_been_applied: earlier,
            deadline: self.deadline,
        })
    }

    /// Ends the call because another attempt could not be sent, and returns its error.
    pub(super) fn unsent(&mut self, error: Error) -> Box<OperationError> {
        let earlier = self.unknown_since.is_some();
        self.last = Some((AttemptError::Unsent(error), earlier));
        self.give_up()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TransportError;
    use std::time::UNIX_EPOCH;

    const LIMITS: Limits = Limits {
        connect_timeout: Duration::from_secs(3),
        request_timeout: Duration::from_secs(10),
        max_attempts: 4,
    };

    const AT_ONCE: Decision = Decision::RetryAfter(Duration::ZERO);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Counts an attempt that failed with `error` after `now` seconds, and returns the
    /// decision.
    fn decide(attempts: &mut Attempts<'_>, error: TransportError, now: u64) -> Decision {
        let attempt = Attempt {
            signer: None,
            sent: UNIX_EPOCH,
            now: Duration::ZERO,
            signed_at: UNIX_EPOCH,
        };
        attempts.count();
        attempts.decide(AttemptError::Transport(error), &attempt, seconds(now), || 0)
    }

    #[test]
    fn attempt_is_repeated_as_the_call_and_its_limits_allow() {
        use TransportError::{ConnectTimeout, Timeout};
        let denied = || TransportError::Denied("cause".to_owned());
        for (repeat, error, now, decision) in [
            (Repeat::Always, Timeout, 10, AT_ONCE),
            (Repeat::ByToken, Timeout, 10, AT_ONCE),
            (Repeat::Never, Timeout, 10, Decision::GiveUp),
            (Repeat::Never, ConnectTimeout, 3, AT_ONCE),
            (Repeat::Always, denied(), 0, Decision::GiveUp),
            (Repeat::Always, Timeout, 40, Decision::GiveUp),
        ] {
            let policy = RetryPolicy::new(LIMITS);
            let options = CallOptions {
                repeat,
                ..CallOptions::default()
            };
            let mut attempts = policy.begin("PutItem", options, Duration::ZERO);
            let case = format!("{repeat:?} {error:?} at {now} s");
            assert_eq!(decide(&mut attempts, error, now), decision, "{case}");
        }
    }

    #[test]
    fn call_fails_with_the_error_of_its_last_attempt() {
        let policy = RetryPolicy::new(LIMITS);
        let mut attempts = policy.begin("GetItem", CallOptions::default(), Duration::ZERO);
        for _ in 1..LIMITS.max_attempts {
            let decision = decide(&mut attempts, TransportError::Timeout, 1);
            assert_eq!(decision, AT_ONCE);
        }
        let last = decide(&mut attempts, TransportError::ConnectTimeout, 1);
        assert_eq!(last, Decision::GiveUp);
        let error = attempts.give_up();
        assert!(error.earlier_may_have_been_applied && !error.last.may_have_been_applied());
        assert_eq!((error.attempts, error.deadline), (4, seconds(40)));
    }
}
