//! Instances share nothing but the data, and the data decides who wins.

use dapr_wasm_host::CallError;
use dapr_wasm_host::types::Operation;

use crate::fixture::{Store, Table, assert_refused, first_write, if_etag, set_of};

async fn stores(table: &Table, count: usize) -> Vec<Store> {
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(table.store().await);
    }
    stores
}

/// Runs one call per instance at the same time; the answers of those that lost come back as they are.
async fn race<F, T>(stores: Vec<Store>, call: F) -> (Vec<T>, Vec<CallError>)
where
    F: AsyncFn(usize, &mut Store) -> Result<T, CallError>,
{
    let mut calls = Vec::new();
    for (i, mut store) in stores.into_iter().enumerate() {
        let call = &call;
        calls.push(async move { call(i, &mut store).await });
    }
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for answer in futures_util::future::join_all(calls).await {
        match answer {
            Ok(value) => won.push(value),
            Err(error) => lost.push(error),
        }
    }
    (won, lost)
}

#[tokio::test]
async fn of_instances_that_race_on_one_etag_exactly_one_wins() {
    let table = Table::new().await;
    let etag = table
        .store()
        .await
        .state()
        .set("k", b"0", None)
        .await
        .unwrap();
    let stores = stores(&table, 6).await;
    let (won, lost) = race(stores, async |i, store| {
        let value = i.to_string();
        store
            .state()
            .set("k", value.as_bytes(), if_etag(&etag))
            .await
    })
    .await;
    assert_eq!((won.len(), lost.len()), (1, 5));
    for error in lost {
        assert_refused::<()>(Err(error), "etag-mismatch", &["k"]);
    }
    let item = table.store().await.state().get("k", None).await.unwrap();
    assert_eq!(item.unwrap().etag, won.into_iter().next());
}

#[tokio::test]
async fn of_instances_that_race_for_the_first_write_exactly_one_wins() {
    let table = Table::new().await;
    let stores = stores(&table, 6).await;
    let (won, lost) = race(stores, async |_, store| {
        store.state().set("k", b"v", first_write()).await
    })
    .await;
    assert_eq!((won.len(), lost.len()), (1, 5));
    for error in lost {
        assert_refused::<()>(Err(error), "etag-mismatch", &["k"]);
    }
}

#[tokio::test]
async fn of_transactions_that_race_for_the_first_write_exactly_one_applies_as_a_whole() {
    let table = Table::new().await;
    let stores = stores(&table, 4).await;
    let (won, lost) = race(stores, async |i, store| {
        let mine = set_of(&format!("mine-{i}"), b"v", None);
        let operations = [set_of("k", b"v", first_write()), mine].map(Operation::Set);
        store.state().transact(&operations).await.map(|_| i)
    })
    .await;
    assert_eq!((won.len(), lost.len()), (1, 3));
    for error in lost {
        assert_refused::<()>(Err(error), "etag-mismatch", &["k"]);
    }
    for i in 0..4 {
        let there = table.raw(&format!("mine-{i}")).await.is_some();
        assert_eq!(there, won.contains(&i), "mine-{i}");
    }
}

#[tokio::test]
async fn a_counter_that_instances_raise_by_etag_loses_no_step() {
    let table = Table::new().await;
    table
        .store()
        .await
        .state()
        .set("counter", b"0", None)
        .await
        .unwrap();
    let stores = stores(&table, 3).await;
    let (won, lost) = race(stores, async |_, store| {
        for _ in 0..10 {
            // Bounded: every lost round is another instance's step, and there are 20 of those.
            for round in 0.. {
                assert!(round <= 20, "more lost rounds than steps of the others");
                let item = store.state().get("counter", None).await?.unwrap();
                let count: u32 = String::from_utf8_lossy(&item.value).parse().unwrap();
                let next = (count + 1).to_string();
                let etag = if_etag(&item.etag.unwrap());
                match store.state().set("counter", next.as_bytes(), etag).await {
                    Ok(_) => break,
                    refused => assert_refused(refused, "etag-mismatch", &["counter"]),
                }
            }
        }
        Ok(())
    })
    .await;
    assert_eq!((won.len(), lost.len()), (3, 0));
    let item = table
        .store()
        .await
        .state()
        .get("counter", None)
        .await
        .unwrap();
    assert_eq!(item.unwrap().value, b"30");
}

#[tokio::test]
async fn instances_of_one_plugin_keep_their_own_configuration() {
    let (one, two) = (Table::new().await, Table::new().await);
    let (mut first, mut second) = (one.store().await, two.store().await);
    first.state().set("k", b"one", None).await.unwrap();
    second.state().set("k", b"two", None).await.unwrap();
    let item = first.state().get("k", None).await.unwrap().unwrap();
    assert_eq!(item.value, b"one");
    assert_eq!(two.raw("k").await.unwrap()["value"]["S"], "two");
}
