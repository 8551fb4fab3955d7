//! A platform without a network. Each request gets the next response of the fuzzer. The last response is repeated. Time
//! passes only in `sleep`.

use dapr_dynamodb::http::{
    Clock, Digest, Files, Random, Request, Response, Transport, TransportError,
};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

/// The maximum number of polls of a call. Nothing here waits, but some futures yield to others.
const POLLS: usize = 10_000;

/// A sent request.
#[derive(Debug)]
pub struct Sent {
    /// The name of the DynamoDB operation.
    pub operation: String,
    /// The body, parsed as JSON.
    pub body: Value,
}

/// A platform with made-up responses.
#[derive(Debug)]
pub struct Made {
    answers: Vec<Response>,
    sent: RefCell<Vec<Sent>>,
    draws: Cell<u64>,
    elapsed: Cell<Duration>,
}

impl Made {
    /// Makes a platform with these responses. If there are none, every request fails with a reset connection.
    #[must_use]
    pub fn new(answers: Vec<Response>) -> Self {
        Self {
            answers,
            sent: RefCell::default(),
            draws: Cell::default(),
            elapsed: Cell::default(),
        }
    }

    /// Takes all requests sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.take()
    }
}

impl Transport for Made {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let fields = request.headers.iter();
        let target = fields.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
        let target: Vec<u8> = target.flat_map(|(_, value)| value.clone()).collect();
        let target = String::from_utf8(target).expect("a target of text");
        let (_, operation) = target.split_once('.').expect("a target with its version");
        let number = self.sent.borrow().len();
        self.sent.borrow_mut().push(Sent {
            operation: operation.to_owned(),
            body: serde_json::from_slice(request.body).expect("a body of JSON"),
        });
        let answer = self.answers.get(number).or(self.answers.last());
        answer
            .cloned()
            .ok_or_else(|| TransportError::Reset("no answer".to_owned()))
    }
}

impl Clock for Made {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.elapsed.get()
    }

    fn monotonic(&self) -> Duration {
        self.elapsed.get()
    }

    async fn sleep(&self, duration: Duration) {
        self.elapsed.set(self.elapsed.get() + duration);
    }
}

/// There are no files.
impl Digest for Made {}

impl Files for Made {
    fn read(&self, _: &str, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Random for Made {
    fn random(&self) -> u64 {
        self.draws.set(self.draws.get() + 1);
        self.draws.get() << 32
    }
}

/// Polls a call until it ends.
///
/// # Panics
///
/// Panics if the call does not end after many polls.
pub fn run<T>(call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
            return result;
        }
    }
    panic!("the call does not end")
}
