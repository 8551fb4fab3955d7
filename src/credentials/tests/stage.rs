//! A platform whose time is tokio's: a test pauses it, and it passes while all
//! wait. So several calls can wait for one answer at the same time.

use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::aws::sign::Signer;
use crate::credentials::{Signers, Signing};
use crate::dynamodb::{Client, ClientConfig, SERVICE};
use crate::error::Error;
use crate::fields::Fields;
use crate::http::{Clock, Files, Random, Request, Response, Transport, TransportError};
use crate::test_support::{Folder, Scene, Sent, start};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Where calls go to and STS is asked.
pub(super) const REGION: &str = "eu-west-1";

/// Ten seconds for an attempt, four attempts.
pub(super) const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(10),
    max_attempts: 4,
};

type Scenes = dyn FnMut(&Sent) -> Scene;

/// The platform.
pub(super) struct Stage {
    scenes: RefCell<Box<Scenes>>,
    sent: RefCell<Vec<Sent>>,
    begin: Instant,
    /// All that is drawn.
    pub(super) random: Cell<u64>,
    pub(super) folder: Folder,
}

impl Stage {
    /// What `scene` makes of each request.
    pub(super) fn answering<S: Into<Scene>>(
        mut scene: impl FnMut(&Sent) -> S + 'static,
    ) -> Rc<Self> {
        Rc::new(Self {
            scenes: RefCell::new(Box::new(move |sent| scene(sent).into())),
            sent: RefCell::default(),
            begin: Instant::now(),
            random: Cell::new(0),
            folder: Folder::default(),
        })
    }

    /// All requests since the last look.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.take()
    }
}

impl Transport for Stage {
    async fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let sent = Sent::new(&request);
        let scene = (self.scenes.borrow_mut())(&sent);
        self.sent.borrow_mut().push(sent);
        let total = request.timeouts.total;
        tokio::time::sleep(scene.takes.min(total)).await;
        if scene.takes > total {
            return Err(TransportError::Timeout);
        }
        scene.result
    }
}

impl Clock for Stage {
    fn now(&self) -> SystemTime {
        start() + self.begin.elapsed()
    }

    fn monotonic(&self) -> Duration {
        self.begin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Random for Stage {
    fn random(&self) -> u64 {
        self.random.get()
    }
}

impl Files for Stage {
    fn read(&self, path: &str, longest: u64) -> std::io::Result<Vec<u8>> {
        self.folder.read(path, longest)
    }
}

/// What metadata and environment say of who signs.
pub(super) fn parse(
    metadata: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<Signing, Error> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let metadata: Vec<_> = metadata.iter().map(own).collect();
    let lookup = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| (*value).to_owned())
    };
    Signing::parse(&Fields::new(&metadata, &lookup), REGION, LIMITS)
}

/// Who signs, with that environment.
pub(super) fn signers(stage: &Rc<Stage>, environment: &[(&str, &str)]) -> Signers<Stage> {
    signers_of(stage, &[], environment)
}

/// Who signs, with that metadata and environment.
pub(super) fn signers_of(
    stage: &Rc<Stage>,
    metadata: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Signers<Stage> {
    let signing = parse(metadata, environment).expect("a configuration");
    Signers::new(stage, signing, REGION.to_owned(), SERVICE)
}

/// The signer of a call that begins now.
pub(super) async fn signer(stage: &Stage, signers: &Signers<Stage>) -> Result<Rc<Signer>, Error> {
    let deadline = stage.monotonic() + LIMITS.operation_timeout();
    let signer = signers.signer(stage.now(), deadline).await?;
    Ok(signer.signer.expect("the guest signs"))
}

/// The access key id that signs such a call.
pub(super) async fn id(stage: &Stage, signers: &Signers<Stage>) -> Result<String, Error> {
    let signer = signer(stage, signers).await?;
    Ok(signer.access_key_id().to_owned())
}

/// A client with that environment.
pub(super) fn client(stage: &Rc<Stage>, environment: &[(&str, &str)]) -> Client<Stage> {
    let config = ClientConfig {
        endpoint: Endpoint::of_region(SERVICE, REGION).expect("a region"),
        region: REGION.to_owned(),
        signing: parse(&[], environment).expect("a configuration"),
        limits: LIMITS,
    };
    Client::new(Rc::clone(stage), config)
}
