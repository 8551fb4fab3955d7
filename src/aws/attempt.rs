//! One attempt of an operation: sign, send, check, read.

use super::client::Client;
use super::failure::Problem;
use super::message::{Headers, Method, Request, Timeouts};
use super::operation::Codec;
use super::sign::Signer;
use super::{integrity, wire};
use crate::platform::Platform;
use aws_smithy_runtime_api::client::interceptors::context::Output;
use std::time::{Duration, SystemTime};

/// What requests call themselves. It is not signed: a proxy may change it.
const USER_AGENT: &str = concat!("dapr-dynamodb/", env!("CARGO_PKG_VERSION"));

impl<P: Platform> Client<P> {
    /// Signs as of `time`, unless the host signs; sends, checks and reads once. It
    /// is `now`, and the operation has to be over by `deadline`. What is added to
    /// `headers` stays behind what was there.
    pub(super) async fn attempt(
        &self,
        codec: &Codec,
        (signer, time): (Option<&Signer>, SystemTime),
        headers: &mut Headers,
        body: &[u8],
        now: Duration,
        deadline: Duration,
    ) -> Result<Output, Problem> {
        if let Some(signer) = signer {
            signer
                .sign(&self.endpoint, headers, body, time)
                .map_err(|error| Problem::Unsent(format!("cannot sign the request ({error})")))?;
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
        };
        let response = self.platform.send(request).await;
        let response = response.map_err(Problem::Transport)?;
        integrity::check(&response).map_err(Problem::Transport)?;
        wire::deserialize(codec, response).map_err(|mut problem| {
            if let (Problem::Service(error), Some(signer)) = (&mut problem, signer) {
                error.code = signer.redact(&error.code);
                error.message = signer.redact(&error.message);
            }
            problem
        })
    }
}
