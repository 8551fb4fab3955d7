//! A write whose answer was lost is sent again where that cannot take effect twice. Its own effect is not taken for
//! somebody else's, and where nobody can know what became of it, that is what the caller hears.

use serde_json::json;

use host_test::counting_proxy::CountingProxy;

use crate::fixture::{
    Store, Table, assert_error, assert_refused, delete_if_etag, delete_of, engine, first_write,
    if_etag, set_of,
};
use crate::lossy_proxy::LossyProxy;
use crate::transaction::{delete, set};

/// A store behind a proxy that loses no answer yet.
async fn lossy(attempts: &str) -> (Store, LossyProxy, Table) {
    let table = Table::new().await;
    let proxy = LossyProxy::start(engine().await.endpoint());
    let settings = table.settings().await.through(proxy.endpoint());
    let store = settings.with("maxAttempts", attempts).store().await;
    (store, proxy, table)
}

#[tokio::test]
async fn a_read_whose_answer_was_lost_is_read_again() {
    let (mut store, proxy, _table) = lossy("3").await;
    store.state().set("k", b"v", None).await.unwrap();
    proxy.lose(2);
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!((item.value, proxy.to_lose()), (b"v".to_vec(), 0));
    proxy.lose(2);
    let many = store
        .state()
        .bulk_get(&["k".to_owned()], None)
        .await
        .unwrap();
    assert_eq!(many[0].as_ref().unwrap().as_ref().unwrap().value, b"v");
}

#[tokio::test]
async fn a_conditional_set_whose_answer_was_lost_is_a_success_and_no_mismatch() {
    let (mut store, proxy, table) = lossy("3").await;
    for losses in [1, 2] {
        proxy.lose(losses);
        let etag = store.state().set("k", b"1", first_write()).await.unwrap();
        assert_eq!(proxy.to_lose(), 0);
        assert_eq!(table.raw("k").await.unwrap()["etag"]["S"], etag);
        proxy.lose(losses);
        let etag = store.state().set("k", b"2", if_etag(&etag)).await.unwrap();
        let item = store.state().get("k", None).await.unwrap().unwrap();
        assert_eq!((item.value, item.etag), (b"2".to_vec(), Some(etag)));
        store.state().delete("k", None).await.unwrap();
    }
}

/// The first try may have succeeded and been overwritten since; whoever says mismatch says that nothing was written.
#[tokio::test]
async fn a_conditional_set_that_meets_another_etag_at_its_second_try_is_of_unknown_outcome() {
    let (mut store, proxy, table) = lossy("3").await;
    store.state().set("order-1", b"1", None).await.unwrap();
    for options in [if_etag("bad-etag"), first_write()] {
        proxy.lose(1);
        let answer = store.state().set("order-1", b"2", options).await;
        assert_refused(answer, "unavailable", &["order-1"]);
    }
    assert_eq!(table.raw("order-1").await.unwrap()["value"]["S"], "1");
}

#[tokio::test]
async fn a_plain_set_whose_answer_was_lost_is_a_success_and_is_not_sent_again() {
    let (mut store, proxy, table) = lossy("2").await;
    let counting = CountingProxy::start(proxy.endpoint()).await.unwrap();
    let settings = table.settings().await.through(counting.endpoint());
    let mut counted = settings.store().await;
    counting.reset();
    proxy.lose(1);
    let etag = counted.state().set("k", b"v", None).await.unwrap();
    assert_eq!(table.raw("k").await.unwrap()["etag"]["S"], etag);
    assert_eq!(counting.count("PutItem"), 1);
    assert_eq!(counting.count("GetItem"), 1);
    // What another caller wrote meanwhile stands.
    store.state().set("k", b"other", None).await.unwrap();
    assert_eq!(table.raw("k").await.unwrap()["value"]["S"], "other");
}

