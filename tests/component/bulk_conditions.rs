//! In a bulk call each request keeps its own condition and fails alone.

use host_test::embedded::{Embedded, Storage};
use serde_json::json;

use crate::engine_call::engine_call;
use crate::fixture::{
    Settings, Store, Table, assert_error, assert_refused, delete_if_etag, delete_of, first_write,
    if_etag, set_of,
};

async fn value(store: &mut Store, key: &str) -> Option<Vec<u8>> {
    let item = store.state().get(key, None).await.unwrap();
    item.map(|item| item.value)
}

#[tokio::test]
async fn a_bulk_set_with_one_wrong_etag_writes_the_others() {
    let mut store = Table::new().await.store().await;
    let sets = ["a", "b", "c"].map(|key| set_of(key, b"1", None));
    let written = store.state().bulk_set(&sets).await.unwrap();
    let etags: Vec<String> = written.into_iter().map(Result::unwrap).collect();
    let sets = [
        set_of("a", b"2", if_etag("bad-etag")),
        set_of("b", b"2", if_etag(&etags[1])),
        set_of("c", b"2", None),
    ];
    let [a, b, c] = <[_; 3]>::try_from(store.state().bulk_set(&sets).await.unwrap()).unwrap();
    assert_error(&a.unwrap_err(), "etag-mismatch", &["a"]);
    let item = store.state().get("a", None).await.unwrap().unwrap();
    assert_eq!(
        (item.value, item.etag.as_ref()),
        (b"1".to_vec(), etags.first())
    );
    for (key, etag) in [("b", b), ("c", c)] {
        let item = store.state().get(key, None).await.unwrap().unwrap();
        assert_eq!((item.value, item.etag), (b"2".to_vec(), etag.ok()), "{key}");
    }
}

#[tokio::test]
async fn a_bulk_delete_with_one_wrong_etag_deletes_the_others() {
    let mut store = Table::new().await.store().await;
    let mut etags = Vec::new();
    for key in ["a", "b", "c"] {
        etags.push(store.state().set(key, b"1", None).await.unwrap());
    }
    let deletes = [
        delete_of("a", delete_if_etag(&etags[0])),
        delete_of("b", delete_if_etag("bad-etag")),
        delete_of("c", None),
        delete_of("absent", delete_if_etag("1")),
    ];
    let answer = store.state().bulk_delete(&deletes).await.unwrap();
    let [a, b, c, absent] = <[_; 4]>::try_from(answer).unwrap();
    assert_eq!((a, c), (Ok(()), Ok(())));
    assert_error(&b.unwrap_err(), "etag-mismatch", &["b"]);
    assert_error(&absent.unwrap_err(), "etag-mismatch", &["absent"]);
    assert_eq!(value(&mut store, "a").await, None);
    assert_eq!(value(&mut store, "b").await, Some(b"1".to_vec()));
    assert_eq!(value(&mut store, "c").await, None);
}

#[tokio::test]
async fn many_conditional_requests_each_get_their_own_answer() {
    let mut store = Table::new().await.store().await;
    for i in (0..60).step_by(3) {
        store
            .state()
            .set(&format!("k-{i}"), b"old", None)
            .await
            .unwrap();
    }
    let sets: Vec<_> = (0..60)
        .map(|i| set_of(&format!("k-{i}"), b"new", first_write()))
        .collect();
    let written = store.state().bulk_set(&sets).await.unwrap();
    for (i, answer) in written.into_iter().enumerate() {
        let key = format!("k-{i}");
        if i % 3 == 0 {
            assert_error(&answer.unwrap_err(), "etag-mismatch", &[&key]);
            assert_eq!(value(&mut store, &key).await, Some(b"old".to_vec()));
        } else {
            let item = store.state().get(&key, None).await.unwrap().unwrap();
            assert_eq!((item.value, item.etag), (b"new".to_vec(), answer.ok()));
        }
    }
}

#[tokio::test]
async fn of_two_first_writes_on_one_key_the_first_one_wins() {
    let mut store = Table::new().await.store().await;
    let sets = [
        set_of("k", b"1", first_write()),
        set_of("k", b"2", first_write()),
    ];
    let [one, two] = <[_; 2]>::try_from(store.state().bulk_set(&sets).await.unwrap()).unwrap();
    assert!(one.is_ok(), "{one:?}");
    assert_error(&two.unwrap_err(), "etag-mismatch", &["k"]);
    assert_eq!(value(&mut store, "k").await, Some(b"1".to_vec()));
}

#[tokio::test]
async fn a_condition_sees_what_the_request_before_it_on_the_key_left() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"0", None).await.unwrap();
    let sets = [
        set_of("k", b"1", if_etag(&etag)),
        set_of("k", b"2", if_etag(&etag)),
        set_of("k", b"3", first_write()),
        set_of("k", b"4", None),
    ];
    let answer = store.state().bulk_set(&sets).await.unwrap();
    let [one, two, three, four] = <[_; 4]>::try_from(answer).unwrap();
    assert!(one.is_ok(), "{one:?}");
    assert_error(&two.unwrap_err(), "etag-mismatch", &["k"]);
    assert_error(&three.unwrap_err(), "etag-mismatch", &["k"]);
    let item = store.state().get("k", None).await.unwrap().unwrap();
    assert_eq!((item.value, item.etag), (b"4".to_vec(), four.ok()));
}

#[tokio::test]
async fn an_unconditional_set_before_a_conditional_one_on_the_key_comes_first() {
    let mut store = Table::new().await.store().await;
    let sets = [set_of("k", b"1", None), set_of("k", b"2", first_write())];
    let [one, two] = <[_; 2]>::try_from(store.state().bulk_set(&sets).await.unwrap()).unwrap();
    assert!(one.is_ok(), "{one:?}");
    assert_error(&two.unwrap_err(), "etag-mismatch", &["k"]);
    assert_eq!(value(&mut store, "k").await, Some(b"1".to_vec()));
}

#[tokio::test]
async fn deletes_on_one_key_take_effect_in_their_order() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"1", None).await.unwrap();
    let deletes = [
        delete_of("k", delete_if_etag("bad-etag")),
        delete_of("k", delete_if_etag(&etag)),
        delete_of("k", delete_if_etag(&etag)),
        delete_of("k", None),
    ];
    let answer = store.state().bulk_delete(&deletes).await.unwrap();
    let [wrong, right, stale, plain] = <[_; 4]>::try_from(answer).unwrap();
    assert_error(&wrong.unwrap_err(), "etag-mismatch", &["k"]);
    assert_eq!((right, plain), (Ok(()), Ok(())));
    assert_error(&stale.unwrap_err(), "etag-mismatch", &["k"]);
}

#[tokio::test]
async fn every_answer_of_a_bulk_call_on_a_lost_table_is_not_found() {
    let engine = Embedded::start(Storage::Memory).await.unwrap();
    engine.create_table("brief", "key").await.unwrap();
    let settings = Settings::at(engine.endpoint()).with("table", "brief");
    let mut store = settings.store().await;
    engine_call(
        engine.endpoint(),
        "DeleteTable",
        &json!({ "TableName": "brief" }),
    )
    .await;
    let refused = store.state().get("a", None).await;
    assert_refused(refused, "not-found", &["brief"]);
    match store.state().bulk_set(&[set_of("a", b"1", None)]).await {
        Ok(answer) => assert_error(answer[0].as_ref().unwrap_err(), "not-found", &["brief"]),
        refused => assert_refused(refused, "not-found", &["brief"]),
    }
}
