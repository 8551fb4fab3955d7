//! One attempt of an operation: sign, send, check, read.

use super::client::Client;
use super::failure::Problem;
use super::message::{DATE, Headers, Method, Request, Timeouts};
use super::operation::Codec;
use super::sign::Signer;
use super::{integrity, wire};
use crate::error::Error;
use crate::platform::Platform;
use aws_smithy_runtime_api::client::interceptors::context::Output;
use std::time::{Duration, SystemTime};

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
    pub(super) async fn attempt(&self, attempt: Attempt<'_>) -> Result<Output, Problem> {
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
                    Problem::Unsent(Error::Other(format!("cannot sign the request ({error})")))
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
        let response = response.map_err(Problem::Transport)?;
        integrity::check(&response).map_err(Problem::Transport)?;
        let date = response.header(DATE).filter(|_| wants_date);
        let date = date.map(str::to_owned);
        let read = wire::deserialize(codec, response);
        // Of what is not DynamoDB's answer, the date is not DynamoDB's either.
        let date = match &read {
            Ok(_) => date.as_deref(),
            Err(Problem::Service(error)) => error.date.as_deref(),
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
