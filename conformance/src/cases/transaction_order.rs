//! Operations of a transaction on one key take effect in their order. Each sees the result of the
//! one before.

use super::*;

pub const GROUP: Group = Group {
    name: "order in transactions",
    interface: Interface::State,
    cases: cases!(
        [Transactional],
        [
            operations_on_one_key_take_effect_in_order,
            first_condition_on_a_key_decides_for_later_operations(Etag),
            etag_never_matches_after_a_change_of_its_key(Etag),
            first_write_fails_after_a_set_but_not_after_a_delete(Etag),
            impossible_sequence_refuses_operations_on_other_keys(Etag),
        ]
    ),
};

async fn operations_on_one_key_take_effect_in_order(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    store.set("one", b"1", None).await?;
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
    let etags: [_; 8] = by_position(store.transact(&operations).await?)?;
    let given = etags.each_ref().map(Option::is_some);
    let sets = [false, true, false, true, true, true, false, true];
    equal("the operations with an ETag", given, sets)?;
    for (name, expected) in [
        ("one", None),
        ("two", None),
        ("three", Some(b"3")),
        ("four", Some(b"4")),
        ("five", Some(b"5")),
    ] {
        let expected = expected.map(|bytes| bytes.to_vec());
        equal(name, store.value(name).await?, expected)?;
    }
    let [_, _, _, _, overwritten, last, _, _] = etags;
    let stored = store.item("four").await?.etag;
    holds(
        stored.is_none() || (stored == last && overwritten != last),
        format_args!("the ETags {overwritten:?} and {last:?} of a key that has {stored:?}"),
    )
}

async fn first_condition_on_a_key_decides_for_later_operations(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"0", None).await?;
    for operations in [
        [set("k", b"1", if_etag("bad-etag")), set("k", b"2", None)],
        [set("k", b"1", first_write()), delete("k", None)],
        [
            delete("k", delete_if_etag("bad-etag")),
            set("k", b"2", None),
        ],
    ] {
        let answer = store.transact(&operations).await;
        mismatch(answer, &scene.key("k"))?;
        equal("the value", store.value("k").await?, Some(b"0".to_vec()))?;
    }
    let operations = [set("k", b"1", if_etag(&etag)), set("k", b"2", None)];
    store.transact(&operations).await?;
    equal("the value", store.value("k").await?, Some(b"2".to_vec()))
}

async fn etag_never_matches_after_a_change_of_its_key(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let etag = store.set("k", b"0", None).await?;
    for operations in [
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
        let answer = store.transact(&operations).await;
        mismatch(answer, &scene.key("k"))?;
        equal("the value", store.value("k").await?, Some(b"0".to_vec()))?;
    }
    Ok(())
}

async fn first_write_fails_after_a_set_but_not_after_a_delete(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    for operations in [
        [set("k", b"1", None), set("k", b"2", first_write())],
        [set("k", b"1", first_write()), set("k", b"2", first_write())],
    ] {
        let answer = store.transact(&operations).await;
        mismatch(answer, &scene.key("k"))?;
        equal("the value", store.value("k").await?, None)?;
    }
    let etag = store.set("k", b"0", None).await?;
    let operations = [
        delete("k", delete_if_etag(&etag)),
        set("k", b"1", first_write()),
    ];
    store.transact(&operations).await?;
    equal("the value", store.value("k").await?, Some(b"1".to_vec()))?;
    let operations = [delete("k", None), set("k", b"2", first_write())];
    store.transact(&operations).await?;
    equal("the value", store.value("k").await?, Some(b"2".to_vec()))
}

async fn impossible_sequence_refuses_operations_on_other_keys(scene: &Scene) -> Checked {
    let mut store = scene.store().await?;
    let operations = [
        set("bystander", b"1", None),
        set("impossible", b"1", None),
        set("impossible", b"2", first_write()),
    ];
    let answer = store.transact(&operations).await;
    mismatch(answer, &scene.key("impossible"))?;
    equal("the other key", store.value("bystander").await?, None)
}
