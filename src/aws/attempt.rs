//! One attempt of an operation: sign, send, check, read.

use super::client::Client;
use super::failure::Problem;
use super::message::{Headers, Request, Timeouts};
use super::operation::Codec;
use super::{integrity, wire};
use crate::platform::Platform;
use aws_smithy_runtime_api::client::interceptors::context::Output;
use std::time::Duration;

impl<P: Platform> Client<P> {
    /// Signs, sends, checks and reads once.
    pub(super) async fn attempt(
        &self,
        codec: &Codec,
        mut headers: Headers,
        body: &[u8],
        deadline: Duration,
    ) -> Result<Output, Problem> {
        self.signer
            .sign(&self.endpoint, &mut headers, body, self.now())
            .map_err(|error| Problem::Unsent(format!("cannot sign the request ({error})")))?;
        let left = deadline.saturating_sub(self.platform.monotonic());
        let total = self.request_timeout.min(left);
        let request = Request {
            tls: self.endpoint.tls(),
            authority: self.endpoint.authority(),
            path: self.endpoint.path(),
            headers,
            body,
            timeouts: Timeouts {
                connect: self.connect_timeout.min(total),
                total,
            },
        };
        let response = self.platform.send(request).await;
        let response = response.map_err(Problem::Transport)?;
        integrity::check(&response).map_err(Problem::Transport)?;
        wire::deserialize(codec, response).map_err(|mut problem| {
            if let Problem::Service(error) = &mut problem {
                error.code = self.signer.redact(&error.code);
                error.message = self.signer.redact(&error.message);
            }
            problem
        })
    }
}
