//! Signers on a scripted platform in tokio's time.

use crate::aws::Limits;
use crate::aws::endpoint::Endpoint;
use crate::aws::sign::Signer;
use crate::credentials::{Signers, Signing};
use crate::dynamodb::{Client, ClientConfig, SERVICE};
use crate::error::Error;
use crate::fields::Fields;
use crate::http::Clock;
use crate::test_support::{Scene, Scripted, Sent};
use std::rc::Rc;
use std::time::Duration;

/// The region of calls and of STS.
pub(super) const REGION: &str = "eu-west-1";

/// Four attempts of ten seconds each.
pub(super) const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(10),
    max_attempts: 4,
};

/// Returns a platform in tokio's time. `scene` decides the outcome of each request. All random
/// numbers are 0, so that backoff does not wait.
pub(super) fn stage<S: Into<Scene>>(scene: impl FnMut(&Sent) -> S + 'static) -> Rc<Scripted> {
    drawing(0, scene)
}

/// Returns the same platform, with `random` for every random number.
pub(super) fn drawing<S: Into<Scene>>(
    random: u64,
    scene: impl FnMut(&Sent) -> S + 'static,
) -> Rc<Scripted> {
    let platform = Scripted::answering(scene).in_tokio_time();
    Rc::new(platform.drawing(move |_| random))
}

/// Parses the signing configuration from metadata and environment.
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

/// Returns the signers of a client with that environment.
pub(super) fn signers(stage: &Rc<Scripted>, environment: &[(&str, &str)]) -> Signers<Scripted> {
    signers_of(stage, &[], environment)
}

/// Returns the signers of a client with that metadata and environment.
pub(super) fn signers_of(
    stage: &Rc<Scripted>,
    metadata: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Signers<Scripted> {
    let signing = parse(metadata, environment).expect("a configuration");
    Signers::new(stage, signing, REGION.to_owned(), SERVICE)
}

/// Returns the signer of a call that begins now.
pub(super) async fn signer(
    stage: &Scripted,
    signers: &Signers<Scripted>,
) -> Result<Rc<Signer>, Error> {
    let deadline = stage.monotonic() + LIMITS.operation_timeout();
    let signer = signers.signer(stage.now(), deadline).await?;
    Ok(signer.signer.expect("the guest signs"))
}

/// Returns the access key id that signs such a call.
pub(super) async fn id(stage: &Scripted, signers: &Signers<Scripted>) -> Result<String, Error> {
    let signer = signer(stage, signers).await?;
    Ok(signer.access_key_id().to_owned())
}

/// Returns a client with that environment.
pub(super) fn client(stage: &Rc<Scripted>, environment: &[(&str, &str)]) -> Client<Scripted> {
    let config = ClientConfig {
        endpoint: Endpoint::of_region(SERVICE, REGION).expect("a region"),
        region: REGION.to_owned(),
        signing: parse(&[], environment).expect("a configuration"),
        limits: LIMITS,
    };
    Client::new(Rc::clone(stage), config)
}
