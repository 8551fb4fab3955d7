//! Operations on one key fold into one: the first one's condition, the last one's effect; what cannot hold is a mismatch.

use crate::fixture::{Table, assert_refused, delete_if_etag, first_write, if_etag};
use crate::transaction::{delete, set, value};

#[tokio::test]
async fn operations_on_one_key_take_effect_in_their_order() {
    let mut store = Table::new().await.store().await;
    store.state().set("one", b"1", None).await.unwrap();
    let operations = [
        delete("one", None),
        set("two", b"2", None),
        delete("two", None),
        set("three", b"3", None),
        set("four", b"x", None),
        set("four", b"4", None),
        delete("five", None),
        set("five", b"5", None),
    ];
    let etags = store.state().transact(&operations).await.unwrap();
    let given: Vec<bool> = etags.iter().map(Option::is_some).collect();
    assert_eq!(given, [false, true, false, true, true, true, false, true]);
    for (key, expected) in [
        ("one", None),
        ("two", None),
        ("three", Some(b"3")),
        ("four", Some(b"4")),
        ("five", Some(b"5")),
    ] {
        let expected = expected.map(|bytes| bytes.to_vec());
        assert_eq!(value(&mut store, key).await, expected, "{key}");
    }
    let four = store.state().get("four", None).await.unwrap().unwrap();
    assert_eq!(four.etag, etags[5]);
    assert_ne!(etags[4], etags[5]);
}

#[tokio::test]
async fn the_first_condition_on_a_key_decides_for_the_ones_that_follow() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"0", None).await.unwrap();
    for refused in [
        [set("k", b"1", if_etag("bad-etag")), set("k", b"2", None)],
        [set("k", b"1", first_write()), delete("k", None)],
        [
            delete("k", delete_if_etag("bad-etag")),
            set("k", b"2", None),
        ],
    ] {
        let answer = store.state().transact(&refused).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        assert_eq!(value(&mut store, "k").await, Some(b"0".to_vec()));
    }
    let operations = [set("k", b"1", if_etag(&etag)), set("k", b"2", None)];
    store.state().transact(&operations).await.unwrap();
    assert_eq!(value(&mut store, "k").await, Some(b"2".to_vec()));
}

#[tokio::test]
async fn an_etag_after_a_change_of_the_key_cannot_match() {
    let mut store = Table::new().await.store().await;
    let etag = store.state().set("k", b"0", None).await.unwrap();
    for refused in [
        [set("k", b"1", None), set("k", b"2", if_etag(&etag))],
        [
            set("k", b"1", if_etag(&etag)),
            set("k", b"2", if_etag(&etag)),
        ],
        [set("k", b"1", None), delete("k", delete_if_etag(&etag))],
        [delete("k", None), set("k", b"2", if_etag(&etag))],
        [
            delete("k", delete_if_etag(&etag)),
            delete("k", delete_if_etag(&etag)),
        ],
    ] {
        let answer = store.state().transact(&refused).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        assert_eq!(value(&mut store, "k").await, Some(b"0".to_vec()));
    }
}

#[tokio::test]
async fn a_first_write_after_a_set_of_the_key_is_a_mismatch_and_after_a_delete_is_not() {
    let mut store = Table::new().await.store().await;
    for refused in [
        [set("k", b"1", None), set("k", b"2", first_write())],
        [set("k", b"1", first_write()), set("k", b"2", first_write())],
    ] {
        let answer = store.state().transact(&refused).await;
        assert_refused(answer, "etag-mismatch", &["k"]);
        assert_eq!(value(&mut store, "k").await, None);
    }
    let etag = store.state().set("k", b"0", None).await.unwrap();
    let operations = [
        delete("k", delete_if_etag(&etag)),
        set("k", b"1", first_write()),
    ];
    store.state().transact(&operations).await.unwrap();
    assert_eq!(value(&mut store, "k").await, Some(b"1".to_vec()));
    let operations = [delete("k", None), set("k", b"2", first_write())];
    store.state().transact(&operations).await.unwrap();
    assert_eq!(value(&mut store, "k").await, Some(b"2".to_vec()));
}

#[tokio::test]
async fn a_sequence_that_cannot_hold_refuses_the_operations_on_other_keys_too() {
    let mut store = Table::new().await.store().await;
    let operations = [
        set("bystander", b"1", None),
        set("impossible", b"1", None),
        set("impossible", b"2", first_write()),
    ];
    let answer = store.state().transact(&operations).await;
    assert_refused(answer, "etag-mismatch", &["impossible"]);
    assert_eq!(value(&mut store, "bystander").await, None);
}

#[tokio::test]
async fn one_wrong_operation_is_refused_though_a_later_one_on_the_key_would_hide_it() {
    let mut store = Table::new().await.store().await;
    let big = vec![b'x'; 500_000];
    let operations = [set("k", &big, None), set("k", b"small", None)];
    let answer = store.state().transact(&operations).await;
    assert_refused(answer, "too-large", &["k"]);
    assert_eq!(value(&mut store, "k").await, None);
}
