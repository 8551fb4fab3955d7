//! An instance can connect only to the servers that its host allows.

use crate::fixture::{Settings, assert_refused, plugin};
use dapr_wasm_host::{Egress, InstanceOptions};
use host_test::raw_call::raw_call;
use http::StatusCode;
use serde_json::json;
use test_support::faults::{Action, FaultProxy, Reply};

/// Returns a server that an instance must not contact, and a configuration that names it.
async fn forbidden() -> (FaultProxy, Settings) {
    let server = FaultProxy::stub(Action::answer(Reply::html(StatusCode::OK))).unwrap();
    let settings = Settings::new().await.with("endpoint", server.endpoint());
    (server, settings)
}

/// Asserts that nobody else has connected to the server: the first connection is this function's
/// own.
async fn assert_left_alone(server: &FaultProxy) {
    let answer = raw_call(server.endpoint(), "ListTables", &json!({})).await;
    assert_eq!((answer.unwrap().0, server.connections()), (200, 1));
}

#[tokio::test]
async fn endpoint_not_allowed_by_the_host_is_never_contacted() {
    let (server, settings) = forbidden().await;
    let mut store = settings.blank().await;
    let answer = store.state().init(&settings.metadata).await;
    let authority = server.endpoint().trim_start_matches("http://");
    assert_refused(answer, "access-denied", &[authority]);
    assert_left_alone(&server).await;
}

#[tokio::test]
async fn instance_without_egress_connects_to_nothing() {
    let (server, settings) = forbidden().await;
    let mut instance = plugin().instantiate(&InstanceOptions::new()).await.unwrap();
    let answer = instance.state().unwrap().init(&settings.metadata).await;
    assert_refused(answer, "access-denied", &["host"]);
    assert_left_alone(&server).await;
}

/// A name that only looks like an allowed one is a different name.
#[tokio::test]
async fn egress_allow_list_matches_exact_host_and_port() {
    let (server, settings) = forbidden().await;
    let (_, port) = server.endpoint().rsplit_once(':').unwrap();
    let other = port.parse::<u16>().unwrap() ^ 1;
    for allowed in [
        format!("127.0.0.1:{other}"),
        format!("localhost:{port}"),
        format!("127.0.0.11:{port}"),
        "dynamodb.*.amazonaws.com:443".to_owned(),
    ] {
        let egress = Egress::builder().allow(&allowed).build().unwrap();
        let options = InstanceOptions::new().egress(egress);
        let mut instance = plugin().instantiate(&options).await.unwrap();
        let answer = instance.state().unwrap().init(&settings.metadata).await;
        assert_refused(answer, "access-denied", &[port]);
    }
    assert_left_alone(&server).await;
}

/// A followed redirect would send signed requests, and their session token, to any server that the
/// response names.
#[tokio::test]
async fn redirect_is_not_followed_even_to_an_allowed_host() {
    let (target, settings) = forbidden().await;
    let redirect = Reply::redirect(StatusCode::TEMPORARY_REDIRECT, target.endpoint());
    let server = FaultProxy::stub(Action::answer(redirect)).unwrap();
    let settings = settings
        .with("maxAttempts", "1")
        .through(target.endpoint())
        .through(server.endpoint());
    assert_refused(settings.init().await, "unavailable", &["307"]);
    assert_left_alone(&target).await;
}
