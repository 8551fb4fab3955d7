//! A read is strongly consistent where the call, or else the configuration, says so; the request on the wire tells.

use dapr_wasm_host::types::{Consistency, GetOptions};
use host_test::counting_proxy::CountingProxy;
use serde_json::Value;

use crate::fixture::{Settings, Store, Table, assert_refused, engine};

fn reading(consistency: Consistency) -> Option<GetOptions> {
    Some(GetOptions {
        consistency: Some(consistency),
    })
}

async fn proxied() -> (Settings, CountingProxy) {
    let proxy = CountingProxy::start(engine().await.endpoint())
        .await
        .unwrap();
    let settings = Table::new().await.settings().await;
    (settings.through(proxy.endpoint()), proxy)
}

/// Whether the one request that a get, and the one that a bulk-get sends, ask for a consistent read.
async fn consistent(
    store: &mut Store,
    proxy: &CountingProxy,
    how: Option<GetOptions>,
) -> [bool; 2] {
    proxy.reset();
    store.state().get("k", how).await.unwrap();
    store
        .state()
        .bulk_get(&["k".to_owned()], how)
        .await
        .unwrap();
    let bodies: Vec<Value> = proxy
        .requests()
        .iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    let [get, bulk] = <[Value; 2]>::try_from(bodies).unwrap();
    let keys = bulk["RequestItems"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    [&get, keys].map(|asked| asked["ConsistentRead"].as_bool().unwrap_or(false))
}

#[tokio::test]
async fn a_read_is_eventual_unless_strong_is_asked_for() {
    let (settings, proxy) = proxied().await;
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
async fn the_configured_consistency_holds_for_reads_that_ask_for_neither() {
    let (settings, proxy) = proxied().await;
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
async fn a_consistency_of_another_name_is_an_invalid_configuration() {
    let settings = Table::new().await.settings().await;
    let answer = settings.with("consistency", "linearizable").init().await;
    assert_refused(
        answer,
        "invalid-configuration",
        &["consistency", "linearizable"],
    );
}

#[tokio::test]
async fn a_strong_read_sees_every_write_that_returned_before_it() {
    let table = Table::new().await;
    let (mut writer, mut reader) = (table.store().await, table.store().await);
    for round in 0..20_u8 {
        let etag = writer.state().set("k", &[round], None).await.unwrap();
        let item = reader.state().get("k", reading(Consistency::Strong)).await;
        let item = item.unwrap().unwrap();
        assert_eq!((item.value, item.etag), (vec![round], Some(etag)));
        writer.state().delete("k", None).await.unwrap();
        let item = reader.state().get("k", reading(Consistency::Strong)).await;
        assert_eq!(item.unwrap(), None);
    }
}
