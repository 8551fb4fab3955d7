//! Nothing leaves that need not or must not: no request for a wrong argument, no connection beyond the allow-list.

use dapr_wasm_host::{Egress, InstanceOptions};
use host_test::counting_proxy::CountingProxy;
use tokio::net::TcpListener;

use crate::faulty_server::{Fault, FaultyServer, answer};
use crate::fixture::{Table, assert_refused, engine, expiring, plugin};
use crate::transaction::{delete, set};

/// Whether anybody has connected to this listener so far.
async fn was_connected_to(listener: TcpListener) -> bool {
    let listener = listener.into_std().unwrap();
    match listener.accept() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            false
        }
    }
}

#[tokio::test]
async fn a_wrong_argument_costs_no_request() {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let settings = Table::new()
        .await
        .settings()
        .await
        .through(proxy.endpoint());
    let mut store = settings.store().await;
    store.binding().init(&settings.metadata).await.unwrap();
    proxy.reset();
    let (long, big) = ("k".repeat(3000), vec![b'x'; 500_000]);
    for key in ["", long.as_str()] {
        assert!(store.state().get(key, None).await.is_err());
        assert!(store.state().set(key, b"v", None).await.is_err());
        assert!(store.state().delete(key, None).await.is_err());
        store
            .state()
            .bulk_get(&[key.to_owned()], None)
            .await
            .unwrap();
        assert!(
            store
                .state()
                .transact(&[set("a", b"v", None), delete(key, None)])
                .await
                .is_err()
        );
    }
    assert!(store.state().set("k", &big, None).await.is_err());
    assert!(store.state().set("k", b"v", expiring(-2)).await.is_err());
    assert!(store.state().set("k", b"v", expiring(60)).await.is_err());
    assert!(
        store
            .state()
            .transact(&vec![delete("k", None); 101])
            .await
            .is_err()
    );
    assert!(
        store
            .state()
            .transact(&[set("k", &big, None)])
            .await
            .is_err()
    );
    let impossible = [
        set("k", b"1", None),
        set("k", b"2", crate::fixture::first_write()),
    ];
    assert!(store.state().transact(&impossible).await.is_err());
    assert!(
        store
            .binding()
            .invoke("destroy", b"{}", None)
            .await
            .is_err()
    );
    for data in ["", "[]", "\"bare\"", r#"{"key": "k", "n": NaN}"#] {
        assert!(
            store
                .binding()
                .invoke("create", data.as_bytes(), None)
                .await
                .is_err()
        );
    }
    assert!(
        store
            .state()
            .init(&settings.with("table", "").metadata)
            .await
            .is_err()
    );
    let seen: Vec<String> = proxy
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert!(seen.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn nothing_to_do_costs_no_request() {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let settings = Table::new()
        .await
        .settings()
        .await
        .through(proxy.endpoint());
    let mut store = settings.store().await;
    proxy.reset();
    store.state().bulk_get(&[], None).await.unwrap();
    store.state().bulk_set(&[]).await.unwrap();
    store.state().bulk_delete(&[]).await.unwrap();
    store.state().transact(&[]).await.unwrap();
    store.state().features().await.unwrap();
    store.state().max_transaction_size().await.unwrap();
    store.binding().operations().await.unwrap();
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_the_host_does_not_allow_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    let settings = Table::new().await.settings().await;
    let settings = settings.with("endpoint", &format!("http://{closed}"));
    let mut store = settings.blank().await;
    let answer = store.state().init(&settings.metadata).await;
    assert_refused(answer, "access-denied", &[&closed.to_string()]);
    assert!(!was_connected_to(listener).await);
}

#[tokio::test]
async fn an_instance_without_egress_reaches_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Table::new().await.settings().await;
    let settings = settings.with(
        "endpoint",
        &format!("http://{}", listener.local_addr().unwrap()),
    );
    let mut instance = plugin().instantiate(&InstanceOptions::new()).await.unwrap();
    let answer = instance.state().unwrap().init(&settings.metadata).await;
    assert_refused(answer, "access-denied", &["host"]);
    assert!(!was_connected_to(listener).await);
}

/// A name that only looks like an allowed one is another name.
#[tokio::test]
async fn the_allow_list_is_exact_in_host_and_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = Table::new().await.settings().await;
    let settings = settings.with("endpoint", &format!("http://127.0.0.1:{port}"));
    for allowed in [
        format!("127.0.0.1:{}", port ^ 1),
        format!("localhost:{port}"),
        format!("127.0.0.11:{port}"),
        "dynamodb.*.amazonaws.com:443".to_owned(),
    ] {
        let egress = Egress::builder().allow(&allowed).build().unwrap();
        let options = InstanceOptions::new().egress(egress);
        let mut instance = plugin().instantiate(&options).await.unwrap();
        let answer = instance.state().unwrap().init(&settings.metadata).await;
        assert_refused(answer, "access-denied", &[&port.to_string()]);
    }
    assert!(!was_connected_to(listener).await);
}

/// A redirect would carry signed requests, and their session token, to wherever the answer points.
#[tokio::test]
async fn a_redirect_is_not_followed_even_to_an_allowed_place() {
    let target = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let location = format!("{}/", target.endpoint());
    let redirect = answer(
        "307 Temporary Redirect",
        &format!("Location: {location}\r\n"),
        "",
    );
    let server = FaultyServer::start(Fault::Answers(redirect)).await;
    let settings = Table::new().await.settings().await;
    let settings = settings.with("maxAttempts", "1");
    let settings = settings
        .through(target.endpoint())
        .through(&server.endpoint);
    assert_refused(settings.init().await, "unavailable", &["307"]);
    assert!(target.requests().is_empty());
}
