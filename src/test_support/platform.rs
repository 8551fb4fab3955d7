//! A platform for tests: its answers are a script, its time passes only while
//! something waits, its randomness is one number for all that waits are drawn
//! from. It keeps every request and every wait.

use super::Folder;
use super::script::{Scene, Script};
use crate::http::{Clock, Files, Random, Request, Response, Timeouts, Transport, TransportError};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Wall clock time at the beginning.
pub(crate) fn start() -> SystemTime {
    /// Tue, 14 Nov 2023 22:13:20 GMT.
    const SECONDS: u64 = 1_700_000_000;
    SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS)
}

/// A request as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The method.
    pub(crate) method: String,
    /// Scheme, host, port and path.
    pub(crate) url: String,
    /// The fields, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Sent {
    /// As a test looks at it.
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

    /// The operation of DynamoDB.
    pub(crate) fn operation(&self) -> &str {
        let target = self.header("x-amz-target").unwrap_or_default();
        target.rsplit('.').next().unwrap_or_default()
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// The field of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(n, _)| n == name);
        field.map(|(_, value)| value.as_str())
    }
}

/// The answer to each request.
type Scenes = dyn FnMut(&Sent) -> Scene;

/// The platform.
pub(crate) struct Scripted {
    scenes: RefCell<Box<Scenes>>,
    random: Box<dyn Fn(u64) -> u64>,
    draws: Cell<u64>,
    elapsed: Cell<Duration>,
    /// The beginning by tokio's clock, where that is the time.
    begin: Option<Instant>,
    /// The time by which the wall clock is ahead of what has elapsed.
    slept: Cell<Duration>,
    /// The time that passes by the wall clock with each look at it.
    tick: Duration,
    requests: RefCell<Vec<Sent>>,
    timeouts: RefCell<Vec<Timeouts>>,
    waits: RefCell<Vec<Duration>>,
    /// The files: none, unless some are written.
    pub(crate) folder: Folder,
}

impl Scripted {
    /// Its randomness is 0: full jitter then waits for nothing.
    pub(crate) fn new<S: Into<Scene>>(scenes: impl IntoIterator<Item = S>) -> Self {
        let mut script = Script::new(scenes);
        Self::answering(move |_| script.next())
    }

    /// With scenes made for each request.
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

    /// With that randomness: the number with the draws so far in its last bits, so that
    /// no two are equal. A wait is drawn from the 53 bits before them.
    pub(crate) fn random(self, random: u64) -> Self {
        self.drawing(move |draws| random ^ draws)
    }

    /// With randomness made of the number of draws before.
    pub(crate) fn drawing(self, random: impl Fn(u64) -> u64 + 'static) -> Self {
        Self {
            random: Box::new(random),
            ..self
        }
    }

    /// With tokio's time: a test pauses it, and it passes while all wait. So several
    /// calls can wait for one answer at the same time.
    pub(crate) fn in_tokio_time(self) -> Self {
        Self {
            begin: Some(Instant::now()),
            ..self
        }
    }

    /// With a wall clock that goes on by so much each time it is read.
    pub(crate) fn ticking(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        self.requests.borrow().clone()
    }

    /// All requests since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.requests.take()
    }

    /// How many requests there were.
    pub(crate) fn attempts(&self) -> usize {
        self.requests.borrow().len()
    }

    /// How long each request might take.
    pub(crate) fn timeouts(&self) -> Vec<Timeouts> {
        self.timeouts.borrow().clone()
    }

    /// All waits so far.
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
