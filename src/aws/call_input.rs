//! The input of a call, and the message that the SDK writes of it. An input that
//! depends on the clock is made anew for an attempt at another second, so that
//! signature, expiry and condition of one attempt are of one time.

use super::message::Headers;
use super::operation::Codec;
use super::wire;
use crate::error::Error;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_types::body::SdkBody;
use std::fmt;

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
        let (headers, body) = wire::serialize(self.codec, input).map_err(Error::Other)?;
        Ok(Written {
            now,
            own_headers: headers.len(),
            headers,
            body,
        })
    }
}
