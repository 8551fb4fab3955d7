//! Consistency of reads: the call decides, or else the configuration. The tests check the request
//! on the wire.

use crate::fixture::{Settings, Store, Table, asks_for_consistent_read, assert_refused};
use dapr_wasm_host::types::{Consistency, GetOptions};
use host_test::counting_proxy::CountingProxy;

fn reading(consistency: Consistency) -> Option<GetOptions> {
    Some(GetOptions {
        consistency: Some(consistency),
    })
}

/// Does a `get` and a `bulk-get`, and returns for each whether its request asks for a consistent
/// read.
async fn consistent(
    store: &mut Store,
    proxy: &CountingProxy,
    how: Option<GetOptions>,
) -> [bool; 2] {
    proxy.reset();
    let mut state = store.state();
    state.get("k", how).await.unwrap();
    state.bulk_get(&["k".to_owned()], how).await.unwrap();
    let requests = proxy.requests();
    let [get, bulk_get] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    [get, bulk_get].map(asks_for_consistent_read)
}

#[tokio::test]
async fn read_is_eventual_unless_strong_is_requested() {
    let (settings, proxy) = Settings::counted().await;
    let mut store = settings.store().await;
    assert_eq!(consistent(&mut store, &proxy, None).await, [false; 2]);
    let none = Some(GetOptions::default());
    assert_eq!(consistent(&mut store, &proxy, none).await, [false; 2]);
    let eventual = reading(Consistency::Eventual);
    assert_eq!(consistent(&mut store, &proxy, eventual).await, [false; 2]);
    let strong = reading(Consistency::Strong);
    assert_eq!(consistent(&mut store, &proxy, strong).await, [true; 2]);
}

#[tokio::test]
async fn configured_consistency_is_the_default_for_reads() {
    let (settings, proxy) = Settings::counted().await;
    for spelled in ["strong", "Strong", "STRONG"] {
        let mut store = settings.with("consistency", spelled).store().await;
        assert_eq!(
            consistent(&mut store, &proxy, None).await,
            [true; 2],
            "{spelled}"
        );
        let eventual = reading(Consistency::Eventual);
        assert_eq!(consistent(&mut store, &proxy, eventual).await, [false; 2]);
    }
    let mut store = settings.with("consistency", "eventual").store().await;
    assert_eq!(consistent(&mut store, &proxy, None).await, [false; 2]);
    let strong = reading(Consistency::Strong);
    assert_eq!(consistent(&mut store, &proxy, strong).await, [true; 2]);
}

#[tokio::test]
async fn unknown_consistency_is_an_invalid_configuration() {
    let settings = Settings::new().await;
    let answer = settings.with("consistency", "linearizable").init().await;
    assert_refused(
        answer,
        "invalid-configuration",
        &["consistency", "linearizable"],
    );
}

#[tokio::test]
async fn strong_read_sees_every_completed_write() {
    let table = Table::new().await;
    let (mut writer, mut reader) = (table.store().await, table.store().await);
    for round in 0..20_u8 {
        let etag = writer.set("k", &[round]).await;
        let item = reader.state().get("k", reading(Consistency::Strong)).await;
        let item = item.unwrap().unwrap();
        assert_eq!((item.value, item.etag), (vec![round], Some(etag)));
        writer.delete("k").await;
        let item = reader.state().get("k", reading(Consistency::Strong)).await;
        assert_eq!(item.unwrap(), None);
    }
}