#[tokio::test]
async fn a_plain_delete_or_create_whose_answer_was_lost_is_of_unknown_outcome() {
    let (mut store, proxy, table) = lossy("2").await;
    store.state().set("order-1", b"v", None).await.unwrap();
    proxy.lose(1);
    let answer = store.state().delete("order-1", None).await;
    assert_refused(answer, "unavailable", &["order-1"]);
    assert_eq!((table.raw("order-1").await, proxy.to_lose()), (None, 0));
    let settings = table.settings().await.through(proxy.endpoint());
    store.binding().init(&settings.metadata).await.unwrap();
    proxy.lose(1);
    let create = store
        .binding()
        .invoke("create", br#"{"key": "k"}"#, None)
        .await;
    assert_refused(create, "unavailable", &[]);
    assert_eq!(table.raw("k").await, Some(json!({ "key": { "S": "k" } })));
}

#[tokio::test]
async fn a_conditional_delete_that_finds_the_item_gone_at_its_second_try_is_of_unknown_outcome() {
    let (mut store, proxy, table) = lossy("3").await;
    let etag = store.state().set("order-1", b"v", None).await.unwrap();
    proxy.lose(1);
    let answer = store.state().delete("order-1", delete_if_etag(&etag)).await;
    assert_refused(answer, "unavailable", &["order-1"]);
    assert_eq!((table.raw("order-1").await, proxy.to_lose()), (None, 0));
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_applies_once() {
    let (mut store, proxy, table) = lossy("3").await;
    let etag = store.state().set("deleted", b"v", None).await.unwrap();
    proxy.lose(2);
    let operations = [
        set("new", b"1", first_write()),
        delete("deleted", delete_if_etag(&etag)),
        set("plain", b"1", None),
    ];
    let etags = store.state().transact(&operations).await.unwrap();
    assert_eq!(proxy.to_lose(), 0);
    for (i, key) in [(0, "new"), (2, "plain")] {
        assert_eq!(
            table.raw(key).await.unwrap()["etag"]["S"].as_str(),
            etags[i].as_deref()
        );
    }
    assert_eq!(table.raw("deleted").await, None);
}

#[tokio::test]
async fn bulk_sets_whose_answers_were_lost_are_successes_and_bulk_deletes_of_unknown_outcome() {
    let (mut store, proxy, table) = lossy("3").await;
    proxy.lose(2);
    let sets = [
        set_of("a", b"1", None),
        set_of("b", b"1", first_write()),
        set_of("c", b"1", None),
    ];
    let written = store.state().bulk_set(&sets).await.unwrap();
    assert_eq!(proxy.to_lose(), 0);
    for (set, etag) in sets.iter().zip(written) {
        assert_eq!(
            table.raw(&set.key).await.unwrap()["etag"]["S"],
            etag.unwrap()
        );
    }
    proxy.lose(1);
    let deletes = [delete_of("a", None), delete_of("c", None)];
    let deleted = store.state().bulk_delete(&deletes).await.unwrap();
    for (delete, answer) in deletes.iter().zip(deleted) {
        assert_error(&answer.unwrap_err(), "unavailable", &[&delete.key]);
        assert_eq!(table.raw(&delete.key).await, None);
    }
}

#[tokio::test]
async fn a_write_whose_every_answer_was_lost_is_of_unknown_outcome_and_may_have_happened() {
    let (mut store, proxy, table) = lossy("2").await;
    proxy.lose(3);
    let answer = store.state().set("k", b"v", None).await;
    assert_refused(answer, "unavailable", &[]);
    assert!(table.raw("k").await.is_some());
    proxy.lose(2);
    assert_refused(
        store.state().transact(&[set("t", b"v", None)]).await,
        "unavailable",
        &[],
    );
    assert!(table.raw("t").await.is_some());
    proxy.lose(3);
    let answer = store
        .state()
        .bulk_set(&[set_of("b", b"v", None)])
        .await
        .unwrap();
    assert_error(answer[0].as_ref().unwrap_err(), "unavailable", &[]);
    assert!(table.raw("b").await.is_some());
}
