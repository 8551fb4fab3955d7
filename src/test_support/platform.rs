//! A platform for tests. Its responses come from a script. Its time passes only during
//! waits. All waits are drawn from one random number. It records every request and wait.

use super::Folder;
use super::script::{Scene, Script};
use crate::http::{
    Clock, Digest, Files, Random, Request, Response, Timeouts, Transport, TransportError,
};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Returns the wall clock time at the start of a test.
pub(crate) fn start() -> SystemTime {
    /// Tue, 14 Nov 2023 22:13:20 GMT.
    const SECONDS: u64 = 1_700_000_000;
    SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS)
}

/// A request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The method.
    pub(crate) method: String,
    /// The URL with scheme, host, port and path.
    pub(crate) url: String,
    /// The headers, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Sent {
    /// Records a request.
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let scheme = if request.tls { "https" } else { "http" };
        Self {
            method: request.method.as_str().to_owned(),
            url: format!("{scheme}://{}{}", request.authority, request.path),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8(value.clone()).expect("a field of text");
                    (name.to_ascii_lowercase(), value)
                })
                .collect(),
            body: request.body.to_vec(),
        }
    }

    /// Returns the name of the DynamoDB operation.
    pub(crate) fn operation(&self) -> &str {
        let target = self.header("x-amz-target").unwrap_or_default();
        target.rsplit('.').next().unwrap_or_default()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// Returns the value of the header `name`, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(n, _)| n == name);
        field.map(|(_, value)| value.as_str())
    }
}

/// A function that returns the scene for each request.
type Scenes = dyn FnMut(&Sent) -> Scene;

/// A scripted platform.
pub(crate) struct Scripted {
    scenes: RefCell<Box<Scenes>>,
    random: Box<dyn Fn(u64) -> u64>,
    draws: Cell<u64>,
    elapsed: Cell<Duration>,
    /// The start in Tokio's time, if the platform uses it.
    begin: Option<Instant>,
    /// The time by which the wall clock is ahead of the monotonic clock.
    slept: Cell<Duration>,
    /// The time by which each read of the wall clock advances it.
    tick: Duration,
    requests: RefCell<Vec<Sent>>,
    timeouts: RefCell<Vec<Timeouts>>,
    waits: RefCell<Vec<Duration>>,
    /// The files. There are none until a test writes some.
    pub(crate) folder: Folder,
}

impl Scripted {
    /// Creates a platform that plays `scenes`. Its randomness is 0, so that full jitter gives
    /// waits of zero.
    pub(crate) fn new<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> Self {
        let mut script = Script::new(scenes);
        Self::answering(move |_| script.next())
    }

    /// Creates a platform that makes a scene for each request.
    pub(crate) fn answering<S: Into<Scene>>(mut scene: impl FnMut(&Sent) -> S + 'static) -> Self {
        Self {
            scenes: RefCell::new(Box::new(move |request| scene(request).into())),
            random: Box::new(|draws| draws),
            draws: Cell::default(),
            elapsed: Cell::default(),
            begin: None,
            slept: Cell::default(),
            tick: Duration::ZERO,
            requests: RefCell::default(),
            timeouts: RefCell::default(),
            waits: RefCell::default(),
            folder: Folder::default(),
        }
    }

    /// Sets the randomness to `random`. Its last bits count the draws, so that no two results
    /// are equal. A wait is drawn from the first 53 bits.
    pub(crate) fn random(self, random: u64) -> Self {
        self.drawing(move |draws| random ^ draws)
    }

    /// Sets the randomness to a function of the number of earlier draws.
    pub(crate) fn drawing(self, random: impl Fn(u64) -> u64 + 'static) -> Self {
        Self {
            random: Box::new(random),
            ..self
        }
    }

    /// Uses Tokio's time. A test pauses it, and it passes only while all tasks wait. So
    /// several calls can wait for one response at the same time.
    pub(crate) fn in_tokio_time(self) -> Self {
        Self {
            begin: Some(Instant::now()),
            ..self
        }
    }

    /// Advances the wall clock by `tick` each time it is read.
    pub(crate) fn ticking(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// Returns all requests so far.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        self.requests.borrow().clone()
    }

    /// Takes all requests since the last call of this function.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.requests.take()
    }

    /// Returns the number of requests.
    pub(crate) fn attempts(&self) -> usize {
        self.requests.borrow().len()
    }

    /// Returns the timeouts of each request.
    pub(crate) fn timeouts(&self) -> Vec<Timeouts> {
        self.timeouts.borrow().clone()
    }

    /// Returns all waits so far.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.waits.borrow().clone()
    }

    async fn pass(&self, duration: Duration) {
        match self.begin {
            Some(_) => tokio::time::sleep(duration).await,
            None => self.elapsed.set(self.elapsed.get() + duration),
        }
    }
}

impl Transport for Scripted {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let sent = Sent::new(&request);
        let scene = (self.scenes.borrow_mut())(&sent);
        self.requests.borrow_mut().push(sent);
        self.timeouts.borrow_mut().push(request.timeouts);
        self.slept.set(self.slept.get() + scene.asleep);
        let total = request.timeouts.total;
        self.pass(scene.takes.min(total)).await;
        if scene.takes > total {
            return Err(TransportError::Timeout);
        }
        scene.result
    }
}

impl Clock for Scripted {
    fn now(&self) -> SystemTime {
        let slept = self.slept.get();
        self.slept.set(slept + self.tick);
        start() + self.monotonic() + slept
    }

    fn monotonic(&self) -> Duration {
        self.begin
            .map_or(self.elapsed.get(), |begin| begin.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        self.waits.borrow_mut().push(duration);
        self.pass(duration).await;
    }
}

impl Digest for Scripted {}

impl Files for Scripted {
    fn read(&self, path: &str, longest: u64) -> std::io::Result<Vec<u8>> {
        self.folder.read(path, longest)
    }
}

impl Random for Scripted {
    fn random(&self) -> u64 {
        let draws = self.draws.get();
        self.draws.set(draws + 1);
        (self.random)(draws)
    }
}
